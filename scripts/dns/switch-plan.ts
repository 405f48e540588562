import { parseArgs } from 'node:util'
import { addressesIn, ownerOf } from '../../compose/laptop/dns/findings.ts'
import { type DomainRecords, lookUp } from '../../compose/laptop/dns/records.ts'
import { safetyOf } from '../../compose/laptop/dns/safety.ts'
import { planSwitch } from '../../compose/laptop/dns/switch-plan.ts'
import { lookOnce } from '../../compose/laptop/entry/entry.ts'
import { visitAll } from '../../compose/laptop/entry/traffic.ts'
import { failureOf } from '../../compose/laptop/plan/commands.ts'
import type { Site } from '../../compose/laptop/plan/site.ts'
import type { EntrySeen } from '../../compose/server/entry/records.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { siteOf } from '../laptop/site.ts'
import { askingOf, askingOptions, bothServers, issuerOf } from './asking.ts'
import { switchReport } from './switch-report.ts'

const options = { ...askingOptions, alone: { type: 'boolean' } } as const

/** What to change so that DNS leads to the other server, and whether that is safe now. */
export async function switchPlan(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  if (positionals.length > 1) throw new EdgeError('EDGE_USAGE', 'twinedge dns switch-plan [frontend|backend]')
  const site = await siteOf(values)
  const records = await lookUp(site, askingOf(values))
  const { target, old } = bothServers(site, positionals[0] ?? otherThanNow(site, records))
  const [seen, oldSeen] = await Promise.all([lookOnce(site, target), lookOnce(site, old)])
  const visits: ReadonlyMap<string, string> = 'code' in seen ? new Map() : await visitAll(site, target, seen.httpsPort)
  const isAlone = values.alone === true || isLinkDown(seen)
  const issuer = await issuerOf(site)
  const safety = safetyOf({ site, target, seen, visits, records, issuer, isAlone, now: new Date() })
  const plan = planSwitch(site, { target, seen }, records)
  const report = { target, old, seen, oldSeen, safety, plan, isAlone, now: new Date() }
  console.log(values.json ? JSON.stringify({ target: target.name, ...safety, ...plan }) : switchReport(report))
  if (safety.isGo) return 0
  throw failureOf(target, 'DNS_NO_GO', `${target.name}: see above`)
}

/** Where one server has all of DNS, the other one is meant. */
function otherThanNow(site: Site, records: readonly DomainRecords[]): string | undefined {
  const owners = new Set(records.flatMap(addressesIn).map(address => ownerOf(site, address)))
  const [only] = owners.size === 1 ? [...owners] : []
  return site.servers.length === 2
    ? site.servers.find(({ name }) => only !== undefined && only !== 'elsewhere' && name !== only)?.name
    : undefined
}

function isLinkDown(seen: EntrySeen | EdgeError): boolean {
  return !('code' in seen) && seen.status.link !== null && seen.status.link.state !== 'up'
}
