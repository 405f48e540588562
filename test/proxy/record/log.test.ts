import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { createLog, type LogOptions } from '../../../proxy/record/log.ts'
import { command } from '../../doubles/command.ts'

const writer = join(import.meta.dirname, '../../fixtures/log-writer.ts')

function capture(options: Partial<LogOptions> = {}) {
  const lines: string[] = []
  const log = createLog({ level: 'info', pretty: false, destination: { write: line => lines.push(line) }, ...options })
  return { log, lines }
}

t.test('a line is one JSON object with level, time, message and its fields', async t => {
  const { log, lines } = capture()
  log.warn('certificate ends soon', { days: 3 })
  log.line('info', { id: 'a' })
  t.equal(lines.length, 2)
  t.match(JSON.parse(lines[0]!), { level: 'warn', message: 'certificate ends soon', days: 3 })
  t.match(JSON.parse(lines[1]!), { level: 'info', id: 'a' })
  t.match(JSON.parse(lines[1]!).time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  t.ok(lines.every(line => line.endsWith('}\n')))
})

t.test('a changed level counts from the next line on, for both kinds of line', async t => {
  const { log, lines } = capture({ level: 'warn' })
  log.info('no')
  log.line('info', { no: 1 })
  t.same([lines.length, log.isEnabled('info'), log.getLevel()], [0, false, 'warn'])
  log.setLevel('debug')
  log.debug('yes')
  log.line('info', { yes: 1 })
  t.same([lines.length, log.isEnabled('info'), log.getLevel()], [2, true, 'debug'])
  log.setLevel('silent')
  log.error('no')
  log.line('error', { no: 1 })
  t.equal(lines.length, 2)
})

for (const how of ['flush', 'exit']) {
  t.test(`no line is lost at a clean end (${how}), and none is torn or doubled`, async t => {
    const { code, out } = await command(process.execPath, [writer, how])
    const numbers = out
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).number)
    t.equal(code, 0)
    t.strictSame(
      numbers,
      Array.from({ length: 20_000 }, (_, number) => number)
    )
  })
}

t.test('a lone line arrives without another one behind it', async t => {
  const child = spawn(process.execPath, [writer, 'stay', '1'], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = await once(createInterface(child.stdout), 'line')
  t.equal(JSON.parse(line).number, 0)
})

t.test('a reader that stopped costs lines, which are confessed, and not memory', async t => {
  // 100,000 lines are 27 MB; 4 MB of them may wait.
  const child = spawn(process.execPath, [writer, 'stay', '100000'], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stderr, 'data')
  let seen = 0
  for await (const line of createInterface(child.stdout)) {
    const { dropped, level } = JSON.parse(line)
    seen += 1
    if (dropped === undefined) continue
    t.equal(level, 'warn')
    t.ok(dropped > 70_000 && dropped < 95_000, `${dropped} were dropped`)
    break
  }
  t.ok(seen < 30_000, `${seen} lines were kept`)
})

t.test('a reader that is gone stops the log, not the process', async t => {
  const child = spawn(process.execPath, [writer, 'exit'], { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.destroy()
  const [code] = await once(child, 'exit')
  t.equal(code, 0)
})

t.test('on a terminal a request is one short line', async t => {
  const { log, lines } = capture({ pretty: true })
  const request = {
    id: '4f1c',
    method: 'GET',
    path: '/api/v1/health',
    protocol: 'HTTP/2',
    upstream: 'api',
    slot: 'only'
  }
  log.line('info', { ...request, status: 200, ended: 'complete', out: 1_234, total: 3.1 })
  t.match(lines[0], /^\d\d:\d\d:\d\d 200 GET \/api\/v1\/health → api 3 ms 1\.2 kB h2 id=4f1c\n$/)
  const failure = { code: 'EDGE_UPSTREAM_REFUSED', detail: 'connect ECONNREFUSED', next: 'start it' }
  log.line('warn', { ...request, slot: 'blue', status: 502, ended: 'upstream', out: 90, total: 61_000, ...failure })
  t.match(lines[1], / 502 GET .* → api\/blue 61\.0 s 90 B h2 id=4f1c ended by upstream EDGE_UPSTREAM_REFUSED: connect/)
  log.warn('ends soon', { days: 3 })
  t.match(lines[2], /^\d\d:\d\d:\d\d WARN ends soon days=3\n$/)
})

t.test('nobody forges a line or moves the cursor of a terminal', async t => {
  const { log, lines } = capture({ pretty: true })
  log.error('bad\n12:00:00 200 GET /', { detail: 'x\r\u001b[2J\u009b1A\u202e' })
  t.equal(lines.length, 1)
  t.notMatch(lines[0]!.slice(0, -1), /[\u0000-\u001f\u007f-\u009f\u202e]/)
  t.match(lines[0], 'bad\\u000a12:00:00')
})
