import { isIPv4, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { answer } from '../../compose/server/agent.ts'
import { deployAnswers } from '../../compose/server/deploy/answers.ts'
import { lookAnswers } from '../../compose/server/look/answers.ts'
import { protocolVersion } from '../../compose/server/protocol.ts'
import manifest from '../../package.json' with { type: 'json' }
import { EdgeError } from '../../proxy/errors.ts'

export const summary = 'What a laptop asks of this server; not for typing'
export const usage = `--folder FOLDER             answers questions on stdin, one JSON line each
twinedge server --folder FOLDER receive     takes an image on stdin, in pieces
twinedge server --folder FOLDER order ID    carries out what a question has ordered`

const tool = join(import.meta.dirname, '../twinedge')
/** Where bootstrap has put it, its folder says which files it is of; a developer's says nothing. */
const [ownName = ''] = /^tool-[0-9a-f]{12}$/.exec(basename(join(import.meta.dirname, '../..'))) ?? []

export async function run(args: string[]): Promise<number> {
  const options = { folder: { type: 'string' } } as const
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
  const { folder } = values
  if (folder === undefined) throw new EdgeError('EDGE_USAGE', 'twinedge server --folder FOLDER')
  const [what, id] = positionals
  if (what === 'receive') return takeImage(join(folder, 'site/pieces'))
  if (what === 'order' && id !== undefined) return carryOutOrder(join(folder, 'site'), id)
  if (what !== undefined) throw new EdgeError('EDGE_USAGE', 'twinedge server --folder FOLDER [receive | order ID]')
  await answer(process.stdin, process.stdout, {
    hello: async () => ({ version: manifest.version, tool: ownName, protocol: protocolVersion }),
    ...deployAnswers(folder, tool),
    ...lookAnswers(),
    entry: async asked => {
      // What knows the engine is loaded only when it is asked for.
      const { lookAtEntry } = await import('../../compose/server/entry/entry.ts')
      return lookAtEntry({ ...asked, socket: process.env.EDGE_CONTROL_SOCKET, addresses: ownAddresses() })
    }
  })
  return 0
}

/** Loads what knows images only here. */
async function takeImage(folder: string): Promise<number> {
  const { receive } = await import('../../compose/server/ship/receive.ts')
  await receive(process.stdin, process.stdout, folder)
  return 0
}

/** Loads what knows the engine only here. */
async function carryOutOrder(site: string, id: string): Promise<number> {
  const { carryOut } = await import('../../compose/server/deploy/order.ts')
  const { accessOf } = await import('../stack/access.ts')
  await carryOut(site, id, process.pid, async (project, who, verb) => {
    const access = await accessOf({ project }, verb)
    return { ...access, isOrdered: true, operator: { ...access.operator, who } }
  })
  return 0
}

/** Those of this host that lead anywhere from elsewhere. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap(one => one ?? [])
  return all
    .filter(({ internal, address }) => !internal && (isIPv4(address) || (isIPv6(address) && !/^fe80:/i.test(address))))
    .map(({ address }) => address)
}
