import type { Test } from 'tap'
import type { Protocol } from '../../doubles/foreign-client.ts'
import type { Stack } from '../../doubles/stack/stack.ts'

/** One of the ways to the site: through which edge, by which protocol. */
export interface Way {
  readonly edge: Stack
  readonly protocol: Protocol
  /** Where the web app itself listens, to compare with. */
  readonly webPort: number
}

/** What must be so on every way, by its name. */
export type Promises = Readonly<Record<string, (t: Test, way: Way) => Promise<void>>>
