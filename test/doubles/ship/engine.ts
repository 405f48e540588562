import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { command, type Outcome } from '../command.ts'
import { ip } from '../wan/ip.ts'

/** A Docker engine beside this machine's own, with nothing in it: a server's. It runs no containers. */
export interface SecondEngine {
  /** For DOCKER_HOST. */
  readonly host: string
  /** Where it keeps everything. */
  readonly folder: string
  docker(args: readonly string[]): Promise<Outcome>
}

interface Owner {
  teardown(stop: () => unknown): void
}

/** @param isContainerd whether it keeps images as engines do since 29: in containerd */
export async function startEngine(t: Owner, { isContainerd = false } = {}): Promise<SecondEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'te-engine-'))
  const file = (name: string): string => join(folder, name)
  mkdirSync(file('data'))
  writeFileSync(file('daemon.json'), JSON.stringify({ features: { 'containerd-snapshotter': isContainerd } }))
  const host = `unix://${file('docker.sock')}`
  const places = ['--data-root', file('data'), '--exec-root', file('exec'), '--pidfile', file('pid')]
  // A bridge of its own, though nothing is on it: an engine without one removes docker0, which is this machine's engine's.
  const bridge = `te-ship-${randomBytes(3).toString('hex')}`
  ip(['link', 'add', bridge, 'type', 'bridge'])
  t.teardown(() => ip(['link', 'delete', bridge]))
  ip(['address', 'add', '10.98.0.1/30', 'dev', bridge])
  const alone = ['--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false']
  const child = spawn(
    'dockerd',
    ['--host', host, '--config-file', file('daemon.json'), '--bridge', bridge, ...places, ...alone],
    { stdio: ['ignore', 'ignore', 'pipe'] }
  )
  let said = ''
  child.stderr.on('data', chunk => {
    said = `${said}${chunk}`.slice(-4_000)
  })
  t.teardown(async () => {
    await end(child)
    rmSync(folder, { recursive: true, force: true })
  })
  const docker = (args: readonly string[]): Promise<Outcome> =>
    command('docker', args, { env: { ...process.env, NODE_OPTIONS: '', DOCKER_HOST: host }, timeoutMs: 120_000 })
  for (let tries = 0; (await docker(['version'])).code !== 0; tries++) {
    if (tries > 300 || child.exitCode !== null) throw new Error(`the second engine does not start:\n${said}`)
    await pause(100)
  }
  return { host, folder, docker }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const gone = new Promise(resolve => child.once('close', resolve))
  child.kill()
  await gone
}
