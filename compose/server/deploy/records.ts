import type { FailureCode } from '../../../proxy/errors.ts'
import type { Manner } from '../../change/change.ts'
import type { Part, ServerName } from '../../laptop/plan/site.ts'
import type { Entry } from '../../record/journal.ts'

/** What serves, by part, as the release that the part's own server counts; none: it was never swapped there. */
export type Releases = Partial<Readonly<Record<Part, number>>>

/** One part's way to another image. */
export interface Move {
  readonly part: Part
  readonly server: ServerName
  /** Under which the server knows the order; given twice, it is carried out once. */
  readonly order: string
  readonly to: { readonly image: string } | { readonly release: number }
}

/** The first line of a deploy in the journals of all servers, with all that whoever finishes or undoes it must know. */
export interface Begun {
  readonly event: 'begun'
  readonly id: string
  /** Counts up with each deploy; a rollback has the number of the one that it brings back. */
  readonly number: number
  /** The one that served until then; 0: none. */
  readonly before: number
  /** Counts up with each line of this kind: which came first, whatever the laptops' clocks say. */
  readonly turn: number
  readonly verb: 'deploy' | 'rollback'
  readonly who: string
  readonly at: string
  readonly moves: readonly Move[]
  /** What the image of each part was built of: a commit, `working tree`, `artifact` and its name. A rollback has none. */
  readonly sources?: Partial<Readonly<Record<Part, string>>>
  /** What served when it began. */
  readonly from: Releases
  /** How the slots are to change. */
  readonly how: Manner
}

/** Its last line. */
export interface Ended {
  /** `failed`: it undid itself; `undone`: somebody did, afterwards. What served before serves then. */
  readonly event: 'done' | 'failed' | 'undone'
  readonly id: string
  /** By whose claim. */
  readonly claim: string
  readonly who: string
  readonly at: string
  readonly code: FailureCode | null
  /** What serves from then on. */
  readonly serving: Releases
  /** Parts whose server was away when it was undone: what it has brought there is taken back later. */
  readonly left?: readonly Part[]
}

export type DeployLine = Begun | Ended

/** Who wants the site, or has it. */
export interface Claim {
  /** Of the deploy; of who finishes or undoes somebody else's, one of its own. */
  readonly id: string
  /** `user@host` of the laptop. */
  readonly who: string
  readonly host: string
  /** Of the laptop's process. */
  readonly pid: number
  /** As it was typed. */
  readonly verb: string
  /** What it does now, in words. */
  readonly step: string
}

export interface Holder extends Claim {
  readonly since: string
}

/** A process on the server that carries out one change of its stack, whatever becomes of whoever has ordered it. */
export interface Order {
  readonly id: string
  /** Compose's. */
  readonly project: string
  readonly who: string
  /** `settle`: whatever an order that was killed has left behind. */
  readonly what:
    | { readonly part: Part; readonly to: Move['to'] | Back; readonly how: Manner }
    | { readonly settle: string }
}

/** To a release from one that is no good. */
export interface Back {
  readonly back: number
}

/** What came of it; `lost`: its process is gone without a word, as after a power cut. */
export type OrderEnd =
  | { readonly entry: Entry }
  | { readonly failure: { readonly code: FailureCode; readonly detail: string } }
  | { readonly lost: true }

export interface OrderStatus {
  readonly id: string
  readonly state: 'running' | 'done' | 'failed' | 'lost'
}

/** What it has said since byte `from`, whole lines of it. */
export interface Followed {
  readonly text: string
  readonly next: number
  /** null: it goes on. */
  readonly end: OrderEnd | null
}

/** An image of which a laptop has sent a part, or all, and which the engine has not been given. */
export interface Shipped {
  readonly reference: string
  /** Of what is to be sent, how much is here. Bytes. */
  readonly bytes: number
  readonly total: number
  /** Its laptop is still at it. */
  readonly isComing: boolean
}

/** What a server knows of the laptops' doings. */
export interface SiteRecords {
  readonly holder: Holder | null
  /** Oldest first. */
  readonly lines: readonly DeployLine[]
  /** Of the latest orders. */
  readonly orders: readonly OrderStatus[]
  readonly shipped: readonly Shipped[]
}

/** What a server serves, and how it is to be asked. */
export interface Serving {
  readonly upstreams: Readonly<Record<string, ServingSlot>>
  readonly httpsPort: number
  /** PEM of the authority that the edge made for itself; null: it made none. */
  readonly localRoot: string | null
}

export interface ServingSlot {
  readonly slot: string
  /** null: it was never swapped. */
  readonly release: number | null
  /** As the operator named it; null: there is no container. */
  readonly image: string | null
  /** Of the container that runs in the slot that the edge names. */
  readonly imageId: string | null
}
