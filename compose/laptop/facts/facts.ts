import type { HostFacts } from '../../host/judgement.ts'
import type { Tuned } from '../../host/tuning-file.ts'
import type { FirewallFacts } from '../firewall/firewall.ts'

/** A server as it was found: what `facts.sh` saw there, in one look, without changing anything. */
export interface Facts {
  readonly os: Os
  /** As Node and Docker call it, such as `x64` or `arm64`; another one as `uname -m` says it. */
  readonly arch: string
  readonly login: Login
  readonly hasSystemd: boolean
  readonly processors: number
  /** Bytes. */
  readonly memory: {
    readonly total: number
    readonly available: number
    readonly swapTotal: number
    readonly swapFree: number
  }
  readonly disks: readonly Disk[]
  readonly packages: PackageFacts
  readonly engine: EngineFacts
  readonly containers: readonly ContainerFacts[]
  /** What Docker lets in past whatever firewall there is, by rules that come first. */
  readonly published: readonly Published[]
  readonly listening: readonly Listening[]
  /** Of its own, without those of one link alone. */
  readonly addresses: readonly string[]
  readonly nginx: NginxFacts | null
  readonly former: FormerFacts
  readonly firewall: FirewallFacts
  /** The kernel, as far as the link goes. */
  readonly host: HostFacts
  /** What `twinedge link tune` has set by now. */
  readonly tuned: readonly Tuned[]
  readonly clock: Clock
  readonly stack: StackFacts
}

export interface Os {
  /** As os-release has it: `debian`, `ubuntu`, `rocky`, `alinux`. */
  readonly id: string
  readonly family: 'debian' | 'rhel' | null
  /** `12`, `24.04`, `9.4`. */
  readonly version: string
  /** `bookworm`; empty where there are none. */
  readonly codename: string
  /** For people. */
  readonly name: string
  /** The release of Enterprise Linux that its packages fit; 0: it is none. */
  readonly enterprise: number
}

export interface Login {
  readonly user: string
  /** How commands get to be root's. */
  readonly power: 'root' | 'sudo' | 'none'
  /** The port by which this laptop has come, as the server sees it; null where sshd does not say. */
  readonly sshPort: number | null
  /** From where, as the server sees it. */
  readonly from: string | null
}

export interface Disk {
  /** What would be written there: it need not be there yet. */
  readonly path: string
  readonly mount: string
  /** Bytes. */
  readonly total: number
  readonly free: number
  /** 0 to 1; a disk without free inodes is full as well. */
  readonly inodesUsed: number
}

export interface PackageFacts {
  readonly program: 'apt-get' | 'dnf' | 'yum' | null
  /** By apt: what would be installed, by name. Empty before the first `apt-get update`. */
  readonly candidates: Readonly<Record<string, string>>
  /** By apt and rpm. */
  readonly installed: readonly string[]
}

export interface EngineFacts {
  readonly hasDocker: boolean
  /** Of the engine; null: it does not run. */
  readonly version: string | null
  /** Of the plugin; null: there is none. */
  readonly compose: string | null
  /** Where images lie. */
  readonly folder: string
  /** Whether systemd starts it at boot. */
  readonly isEnabled: boolean
}

export interface ContainerFacts {
  readonly name: string
  readonly image: string
  /** `running`, `exited`, `restarting`, `created`. */
  readonly state: string
  /** As `docker ps` says it: `Up 3 hours (healthy)`. */
  readonly status: string
  /** In full. */
  readonly id: string
  /** Compose's; empty: it is none of Compose's, or runs a command of its own. */
  readonly project: string
  readonly service: string
}

/** A port of a container's that is reached from elsewhere. */
export interface Published {
  readonly container: string
  /** Of the server. */
  readonly port: number
}

export interface Listening {
  readonly protocol: 'tcp' | 'udp'
  /** `0.0.0.0`, `::`, `*` or one address. */
  readonly address: string
  readonly port: number
  /** null: it cannot be seen without root, or without ss. */
  readonly program: string | null
  readonly pid: number | null
}

export interface NginxFacts {
  readonly version: string
  /** As a service of systemd's. */
  readonly isActive: boolean
  readonly isEnabled: boolean
}

/** What else served before, or looked after that. */
export interface FormerFacts {
  /** What PM2 keeps running, each by the first words of its command. */
  readonly pm2: readonly string[]
  /** Timers of certbot's that start at boot. */
  readonly certbot: readonly string[]
}

export interface Clock {
  /** Milliseconds by which the server's clock is ahead of the laptop's. */
  readonly aheadMs: number
  /** It is no more wrong than this: half of the time that asking took. */
  readonly unsureMs: number
  /** null: nobody says. */
  readonly isSynchronised: boolean | null
  /** Whether systemd knows of a program that sets it; null: nobody says. */
  readonly canSynchronise: boolean | null
}

/** What of ours is there. */
export interface StackFacts {
  /** The folder that FOLDER/tool leads to, such as `tool-0123456789ab`; null: none. */
  readonly tool: string | null
  readonly toolVersion: string | null
  /** Where /usr/local/bin/twinedge leads. */
  readonly command: string | null
  /** SHA-256 in hex of this project's compose files, by name. */
  readonly files: Readonly<Record<string, string>>
  /** Octal modes of `.env` and `site`, by name: `600`. */
  readonly modes: Readonly<Record<string, string>>
  /** Of which edge what it was brought up with is kept, as a bootstrap has not come to its end: a container's id. */
  readonly before: string | null
  /** Of FOLDER and the folders above it, as far as they are there: those that others than root may change. */
  readonly open: readonly string[]
  /** FOLDER/site/bootstrap.json, as it is; null: none. */
  readonly record: string | null
}

/** Whether something else than this program of ours has a port, and who. @returns null: it is free */
export function listenerOn({ listening }: Facts, port: number): Listening | null {
  return listening.find(one => one.protocol === 'tcp' && one.port === port && !isLocal(one.address)) ?? null
}

/** The disk that has a path, which need not be there. */
export function diskOf({ disks }: Facts, path: string): Disk | null {
  return disks.find(disk => disk.path === path) ?? null
}

/** Whether a listener is reached from this machine alone. */
export function isLocal(address: string): boolean {
  return address.startsWith('127.') || address === '::1'
}
