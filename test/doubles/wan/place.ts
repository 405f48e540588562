import { type ChildProcess, execFileSync, type StdioOptions, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type Verbs, Worker } from '../../bench/load/worker.ts'
import { command, type Outcome } from '../command.ts'
import { inside } from './ip.ts'
import type { VisitorVerbs } from './programs/visitor.ts'

/** How the kernel of a place sends: as Debian ships it, or set up for a long, lossy line. */
export const kernels = {
  stock: { tcp_congestion_control: 'cubic', tcp_slow_start_after_idle: '1' },
  tuned: { tcp_congestion_control: 'bbr', tcp_slow_start_after_idle: '0' }
} as const
export type Kernel = keyof typeof kernels

const ALLOWED = '/proc/sys/net/ipv4/tcp_allowed_congestion_control'

/** A machine, as far as the network goes: an address, a routing table, a kernel's settings of its own. Disks are shared. */
export class Place {
  /** Of its network namespace. */
  readonly name: string
  readonly address: string
  /** What one puts before a program and its arguments so that it runs here; its process id stays that of the child. */
  readonly command: readonly string[]

  constructor(name: string, address: string) {
    this.name = name
    this.address = address
    this.command = inside(name)
  }

  /** Runs a program here, to its end. */
  run(program: string, args: readonly string[], timeoutMs?: number): Promise<Outcome> {
    const [first = '', ...rest] = [...this.command, program, ...args]
    return command(first, rest, { env: plainEnvironment(), ...(timeoutMs && { timeoutMs }) })
  }

  /** Starts a program here; whatever still runs is killed with the ground. */
  spawn(program: string, args: readonly string[], stdio: StdioOptions = ['ignore', 'ignore', 'inherit']): ChildProcess {
    const [first = '', ...rest] = [...this.command, program, ...args]
    return spawn(first, rest, { env: plainEnvironment(), stdio })
  }

  /** @param file a module that answers, as those of test/bench/load do */
  worker<V extends Verbs>(file: URL): Worker<V> {
    return new Worker<V>(file.href.replace(/\.ts$/, ''), this.command)
  }

  /** A client here; what it can do is in programs/visitor.ts. */
  visitor(): Worker<VisitorVerbs> {
    return this.worker<VisitorVerbs>(new URL('programs/visitor.ts', import.meta.url))
  }

  /** @param settings below net.ipv4 */
  set(settings: Readonly<Record<string, string>>): void {
    const script = 'while [ $# -gt 0 ]; do echo "$2" > "/proc/sys/net/ipv4/$1" || exit 1; shift 2; done'
    const [first = '', ...rest] = [...this.command, '/bin/sh', '-c', script, 'set', ...Object.entries(settings).flat()]
    execFileSync(first, rest, { stdio: 'pipe' })
  }

  /** For connections that begin from now on. */
  tune(kernel: Kernel): void {
    allow(kernels[kernel].tcp_congestion_control)
    this.set(kernels[kernel])
  }

  /** Which name server and which fixed names programs find that are started here from now on. */
  resolve({ server, hosts = {} }: { server?: string; hosts?: Readonly<Record<string, string>> }): void {
    const folder = `/etc/netns/${this.name}`
    mkdirSync(folder, { recursive: true })
    if (server !== undefined) writeFileSync(`${folder}/resolv.conf`, `nameserver ${server}\n`)
    const lines = Object.entries({ localhost: '127.0.0.1', ...hosts }).map(([name, address]) => `${address} ${name}\n`)
    writeFileSync(`${folder}/hosts`, lines.join(''))
  }
}

/** A namespace may only choose what the host lets everybody choose. One more on that list changes nothing else. */
export function allow(algorithm: string): void {
  const allowed = readFileSync(ALLOWED, 'utf8').trim()
  if (!allowed.split(' ').includes(algorithm)) writeFileSync(ALLOWED, `${allowed} ${algorithm}`)
}

/** Tests run under tap's loaders; what they start must not. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, EDGE_CONTROL_SOCKET: __, ...env } = process.env
  return env
}
