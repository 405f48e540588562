import { parseArgs } from 'node:util'
import { domain } from '../../proxy/config/kinds/hosts.ts'
import type { RenewAnswer, RenewOutcome, RenewRequest } from '../../proxy/control/protocol.ts'
import { printable } from '../../proxy/record/terminal.ts'
import { ask, orderTimeoutMs, placeOptions } from '../control-client.ts'
import { doneThere } from '../laptop/there.ts'
import { failureLines } from './failure-lines.ts'

const options = {
  ...placeOptions,
  force: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  directory: { type: 'string' },
  json: { type: 'boolean' }
} as const

/** @returns 1 when one of them failed */
export async function renew(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
  const there = await doneThere(['certs', 'renew', ...args], values)
  if (there !== null) return there
  // As the configuration may have them: Bücher.example.
  const names = positionals.map(name => domain.read(name) ?? name)
  const { force, 'dry-run': dryRun, directory = null } = values
  const request: RenewRequest = { names, force, dryRun, directory }
  const place = dryRun ? { ...values, timeoutMs: orderTimeoutMs } : values
  const { body } = await ask(place, 'POST', '/certificates/renew', request)
  const { renewals } = JSON.parse(body) as RenewAnswer
  console.log(values.json ? body : describe(renewals, dryRun))
  return renewals.some(({ outcome }) => outcome === 'failed') ? 1 : 0
}

function describe(renewals: readonly RenewOutcome[], isDryRun: boolean): string {
  const lines = renewals.flatMap(renewal => linesOf(renewal, isDryRun))
  if (renewals.some(({ outcome }) => outcome === 'begun')) lines.push('watch it: twinedge certs')
  return lines.join('\n') || 'there is nothing to renew'
}

function linesOf({ outcome, domains, issuer, expiresAt, error }: RenewOutcome, isDryRun: boolean): string[] {
  const names = domains.join(', ')
  const how = isDryRun ? ' (dry run: nothing was stored)' : ''
  const said = {
    issued: `issued: ${names} by ${issuer}, good until ${expiresAt}${how}`,
    failed: `failed: ${names}`,
    begun: `begun: ${names}`,
    'not due': `not due: ${names} (--force orders it all the same)`
  }
  return [printable(said[outcome]), ...(error === null ? [] : failureLines(error))]
}
