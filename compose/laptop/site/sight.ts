import type { Claim, DeployLine, Releases, Serving, SiteRecords } from '../../server/deploy/records.ts'
import type { ServerName } from '../plan/site.ts'
import type { Line } from '../ssh/line.ts'

/** What the servers of a site know and serve, together. */
export interface SiteSight {
  readonly records: ReadonlyMap<ServerName, SiteRecords>
  readonly serving: ReadonlyMap<ServerName, Serving>
  readonly releases: Releases
}

/** @throws EdgeError as a server does, and SSH_* */
export async function lookAtSite(lines: readonly Line[], project: string): Promise<SiteSight> {
  const seen = await Promise.all(
    lines.map(async line => {
      const [records, serving] = await Promise.all([line.ask('deploys', null), line.ask('serving', { project })])
      return { name: line.server.name, standby: line.server.standby, records, serving }
    })
  )
  // A standby counts its own releases of the pages, which nobody comes for.
  const slots = seen.flatMap(({ standby, serving }) =>
    Object.entries(serving.upstreams).filter(([part]) => part !== 'web' || !standby)
  )
  return {
    records: new Map(seen.map(({ name, records }) => [name, records])),
    serving: new Map(seen.map(({ name, serving }) => [name, serving])),
    releases: Object.fromEntries(slots.flatMap(([part, { release }]) => (release === null ? [] : [[part, release]])))
  }
}

/** Writes on every server what only others know: the line was cut in between, or it is a new one. */
export async function levelJournals(lines: readonly Line[], { records }: SiteSight, claim: Claim): Promise<void> {
  const keyOf = ({ id, event }: DeployLine): string => `${id} ${event === 'begun'}`
  const all = new Map([...records.values()].flatMap(({ lines }) => lines.map(line => [keyOf(line), line])))
  for (const { server, ask } of lines) {
    const known = new Set(records.get(server.name)?.lines.map(keyOf))
    for (const [key, line] of all) if (!known.has(key)) await ask('note', { claim, line })
  }
}
