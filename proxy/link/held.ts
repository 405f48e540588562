import type { Socket } from 'node:net'
import type { Address, LinkConfig } from '../config/config.ts'
import type { Deadlines } from '../deadlines.ts'
import type { Log } from '../record/log.ts'
import type { Incoming } from './incoming.ts'
import type { LinkKeys } from './keys/link-keys.ts'
import type { Line } from './line/line.ts'
import type { Outgoing } from './outgoing.ts'
import type { LastReport } from './report/heard.ts'
import type { Welcome } from './welcome.ts'

/** A bound port of the link. */
export interface Door {
  readonly port: number
  close(): Promise<void>
}

/** What is kept on disk. */
export interface LinkMemory {
  readonly keys: LinkKeys
  readonly heard: LastReport
}

/** What it works with, and whom it tells. */
export interface LinkOptions {
  readonly deadlines: Deadlines
  readonly log: Log
  /** @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  open(): Promise<LinkMemory>
  /** @throws EdgeError EDGE_PORT_TAKEN, EDGE_PORT_FORBIDDEN, EDGE_ADDRESS_MISSING */
  openDoor(at: Address, admits: (address: string) => boolean, onConnection: (socket: Socket) => void): Promise<Door>
  /** HTTP on a line from the peer. */
  serve(line: Line): void
}

/** What is configured, and runs. */
export interface Held extends LinkMemory {
  readonly config: LinkConfig
  readonly welcome: Welcome
  readonly incoming: Incoming
  readonly outgoing: Outgoing
  readonly doors: ReadonlyMap<string, Door>
}
