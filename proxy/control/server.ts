import { Readable } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Address } from '../config/config.ts'
import { EdgeError, type FailureCode, failures } from '../errors.ts'
import type { AssetActions, ControlActions, SlotActions } from './actions.ts'
import { addLink } from './link/routes.ts'
import type { FailureAnswer, LogLevelAnswer } from './protocol.ts'
import { readImportRequest, readRenewRequest, refusal } from './requests.ts'
import {
  readDrainRequest,
  readHoldRequest,
  readProbeRequest,
  readPromoteRequest,
  readTallyRequest
} from './slot-requests.ts'
import { listenOnLoopback, listenOnSocket } from './sockets.ts'

export interface ControlOptions {
  /** Absolute path of the unix socket. */
  readonly socket: string
  readonly listen: Address | null
  readonly actions: ControlActions
}

export interface Control {
  /** Port of the loopback listener; null without one. */
  readonly port: number | null
  close(): Promise<void>
}

/** Room for some 150 chains with their keys. */
const importLimitBytes = 1_048_576
const requestMs = 10_000
/** A build of some hundred megabytes, onto a slow disk. */
const uploadMs = 600_000
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/**
 * Opens the control socket, and the loopback port if there is one.
 * @throws EdgeError EDGE_ALREADY_RUNNING, EDGE_STATE_UNWRITABLE, EDGE_PORT_TAKEN, EDGE_PORT_FORBIDDEN,
 *   EDGE_ADDRESS_MISSING
 */
export async function startControl({ socket, listen, actions }: ControlOptions): Promise<Control> {
  const operator = createApp(uploadMs)
  addReadings(operator, actions)
  addOperations(operator, actions)
  addCertificates(operator, actions)
  addSlots(operator, actions.slots)
  addAssets(operator, actions.assets)
  addLink(operator, actions.link)
  await listenOnSocket(operator, socket)
  if (listen === null) return { port: null, close: () => operator.close() }

  const monitor = createApp(requestMs)
  monitor.addHook('onRequest', refuseForeignHost)
  addReadings(monitor, actions)
  try {
    const port = await listenOnLoopback(monitor, listen)
    return { port, close: () => Promise.all([operator.close(), monitor.close()]).then(() => {}) }
  } catch (cause) {
    await operator.close()
    throw cause
  }
}

/** @param longestMs for the whole of a request to come */
function createApp(longestMs: number): FastifyInstance {
  // A client that keeps its connection must not hold up the stop of the edge.
  const app = Fastify({ bodyLimit: 4_096, requestTimeout: longestMs, forceCloseConnections: true })
  app.setErrorHandler(answerFailure)
  app.setNotFoundHandler((request, reply) => {
    return fail(reply, 404, 'EDGE_USAGE', `the control listener has no ${request.method} ${request.url}`)
  })
  return app
}

/** What the loopback port serves too: nothing that changes anything, nothing that names an address. */
function addReadings(app: FastifyInstance, actions: ControlActions): void {
  app.get('/healthz', (_request, reply) => {
    const health = actions.health()
    return reply.code(health.status === 'ok' ? 200 : 503).send(health)
  })
  app.get('/metrics', async (_request, reply) => {
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await actions.metrics())
  })
}

function addOperations(app: FastifyInstance, actions: ControlActions): void {
  app.get('/status', () => actions.status())
  app.post('/reload', () => actions.reload())
  app.get('/log-level', (): LogLevelAnswer => ({ level: actions.getLogLevel() }))
  app.put('/log-level', (request, reply): LogLevelAnswer | FastifyReply => {
    const level = (request.body as { level?: unknown } | null)?.level
    if (typeof level !== 'string' || !logLevels.includes(level)) {
      return fail(reply, 400, 'EDGE_USAGE', `level is one of ${logLevels.join(', ')}`)
    }
    actions.setLogLevel(level)
    return { level: actions.getLogLevel() }
  })
}

function addCertificates(app: FastifyInstance, actions: ControlActions): void {
  app.get('/certificates', () => actions.certificates())
  app.post('/certificates/renew', async (request, reply) => {
    const { mode, renewals } = actions.certificates()
    const asked = readRenewRequest(request.body, mode === 'acme' ? renewals.map(({ name }) => name) : null)
    const answer = await actions.renewCertificates(asked)
    return reply.code(asked.dryRun ? 200 : 202).send(answer)
  })
  app.post('/certificates/import', { bodyLimit: importLimitBytes }, request => {
    return actions.importCertificates(readImportRequest(request.body))
  })
}

function addSlots(app: FastifyInstance, slots: SlotActions): void {
  app.post('/slots/probe', request => slots.probe(readProbeRequest(request.body)))
  app.post('/slots/promote', (request, reply) => {
    const asker = new AbortController()
    reply.raw.once('close', () => asker.abort())
    return slots.promote(readPromoteRequest(request.body), asker.signal)
  })
  app.post('/slots/drain', (request, reply) => {
    return reply.code(202).send(slots.drain(readDrainRequest(request.body)))
  })
  app.post('/slots/hold', (request, reply) => reply.send(slots.hold(readHoldRequest(request.body))))
  app.post('/slots/tally', (request, reply) => reply.send(slots.tally(readTallyRequest(request.body))))
}

function addAssets(app: FastifyInstance, assets: AssetActions): void {
  // As it comes: whoever takes it bounds it.
  app.addContentTypeParser('application/x-tar', (_request, body, done) => done(null, body))
  app.get('/assets', () => assets.status)
  app.post('/assets', request => {
    if (request.body instanceof Readable) return assets.take(request.body)
    throw refusal('the body is a tar, as application/x-tar')
  })
}

/** DNS rebinding: a page in a browser of this machine can reach the port under its own name, but not under ours. */
function refuseForeignHost(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  const host = request.headers.host ?? ''
  if (/^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host)) done()
  else fail(reply, 421, 'EDGE_HOST_UNKNOWN', `the control listener is no ${JSON.stringify(host)}: use 127.0.0.1`)
}

function answerFailure(cause: Error & { statusCode?: number }, _request: FastifyRequest, reply: FastifyReply): void {
  if (cause instanceof EdgeError) fail(reply, cause.code === 'EDGE_USAGE' ? 400 : 409, cause.code, cause.detail)
  else if (cause.statusCode !== undefined && cause.statusCode < 500) {
    fail(reply, cause.statusCode, 'EDGE_USAGE', cause.message)
  } else fail(reply, 500, 'EDGE_INTERNAL', cause.message)
}

function fail(reply: FastifyReply, status: number, code: FailureCode, detail: string): FastifyReply {
  const answer: FailureAnswer = { code, detail, next: failures[code].next }
  return reply.code(status).send(answer)
}
