import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'

import { readdirSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { listShipped } from '../../../../compose/server/look/shipped.ts'
import type { Heard, Sent } from '../../../../compose/server/ship/protocol.ts'
import { receive } from '../../../../compose/server/ship/receive.ts'
import { project } from '../../../doubles/command.ts'
import { fingerprint, withEngine } from '../../../doubles/ship/one-image.ts'

const patience = { silenceMs: 400, hereMs: 50 }
/** Of a laptop that says nothing while others do what takes its time. */
const calm = { silenceMs: 60_000, hereMs: 60_000 }
const content = randomBytes(1_000)
const piece = { hash: createHash('sha256').update(content).digest('hex'), bytes: content.length }
const bundle = { config: '', layers: [{ diffId: `sha256:${'0'.repeat(64)}`, bytes: 1_000, pieces: [piece] }] }

/** A laptop of which every byte is the test's own. */
function visit(folder: string, terms = patience) {
  const [input, output] = [new PassThrough(), new PassThrough()]
  let said = ''
  output.on('data', chunk => {
    said += chunk
  })
  const over = receive(input, output, folder, terms)
  const heard = (): Heard[] =>
    said
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line) as Heard)
  return {
    input,
    over,
    heard,
    say: (sent: Sent) => void input.write(`${JSON.stringify(sent)}\n`),
    async until(name: string): Promise<void> {
      for (let tries = 0; tries < 1_000 && !heard().some(one => name in one); tries++) await pause(10)
    }
  }
}

t.test('a receiver waits while its laptop packs, and goes when nothing comes of a piece', async t => {
  const folder = t.testdir()
  const { say, input, over, until } = visit(folder)
  for (let at = 0; at < 10; at++) {
    say({ here: true })
    await pause(80)
  }
  say({ begin: bundle, by: 'test' })
  await until('kept')
  say({ piece: piece.hash, from: 0, bytes: 1_000 })
  input.write(content.subarray(0, 600))
  const began = Date.now()
  await over
  t.ok(Date.now() - began < 5_000)
  const again = visit(folder)
  again.say({ begin: bundle, by: 'test' })
  await again.until('kept')
  t.match(again.heard(), [{ kept: { [piece.hash]: 600 } }], 'what had come is kept')
  again.input.end()
  await again.over
})

t.test('a piece that was not announced, or is larger than that, is no piece', async t => {
  const big = { ...piece, bytes: 100 << 20 }
  const layers = [{ diffId: `sha256:${'0'.repeat(64)}`, bytes: 1_000, pieces: [big] }]
  const wrong: readonly Sent[] = [
    { begin: { config: '', layers }, by: 'test' },
    { piece: 'f'.repeat(64), from: 0, bytes: 1_000 },
    { piece: piece.hash, from: 0, bytes: 1e15 },
    { piece: piece.hash, from: -1, bytes: 1_001 },
    { piece: '../../etc/passwd', from: 0, bytes: 1_000 }
  ]
  for (const sent of wrong) {
    const folder = t.testdir({})
    const { say, over, heard } = visit(folder)
    say({ begin: bundle, by: 'test' })
    say(sent)
    await over
    t.match(heard().at(-1), { failure: { code: 'SHIP_REFUSED' } })
    t.same(readdirSync(folder), [])
  }
})

t.test('a piece of other bytes than its name says is told of, and not kept', async t => {
  const folder = t.testdir()
  const { say, input, over, heard } = visit(folder)
  say({ begin: bundle, by: 'test' })
  say({ piece: piece.hash, from: 0, bytes: 1_000 })
  input.write(randomBytes(1_000))
  say({ piece: piece.hash, from: 0, bytes: 1_000 })
  input.end(content)
  await over
  t.same(
    heard().filter(one => 'piece' in one),
    [false, true].map(isGood => ({ piece: piece.hash, isGood }))
  )
  t.same(readdirSync(folder), [piece.hash])
})

