import type { Action, Plan } from '../bootstrap/step.ts'

/** A server's own firewall. The provider's is another one, which nobody sees from there. */
export interface FirewallFacts {
  /** The one that decides; `none`: whatever arrives is let in. `iptables`: rules of somebody's own. */
  readonly kind: 'firewalld' | 'ufw' | 'nft' | 'iptables' | 'none'
  /** What is installed and does nothing. */
  readonly idle: readonly ('firewalld' | 'ufw' | 'nft')[]
  /** Whether a timer there is about to take back what was done last: retreat.ts. */
  readonly isPending: boolean
  readonly firewalld: FirewalldFacts | null
  readonly ufw: UfwFacts | null
  readonly nft: NftFacts | null
  /** As `iptables -S INPUT` lists them. */
  readonly iptables: readonly string[]
}

export interface FirewalldFacts {
  /** The one that interfaces are in unless told otherwise, and that by which this laptop has come in. */
  readonly zones: readonly FirewalldZone[]
  /** Zones with interfaces or sources, and rules of their own. */
  readonly otherZones: readonly string[]
  readonly startsAtBoot: boolean
  /** Whether Docker has been running since before: then firewalld refuses what containers send to the world. */
  readonly isUnknownToDocker: boolean
}

export interface FirewalldZone {
  readonly name: string
  readonly now: ZoneFacts
  /** After a reload or a reboot. */
  readonly kept: ZoneFacts
}

export interface ZoneFacts {
  /** `ssh`, `http`, `https`. */
  readonly services: readonly string[]
  /** `80/tcp`, `39000-40000/tcp`. */
  readonly ports: readonly string[]
  readonly richRules: readonly string[]
  /** `default` refuses what no rule lets in; `ACCEPT` lets everything in. */
  readonly target: string
}

export interface UfwFacts {
  readonly isActive: boolean
  /** Whether what no rule allows is refused. */
  readonly isClosed: boolean
  readonly startsAtBoot: boolean
  /** As typed, without `ufw`: `allow 22/tcp`. */
  readonly rules: readonly string[]
}

export interface NftFacts {
  /** Chains at the hook of what comes in, which refuse what they do not accept. */
  readonly chains: readonly NftChain[]
  /** Read at boot; null: there is none. */
  readonly file: string | null
  /** '' when it cannot be read. */
  readonly fileText: string
  /** null: nobody says. */
  readonly fileMode: number | null
  /** What an earlier bootstrap has written. */
  readonly kept: string
  readonly isEnabled: boolean
}

export interface NftChain {
  readonly family: string
  readonly table: string
  readonly name: string
  /** In order. */
  readonly rules: readonly NftRule[]
}

export interface NftRule {
  readonly handle: number
  readonly comment: string
  /** TCP ports that it is about; empty: it is about something else. */
  readonly ports: readonly string[]
  /** Of whom; null: of anybody. */
  readonly from: string | null
  readonly verdict: 'accept' | 'refuse' | null
  /** Whether it has no other condition than ports and source. */
  readonly isPlain: boolean
}

/** What is to be done to a firewall, in this order: `actions`, which let more in and no less, `risky`, `lasting`. */
export interface FirewallPlan extends Pick<Plan, 'actions' | 'notes'> {
  /** What could shut ssh out; null or left out: nothing. */
  readonly risky?: Risky | null
  /** What makes it last over a boot: only once ssh has been seen to come in. */
  readonly lasting?: readonly Action[]
}

export interface Risky {
  readonly actions: readonly Action[]
  /** Commands that bring back what let ssh in before. */
  readonly back: readonly (readonly string[])[]
}
