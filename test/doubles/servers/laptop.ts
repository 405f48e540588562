import { type ChildProcess, execFileSync, type StdioOptions, spawn } from 'node:child_process'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { command, type Outcome, project } from '../command.ts'
import type { Ground } from '../wan/ground.ts'
import { type Place, plainEnvironment } from '../wan/place.ts'
import type { Wan } from '../wan/wan.ts'
import { makeKey } from './disk.ts'
import { type LineDirection, layAccessLine } from './line.ts'

export interface LaptopWanted {
  /** What it calls itself. */
  readonly name?: string
  readonly address?: string
  /** One way, on its own line. */
  readonly delayMs?: number
  readonly loss?: number
}

export interface Surroundings {
  /** Where the program starts; else the laptop's home. */
  readonly folder?: string
  readonly env?: NodeJS.ProcessEnv
  readonly timeoutMs?: number
}

/** What OpenSSH goes by: in the home of the laptop, and mounted where ssh looks for this user's. */
export class SshFolder {
  readonly folder: string
  readonly config: string
  readonly key: string
  readonly knownHosts: string

  constructor(home: string) {
    this.folder = join(home, '.ssh')
    this.config = join(this.folder, 'config')
    this.key = join(this.folder, 'id_ed25519')
    this.knownHosts = join(this.folder, 'known_hosts')
  }

  /** With a new key, and nobody known. @returns the public half, a line of `authorized_keys` */
  make(): string {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 })
    writeFileSync(this.knownHosts, '')
    writeFileSync(this.config, '')
    return makeKey(this.key, 'laptop')
  }

  /** From now on `ssh NAME` is `ssh root@ADDRESS`, whose host key is known. */
  add(name: string, address: string, hostKey: string): void {
    appendFileSync(this.knownHosts, `${name},${address} ${hostKey}\n`)
    appendFileSync(
      this.config,
      `Host ${name}
  HostName ${address}
Host ${name} ${address}
  User root
  IdentityFile ${this.key}
  IdentitiesOnly yes
  UserKnownHostsFile ${this.knownHosts}
`
    )
  }
}

/** The operator's: this host's disk and Docker engine, but a home, a place on the net and a line of its own. */
export class Laptop {
  readonly place: Place
  /** Between it and everybody else. */
  readonly line: Wan<LineDirection>
  readonly home: string
  readonly ssh: SshFolder
  /** What one puts before a program and its arguments so that it runs here. */
  readonly command: readonly string[]

  private constructor(place: Place, line: Wan<LineDirection>, { home, name }: { home: string; name: string }) {
    this.place = place
    this.line = line
    this.home = home
    this.ssh = new SshFolder(home)
    // ssh asks the list of users for the home, and not the environment. Mount and name are seen by what runs here alone.
    const own = join(userInfo().homedir, '.ssh')
    const script = 'hostname "$1" && mkdir -p "$2" && mount --bind "$0" "$2" && shift 2 && exec "$@"'
    this.command = [...place.command, 'unshare', '--uts', '/bin/sh', '-c', script, this.ssh.folder, name, own]
  }

  /** @param home with what SshFolder makes in it */
  static async plugIn(ground: Ground, home: string, wanted: LaptopWanted = {}): Promise<Laptop> {
    const { name = 'laptop', address = '10.99.0.20', delayMs = 50, loss = 0 } = wanted
    const place = ground.addPlace('laptop', address)
    const line = await layAccessLine(ground, place)
    await line.delay(delayMs)
    await line.loss(loss)
    place.resolve({ server: ground.clients.address })
    return new Laptop(place, line, { home, name })
  }

  /** Runs a program here, to its end. */
  run(program: string, args: readonly string[], { folder, env, timeoutMs }: Surroundings = {}): Promise<Outcome> {
    const [first = '', ...rest] = [...this.command, program, ...args]
    return command(first, rest, { cwd: folder ?? this.home, env: this.#env(env), ...(timeoutMs && { timeoutMs }) })
  }

  /** Starts a program here; whatever still runs is killed with the ground. */
  spawn(
    program: string,
    args: readonly string[],
    { folder, env, stdio = ['ignore', 'pipe', 'pipe'] }: Surroundings & { stdio?: StdioOptions } = {}
  ): ChildProcess {
    const [first = '', ...rest] = [...this.command, program, ...args]
    return spawn(first, rest, { cwd: folder ?? this.home, env: this.#env(env), stdio })
  }

  /** `twinedge …` of this project. */
  twinedge(args: readonly string[], surroundings: Surroundings = {}): Promise<Outcome> {
    return this.run(join(project, 'scripts/twinedge'), args, surroundings)
  }

  /** Everything that runs here is killed at once, without a word to anybody: the battery is out. */
  crash(): void {
    const pids = execFileSync('ip', ['netns', 'pids', this.place.name], { encoding: 'utf8' })
    for (const pid of pids.split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL')
  }

  #env(env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    return { ...plainEnvironment(), HOME: this.home, SSH_AUTH_SOCK: undefined, ...env }
  }
}
