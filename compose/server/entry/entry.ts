import { join } from 'node:path'
import type { CertificatesAnswer, StandbyAnswer, StatusAnswer } from '../../../proxy/control/protocol.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import { askSocket } from '../../edge-client.ts'
import { readVariable } from '../../stack/env-file.ts'
import { findStack } from '../../stack/stack.ts'
import type { EntrySeen } from './records.ts'

/** Nobody waits longer to be told that an engine hangs. */
const engineMs = 10_000

/** Where an edge is asked. */
export interface EntryPlace {
  /** Of Compose. */
  readonly project: string
  /** FOLDER. */
  readonly folder: string
  /** Of an edge without a stack; else the engine is asked. */
  readonly socket: string | undefined
  /** Of this host. */
  readonly addresses: readonly string[]
}

/** @throws EdgeError COMPOSE_NO_STACK, COMPOSE_ENGINE_UNREACHABLE, EDGE_NOT_RUNNING */
export async function lookAtEntry({ project, folder, socket, addresses }: EntryPlace): Promise<EntrySeen> {
  const at = socket ?? (await socketOf(project))
  const get = async <T>(path: string): Promise<T> => JSON.parse((await askSocket(at, { method: 'GET', path })).body)
  const [status, certificates, standby, port] = await Promise.all([
    get<StatusAnswer>('/status'),
    get<CertificatesAnswer>('/certificates'),
    get<StandbyAnswer>('/standby').catch(told),
    readVariable(join(folder, '.env'), 'HTTPS_PORT')
  ])
  return { status, certificates, standby, httpsPort: Number(port) || 443, addresses }
}

/** Loads what knows the engine only where it is asked. */
async function socketOf(project: string): Promise<string> {
  const { dockerEngine } = await import('../../engine.ts')
  return (await findStack(await dockerEngine(engineMs), project)).socket
}

function told(cause: unknown): Exclude<EntrySeen['standby'], StandbyAnswer> {
  if (!(cause instanceof EdgeError) || cause.code === 'EDGE_NOT_RUNNING') throw cause
  return { code: cause.code, detail: cause.detail }
}
