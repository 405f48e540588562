import { parseArgs } from 'node:util'
import type { ImportAnswer } from '../../proxy/control/protocol.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { printable } from '../../proxy/record/terminal.ts'
import { ask, orderTimeoutMs, type Place, placeOptions, placeUsage } from '../control-client.ts'
import { doneThere } from '../laptop/there.ts'
import { type FoundPair, readCertbotFolder } from './certbot-folder.ts'
import { storeOffline } from './offline.ts'

type Stored = ImportAnswer['certificates'][number]

/** What fits into the control socket's limit on a body. */
const mostAtOnce = 20

/** @returns 1 when none was stored */
export async function importFolder(args: string[]): Promise<number> {
  const options = { ...placeOptions, json: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
  const [folder, ...more] = positionals
  if (folder === undefined || more.length > 0) {
    throw new EdgeError('EDGE_USAGE', `twinedge certs import DIR ${placeUsage} [--json]`)
  }
  const there = await doneThere(['certs', 'import', ...args], values)
  if (there !== null) return there
  const { pairs, faults } = await readCertbotFolder(folder)
  const stored: Stored[] = []
  for (let at = 0; at < pairs.length; at += mostAtOnce)
    stored.push(...(await bring(values, pairs.slice(at, at + mostAtOnce))))
  const unread = faults.map(({ source, fault }) => ({ source, names: [], reason: fault.message }))
  const certificates = [...stored, ...unread]
  console.log(values.json ? JSON.stringify({ certificates }) : describe(certificates))
  return certificates.some(({ names }) => names.length > 0) ? 0 : 1
}

/** To the edge that runs; else into its state folder, so that its first start serves them. */
async function bring(place: Place, certificates: readonly FoundPair[]): Promise<readonly Stored[]> {
  try {
    const request = { ...place, timeoutMs: orderTimeoutMs }
    const { body } = await ask(request, 'POST', '/certificates/import', { certificates })
    return (JSON.parse(body) as ImportAnswer).certificates
  } catch (cause) {
    const isOffline = cause instanceof EdgeError && cause.code === 'EDGE_NOT_RUNNING' && place.config !== undefined
    if (!isOffline) throw cause
    return await storeOffline(place.config, certificates)
  }
}

function describe(certificates: ImportAnswer['certificates']): string {
  const outcome = (names: readonly string[], reason: string | null): string =>
    names.length > 0 ? `stored for ${names.join(', ')}` : `not stored: ${reason?.replace(/\s*\n\s*/g, '; ')}`
  return certificates.map(({ source, names, reason }) => printable(`${source}: ${outcome(names, reason)}`)).join('\n')
}
