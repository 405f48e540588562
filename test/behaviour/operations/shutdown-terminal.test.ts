import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { project } from '../../doubles/command.ts'
import { readUntil } from '../../doubles/edge.ts'
import { connectTo } from '../../doubles/edge-process.ts'

const terminal = '/usr/bin/script'
const skip = existsSync(terminal) ? '' : `no ${terminal} here: apt-get install bsdutils`

interface Screen {
  readonly child: ChildProcess
  readonly folder: string
  readonly exit: Promise<number | null>
  /** Resolves with all that was shown so far, once it matches. */
  shows(pattern: RegExp): Promise<string>
}

t.test('Ctrl-C ends the demo cleanly, with a stream open', { skip }, async t => {
  const { child, folder, exit, shows } = await onTerminal(t, 'npm start')
  const said = await shows(/serving.*https=\d+/s)
  t.match(said, /twinedge is up.*https:\/\/localhost:\d+\/.*Ctrl-C stops it/s)
  const ca = await readFile(join(folder, 'local-ca', 'root.pem'), 'utf8')
  const stream = await connectTo({ httpsPort: Number(/https=(\d+)/.exec(said)![1]), ca })
  stream.write('GET /api/v1/jobs/1/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await readUntil(stream, 'data: ')
  child.stdin!.write('\x03')
  await exit
  t.match(await shows(/stopped/), /stopping inflight=1.*stopped cut=1/s)
})

t.test('Ctrl-C ends `twinedge run` with exit 0', { skip }, async t => {
  const { child, exit, shows } = await onTerminal(t, 'exec scripts/twinedge run')
  await shows(/serving/)
  child.stdin!.write('\x03')
  t.equal(await exit, 0)
  t.match(await shows(/stopped/), /stopping.*stopped/s)
})

/** Runs a command as a person does: its terminal sends Ctrl-C to everything that runs on it. */
async function onTerminal(t: Test, command: string): Promise<Screen> {
  const folder = await mkdtemp(join(tmpdir(), 'twinedge-'))
  const { NODE_OPTIONS: _, ...outer } = process.env
  const own = { EDGE_LISTEN_HTTP: '127.0.0.1:0', EDGE_LISTEN_HTTPS: '127.0.0.1:0', EDGE_STATE: folder }
  const child = spawn(terminal, ['--quiet', '--return', '--command', command, '/dev/null'], {
    cwd: project,
    env: { ...outer, ...own },
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: 60_000
  })
  const exit = new Promise<number | null>(resolve => child.on('exit', resolve))
  t.teardown(async () => {
    child.stdin.end()
    await exit
    await rm(folder, { recursive: true, force: true })
  })
  let screen = ''
  const waiting = new Set<() => void>()
  child.stdout.on('data', chunk => {
    screen += chunk
    for (const look of waiting) look()
  })
  const shows = (pattern: RegExp): Promise<string> => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const look = (): void => {
      if (pattern.test(screen)) resolve(screen)
    }
    child.stdout.once('close', () => reject(new Error(`never shown: ${pattern}: ${screen}`)))
    waiting.add(look)
    look()
    return promise
  }
  return { child, folder, exit, shows }
}
