import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { command, isThere, type Outcome } from '../command.ts'
import type { Ground } from '../wan/ground.ts'
import { type Place, plainEnvironment } from '../wan/place.ts'
import type { Role } from '../wan/site/server.ts'
import { folderOf, wipe } from './leftovers.ts'

const BOOTS_WITHIN_MS = 60_000
const BOOT = join(import.meta.dirname, 'boot.sh')

/**
 * A server: systemd, sshd and, once it is installed, a Docker engine of its own, on its own disk and in its own network.
 * Of the kernel, the clock and the cores there is one for all.
 */
export class Machine {
  readonly place: Place
  readonly address: string
  /** As `known_hosts` has it behind the name. */
  readonly hostKey: string
  readonly #roots: string
  readonly #plug: (isIn: boolean) => void
  #power: ChildProcess | null = null
  #init = 0

  /** @param roots the root file systems below its disk, the uppermost first */
  constructor(ground: Ground, role: Role, hostKey: string, roots: readonly string[]) {
    this.place = ground[role]
    this.address = this.place.address
    this.hostKey = hostKey
    this.#roots = roots.join(':')
    this.#plug = isIn => ground.plug(this.place, isIn)
  }

  /** Its disk, as this host sees it: below `upper` is what it has written. */
  get folder(): string {
    return folderOf(this.place.name)
  }

  /** Resolves when all of its services run. @throws with what they said, when one does not */
  async boot(): Promise<void> {
    const { name } = this.place
    const power = spawn(BOOT, [name, this.#roots, this.folder], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#power = power
    this.#plug(true)
    let said = ''
    power.stderr.on('data', chunk => {
      said += chunk
    })
    for (const lateMs = performance.now() + BOOTS_WITHIN_MS; ; await pause(50)) {
      if (power.exitCode !== null) throw new Error(`${name} does not start: ${said}`)
      const state = await this.#state()
      if (state === 'running') return
      if (state === 'degraded' || performance.now() > lateMs) {
        const { out } = await this.run('journalctl', ['--no-pager', '-b', '-n', '60'])
        throw new Error(`${name} is ${state || 'silent'}:\n${out}`)
      }
    }
  }

  /**
   * Nothing is told, nothing is written down, and from then on nothing answers. The disk stays, for boot(); so do the
   * kernel's settings and filters of its network, which are not the processes'.
   */
  async cutPower(): Promise<void> {
    const power = this.#power
    if (power === null || power.exitCode !== null || power.signalCode !== null) return
    this.#plug(false)
    const ended = once(power, 'exit')
    power.kill('SIGKILL')
    await ended
    while (isThere(this.#init)) await pause(10)
  }

  /** What a provider's console is for: as root, without ssh. */
  run(program: string, args: readonly string[], timeoutMs?: number): Promise<Outcome> {
    const [first = '', ...rest] = [...this.#inside(), program, ...args]
    return command(first, rest, { env: plainEnvironment(), ...(timeoutMs && { timeoutMs }) })
  }

  /** A file on it; folders that are missing are made. */
  write(path: string, text: string, mode = 0o644): void {
    const script = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"'
    const [first = '', ...rest] = [...this.#inside(), '/bin/sh', '-c', script, 'write', path, mode.toString(8)]
    execFileSync(first, rest, { input: text, stdio: ['pipe', 'pipe', 'pipe'] })
  }

  /** Images of this host's engine, by no line at all: for tests of what comes after they were shipped. */
  async load(images: readonly string[]): Promise<void> {
    const pipe = 'docker save $IMAGES | "$@" docker load'
    const env = { ...plainEnvironment(), IMAGES: images.join(' ') }
    const { code, err } = await command('/bin/sh', ['-c', pipe, 'load', ...this.#inside()], { env, timeoutMs: 120_000 })
    if (code !== 0) throw new Error(`${this.place.name} does not load ${images}: ${err}`)
  }

  /** Ends it, with all that is on its disk. */
  close(): void {
    this.#power?.kill('SIGKILL')
    wipe(this.place.name)
  }

  /** What systemd says of itself; '' as long as it says nothing. */
  async #state(): Promise<string> {
    const { pid } = this.#power!
    this.#init = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0])
    // Before it is that, it is a shell on this host's root.
    if (this.#init === 0 || commandOf(this.#init) !== 'systemd') return ''
    const { code, out } = await this.run('systemctl', ['is-system-running'])
    return code === null ? '' : out.trim()
  }

  #inside(): string[] {
    return ['nsenter', '--target', `${this.#init}`, '--all', '--root', '--wd', 'env', '-i', 'HOME=/root', PATH]
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
