import { parseArgs } from 'node:util'
import type { ImportAnswer } from '../../proxy/control/protocol.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { printable } from '../../proxy/record/terminal.ts'
import { ask, orderTimeoutMs, placeOptions, placeUsage } from '../control-client.ts'
import { readCertbotFolder } from './certbot-folder.ts'

/** @returns 1 when none was stored */
export async function importFolder(args: string[]): Promise<number> {
  const options = { ...placeOptions, json: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
  const [folder, ...more] = positionals
  if (folder === undefined || more.length > 0) {
    throw new EdgeError('EDGE_USAGE', `twinedge certs import DIR ${placeUsage} [--json]`)
  }
  const { pairs, faults } = await readCertbotFolder(folder)
  const place = { ...values, timeoutMs: orderTimeoutMs }
  const { body } = await ask(place, 'POST', '/certificates/import', { certificates: pairs })
  const unread = faults.map(({ source, fault }) => ({ source, names: [], reason: fault.message }))
  const certificates = [...(JSON.parse(body) as ImportAnswer).certificates, ...unread]
  console.log(values.json ? JSON.stringify({ certificates }) : describe(certificates))
  return certificates.some(({ names }) => names.length > 0) ? 0 : 1
}

function describe(certificates: ImportAnswer['certificates']): string {
  const outcome = (names: readonly string[], reason: string | null): string =>
    names.length > 0 ? `stored for ${names.join(', ')}` : `not stored: ${reason?.replace(/\s*\n\s*/g, '; ')}`
  return certificates.map(({ source, names, reason }) => printable(`${source}: ${outcome(names, reason)}`)).join('\n')
}
