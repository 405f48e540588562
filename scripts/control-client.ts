import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Answer, askSocket } from '../compose/edge-client.ts'
import { EdgeError } from '../proxy/errors.ts'
import { siteOptions } from './site-file.ts'

/** For parseArgs: where the edge is, on a server of a deploy.yaml or here; every verb that asks one takes them. */
export const placeOptions = { ...siteOptions, socket: { type: 'string' }, config: { type: 'string' } } as const
export const placeUsage = '[--server NAME | --socket PATH | --config FILE]'
export interface Place {
  readonly socket?: string | undefined
  readonly config?: string | undefined
  /** How long its answer may take; 30 s unless told. */
  readonly timeoutMs?: number
}

/** The demo's, the image's and a server's, in this order. */
const usual = [
  join(import.meta.dirname, '../.twinedge/control.sock'),
  '/run/twinedge/control.sock',
  '/var/lib/twinedge/control.sock'
]
/** Nobody waits longer to be told that an engine hangs. */
const engineMs = 10_000
/** For what waits for an authority, or for the order that it is busy with: it takes its time to look at each domain. */
export const orderTimeoutMs = 15 * 60_000

/**
 * Asks the running edge.
 * @throws EdgeError EDGE_NOT_RUNNING; or what the edge answered, under its own code
 */
export async function ask(place: Place, method: 'GET' | 'POST' | 'PUT', path: string, body?: object): Promise<Answer> {
  return askSocket(await findSocket(place), { method, path, body, timeoutMs: place.timeoutMs })
}

/** @throws EdgeError EDGE_NOT_RUNNING, CONFIG_MISSING, CONFIG_INVALID */
export async function findSocket({ socket, config }: Place): Promise<string> {
  if (socket !== undefined) return socket
  if (config !== undefined) {
    const { loadConfig } = await import('../proxy/config/load.ts')
    return (await loadConfig(config, process.env)).control.socket
  }
  const found = process.env.EDGE_CONTROL_SOCKET ?? usual.find(path => existsSync(path)) ?? (await ofStack())
  if (found !== undefined) return found
  throw new EdgeError('EDGE_NOT_RUNNING', `no control socket at ${usual.join(', ')}, and no stack has one`)
}

/** Of the stack on this machine, for who may see its engine. */
async function ofStack(): Promise<string | undefined> {
  const [{ dockerEngine }, { findStack }, { projectOf }] = await Promise.all([
    import('../compose/engine.ts'),
    import('../compose/stack/stack.ts'),
    import('./stack/access.ts')
  ])
  try {
    return (await findStack(await dockerEngine(engineMs), await projectOf({}))).socket
  } catch {
    return undefined
  }
}
