import { parseArgs } from 'node:util'
import { serversFor } from '../../compose/laptop/dns/records.ts'
import { leadsTo } from '../../compose/laptop/dns/switch-plan.ts'
import { type Standing, type WatchTerms, watchNames } from '../../compose/laptop/dns/watch.ts'
import { openEntry } from '../../compose/laptop/entry/entry.ts'
import { seeTraffic, type Traffic } from '../../compose/laptop/entry/traffic.ts'
import { failureOf } from '../../compose/laptop/plan/commands.ts'
import type { ServerPlan, Site } from '../../compose/laptop/plan/site.ts'
import { duration } from '../../proxy/config/kinds/amounts.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { siteOf } from '../laptop/site.ts'
import { type AskingValues, askingOf, askingOptions, bothServers } from './asking.ts'

const options = {
  ...askingOptions,
  within: { type: 'string', default: '30m' },
  every: { type: 'string', default: '5s' },
  span: { type: 'string', default: '10s' }
} as const

/** Until everybody who was asked says the new address; then whether the new entry serves, and counts what it serves. */
export async function watch(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  if (positionals.length !== 1) throw new EdgeError('EDGE_USAGE', 'twinedge dns watch frontend|backend')
  const site = await siteOf(values)
  const { target, old } = bothServers(site, positionals[0])
  const [withinMs, everyMs, spanMs] = [values.within, values.every, values.span].map(milliseconds) as [
    number,
    number,
    number
  ]
  const entry = await openEntry(site, target)
  try {
    const seen = await entry.look()
    const say = values.json ? sayFact : sayText
    const standings = await spread(site, values, {
      withinMs,
      everyMs,
      isThere: addresses => leadsTo(addresses, target, seen),
      onChange: standing => say(factOf(standing), lineOf(standing))
    })
    const late = standings.filter(({ isThere }) => !isThere)
    if (late.length > 0) throw failureOf(target, 'DNS_NOT_SPREAD', `\n${late.map(lineOf).join('\n')}`)
    const all = `all ${standings.length} answers lead to ${target.name}, ${target.address}`
    say({ event: 'spread', answers: standings.length, server: target.name, address: target.address }, all)
    const traffic = await seeTraffic(site, entry, old, spanMs)
    say({ event: 'traffic', ...plainOf(traffic) }, told(traffic, target, old).join('\n'))
    confirm(traffic, target)
    return 0
  } finally {
    await entry.close()
  }
}

type Terms = Omit<WatchTerms, 'signal'>

/** For programs, a line each. */
function sayFact(fact: object): void {
  console.log(JSON.stringify(fact))
}

function sayText(_: object, text: string): void {
  console.log(text)
}

function factOf({ domain, server, says, isThere, left }: Standing): object {
  return {
    event: 'answer',
    at: new Date().toISOString(),
    domain,
    asked: server.label,
    says,
    isThere,
    leftSeconds: left
  }
}

function plainOf({ visits, there, left }: Traffic): object {
  return {
    visits: Object.fromEntries(visits),
    there,
    left: 'code' in left ? { code: left.code, detail: left.detail } : left
  }
}

async function spread(site: Site, values: AskingValues, terms: Terms): Promise<readonly Standing[]> {
  const asking = askingOf(values)
  const all = await Promise.all(
    site.domains.map(async domain => (await serversFor(domain, asking)).map(server => ({ domain, server })))
  )
  const stop = new AbortController()
  const interrupt = (): void => stop.abort()
  process.once('SIGINT', interrupt)
  const standings = await watchNames(all.flat(), {
    ...terms,
    signal: stop.signal
  })
  process.off('SIGINT', interrupt)
  return standings
}

function lineOf({ domain, server, says, isThere, left }: Standing): string {
  const rest = isThere || left === 0 ? '' : `; it forgets that in ${left} s`
  return `${isThere ? 'there ' : 'not yet'} ${domain} at ${server.label}: ${says}${rest}`
}

function told({ visits, there, left }: Traffic, target: ServerPlan, old: ServerPlan): string[] {
  const lines = [...visits].map(
    ([domain, why]) => `https://${domain} at ${target.address}: ${why === '' ? 'served' : why}`
  )
  lines.push(`${target.name}: ${there.requests} requests meanwhile, ${there.connections} connections`)
  if ('code' in left) return [...lines, `${old.name}: not reached (${left.code}): what comes to it gets no answer`]
  const { before, after } = left
  const trend =
    after.connections < before.connections ? 'falling' : after.connections === 0 ? 'nobody is left' : 'not falling yet'
  lines.push(
    `${old.name}: ${before.connections} connections, then ${after.connections}: ${trend}; ` +
      `${before.requests} requests, then ${after.requests}, with what it does for ${target.name}`
  )
  return lines
}

/** @throws EdgeError DNS_UNSERVED */
function confirm({ visits, there }: Traffic, target: ServerPlan): void {
  const refused = [...visits].filter(([, why]) => why !== '')
  if (refused.length > 0) {
    throw new EdgeError('DNS_UNSERVED', `\n${refused.map(([domain, why]) => `${domain}: ${why}`).join('\n')}`)
  }
  if (there.requests >= visits.size) return
  const detail = `${target.name} counted ${there.requests} requests where ${visits.size} were made: somebody else answers at ${target.address}`
  throw new EdgeError('DNS_UNSERVED', detail)
}

function milliseconds(written: string): number {
  const read = duration().read(written)
  if (read !== undefined) return read
  throw new EdgeError('EDGE_USAGE', `${written}: expected a time such as 30s, 10m or 1h`)
}
