import { parseArgs } from 'node:util'
import {
  addressesIn,
  authoritative,
  type DnsFinding,
  findingsOf,
  ownerOf,
  ttlOf
} from '../../compose/laptop/dns/findings.ts'
import { type DomainRecords, lookUp, publicResolvers } from '../../compose/laptop/dns/records.ts'
import type { Site } from '../../compose/laptop/plan/site.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { siteOf } from '../laptop/site.ts'
import { table } from '../terminal.ts'
import { askingOf, askingOptions, issuerOf } from './asking.ts'

/** Every name, as those say that have its records and as others remember it, against the servers of deploy.yaml. */
export async function check(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: askingOptions })
  const site = await siteOf(values)
  const all = await lookUp(site, askingOf(values), publicResolvers)
  const findings = findingsOf(site, all, await issuerOf(site))
  console.log(values.json ? JSON.stringify({ domains: all, findings }) : describe(site, all, findings))
  const faults = findings.filter(({ isFault }) => isFault)
  if (faults.length === 0) return 0
  throw new EdgeError('DNS_FAULTY', `${faults.length} of what stands above`)
}

function describe(site: Site, all: readonly DomainRecords[], findings: readonly DnsFinding[]): string {
  const lines = [
    table([['DOMAIN', 'LEADS TO', 'SERVER', 'TTL', 'CERTIFIED BY', 'ASKED'], ...all.flatMap(one => rowsOf(site, one))])
  ]
  for (const { domain, isFault, what, next } of findings) {
    lines.push('', `${isFault ? 'FAULT' : 'note'}  ${domain}: ${what}`, ...(next === '' ? [] : [`  next: ${next}`]))
  }
  return lines.join('\n')
}

function rowsOf(site: Site, records: DomainRecords): string[][] {
  const { domain, told, permission } = records
  const ttl = ttlOf(records)
  const answered = told.filter(({ failure }) => failure === null).length
  const alias = authoritative(records).find(one => one.alias !== null)?.alias ?? null
  const asked = `${answered} of ${told.length} answered`
  const rest = [ttl === null ? '-' : `${ttl} s`, permission?.issuers.join(', ') ?? 'anybody', asked]
  const found = addressesIn(records)
  if (found.length === 0) return [[domain, '-', '-', ...rest]]
  const name = alias === null ? domain : `${domain} → ${alias}`
  return found.map((address, at) => [
    at === 0 ? name : '',
    address,
    ownerOf(site, address),
    ...(at === 0 ? rest : ['', '', ''])
  ])
}
