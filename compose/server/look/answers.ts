import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { CertificatesAnswer, LinkMeasure } from '../../../proxy/control/protocol.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import { askSocket, edgeAt } from '../../edge-client.ts'
import { dockerEngine, type Engine } from '../../engine.ts'
import { findStack } from '../../stack/stack.ts'
import { stackStatus } from '../../status/stack-status.ts'
import type { Answers } from '../agent.ts'
import type { LookQuestions } from '../protocol.ts'
import { examine } from './examine.ts'
import type { Looked } from './records.ts'

/** Nobody waits longer to be told that an engine hangs. */
const engineMs = 10_000
const now = (): Date => new Date()

export function lookAnswers(): Pick<Answers, keyof LookQuestions> {
  return {
    status: ({ project }) => look(project),
    certificates: async ({ project }) => JSON.parse(await ask(project, 'GET', '/certificates')) as CertificatesAnswer,
    examine: async asked => examine(await dockerEngine(engineMs), asked, now),
    measure: async ({ project, bytes, longestMs }) =>
      JSON.parse(await ask(project, 'POST', '/link/measure', { bytes, longestMs })) as LinkMeasure
  }
}

/** What fails here is told with what does not. */
async function look(project: string): Promise<Looked> {
  const host = hostname()
  const meminfo = (): Promise<string> => readFile('/proc/meminfo', 'utf8').catch(() => '')
  const sources = (engine: Engine) => ({ engine, edgeAt, socket: undefined, host, meminfo, now })
  try {
    const { stack, edge } = await stackStatus(project, sources(await dockerEngine(engineMs)))
    return edge instanceof EdgeError ? { edge: null, stack, failure: failed(edge) } : { edge, stack, failure: null }
  } catch (cause) {
    if (cause instanceof EdgeError) return { edge: null, stack: null, failure: failed(cause) }
    throw cause
  }
}

function failed({ code, detail, next }: EdgeError): Looked['failure'] {
  return { code, detail, next }
}

async function ask(project: string, method: 'GET' | 'POST', path: string, body?: { longestMs: number; bytes: number }) {
  const { socket } = await findStack(await dockerEngine(engineMs), project)
  const timeoutMs = body === undefined ? undefined : body.longestMs + 15_000
  return (await askSocket(socket, { method, path, body, timeoutMs })).body
}