t.test('what has come of an image, and was not loaded, is told with its name', async t => {
  const folder = withEngine(t)
  const { say, input, over, until } = await send(folder, 'test', fingerprint)
  t.same(await listShipped(folder), [], 'nothing yet')
  say({ piece: piece.hash, from: 0, bytes: 1_000 })
  input.write(content.subarray(0, 600))
  await until('at')
  t.same(await listShipped(folder), [{ reference: 'shop/web:b7', bytes: 600, total: 1_000, isComing: true }])
  input.end()
  await over
  t.match(await listShipped(folder), [{ bytes: 600, isComing: false }])
  const again = await send(folder, 'test', fingerprint)
  again.say({ piece: piece.hash, from: 600, bytes: 400 })
  again.input.write(content.subarray(600))
  const late = visit(folder, calm)
  late.say({ look: { reference: 'shop/web:b7', fingerprint, diffIds: [] } })
  await late.until('found')
  again.say({ load: true })
  await again.until('loaded')
  late.say({ begin: bundle, by: 'test' })
  await late.until('loaded')
  t.match(late.heard(), [{ found: { id: null } }, { loaded: /^sha256:/ }], 'its laptop has nothing to send')
  late.input.end()
  await late.over
  again.input.end()
  await again.over
  t.same(readdirSync(folder), [], 'once it is loaded, nothing of it is left')
})

async function send(folder: string, by: string, fingerprint: string) {
  const one = visit(folder, calm)
  one.say({ look: { reference: 'shop/web:b7', fingerprint, diffIds: [] } })
  one.say({ begin: bundle, by })
  await one.until('kept')
  return one
}

/** A laptop of which a piece has come; the image that another has then loaded, by the same name and of the same piece. */
async function besideAnother(folder: string, own: string, loaded: string) {
  const gone = await send(folder, 'gone', own)
  gone.say({ piece: piece.hash, from: 0, bytes: 1_000 })
  gone.input.write(content)
  await gone.until('piece')
  const other = await send(folder, 'other', loaded)
  other.say({ load: true })
  await other.until('loaded')
  other.input.end()
  await other.over
  return gone
}

t.test('what a laptop that is gone had named goes with its visit, when another has loaded the image', async t => {
  const folder = withEngine(t)
  const gone = await besideAnother(folder, fingerprint, fingerprint)
  const names = (): string[] => readdirSync(folder).filter(name => !name.startsWith('visit-'))
  t.same(names(), [piece.hash], 'its laptop may still be there')
  gone.input.end()
  await gone.over
  t.same(readdirSync(folder), [])
})

t.test('what has come of an image stays, when another image has been loaded by its name', async t => {
  const folder = withEngine(t)
  const gone = await besideAnother(folder, 'of another build', fingerprint)
  gone.input.end()
  await gone.over
  t.match(await listShipped(folder), [{ reference: 'shop/web:b7', bytes: 1_000, isComing: false }])
})

t.test('a receiver whose line lasts after the load takes nothing that has come since', async t => {
  const folder = withEngine(t)
  const first = await send(folder, 'first', fingerprint)
  first.say({ piece: piece.hash, from: 0, bytes: 1_000 })
  first.input.write(content)
  first.say({ load: true })
  await first.until('loaded')
  const second = await send(folder, 'second', 'of another build')
  second.say({ piece: piece.hash, from: 0, bytes: 1_000 })
  second.input.end(content.subarray(0, 600))
  await second.over
  first.input.end()
  await first.over
  t.match(await listShipped(folder), [{ bytes: 600, isComing: false }])
})

t.test('its process ends, though its line is never closed', async t => {
  const text = `import { receive } from '${project}/compose/server/ship/receive.ts'
await receive(process.stdin, process.stdout, '${t.testdir()}', { silenceMs: 300, hereMs: 100 })`
  const { NODE_OPTIONS: _, ...env } = process.env
  const stdio = ['pipe', 'pipe', 'inherit'] as const
  for (const said of ['', 'nonsense\n']) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', text], { env, stdio: [...stdio] })
    child.stdout?.resume()
    child.stdin?.write(said)
    t.equal(await new Promise(resolve => child.once('close', resolve)), 0)
  }
})
