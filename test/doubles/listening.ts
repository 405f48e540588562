import type { TlsOptions } from 'node:tls'
import type { Test } from 'tap'
import type { LimitsConfig } from '../../proxy/config/config.ts'
import { readConfig } from '../../proxy/config/load.ts'
import { Deadlines } from '../../proxy/deadlines.ts'
import { answerFailure } from '../../proxy/http/failure-answer.ts'
import { Admission } from '../../proxy/listener/admission.ts'
import type { Handler, ListenerContext } from '../../proxy/listener/context.ts'
import { createHttpListener } from '../../proxy/listener/http.ts'
import { createHttpsListener } from '../../proxy/listener/https.ts'
import type { Listener } from '../../proxy/listener/listener.ts'
import type { AlpnChallenges } from '../../proxy/listener/tls/challenge-server.ts'
import { yamlFor } from './edge.ts'

export interface Listening {
  readonly listener: Listener
  readonly admission: Admission
}

/** Answers every request with two letters. */
export const okay: Handler = {
  handle(exchange) {
    exchange.respond(200, ['content-length', '2'], 2)
    exchange.write(Buffer.from('ok'))
    exchange.end()
  },
  refuse: (exchange, error) => answerFailure(exchange, error.code)
}

const none: AlpnChallenges = { isAlpnOpen: false, alpnContextFor: () => undefined }

export interface HttpsWanted {
  readonly tls: (handshakeMs: number) => TlsOptions
  readonly challenges?: AlpnChallenges
  readonly limits?: Partial<LimitsConfig>
}

/** A listener of the edge alone, on a port of the kernel's choice; it is gone when the test ends. */
export function startHttps(t: Test, { tls, challenges = none, limits }: HttpsWanted): Promise<Listening> {
  const admission = admissionFor(limits)
  const context = contextFor(okay, limits)
  const listener = createHttpsListener({ host: '127.0.0.1', port: 0 }, { tls, context, challenges }, admission)
  return start(t, { listener, admission })
}

export function startHttp(t: Test, handler: Handler): Promise<Listening> {
  const admission = admissionFor()
  const listener = createHttpListener({ host: '127.0.0.1', port: 0 }, contextFor(handler), admission)
  return start(t, { listener, admission })
}

async function start(t: Test, listening: Listening): Promise<Listening> {
  const { listener } = listening
  await listener.start()
  t.teardown(() => {
    listener.destroyAll()
    return listener.stop()
  })
  return listening
}

function limitsFor(limits: Partial<LimitsConfig> = {}): LimitsConfig {
  return { ...readConfig(yamlFor({ web: 'http://127.0.0.1:1' }), 'edge.yaml', {}).limits, ...limits }
}

function admissionFor(limits?: Partial<LimitsConfig>): Admission {
  const all = limitsFor(limits)
  return new Admission(
    () => all,
    () => false
  )
}

function contextFor(handler: Handler, limits?: Partial<LimitsConfig>): ListenerContext {
  const all = limitsFor(limits)
  let ids = 0
  const nextId = (): string => `id-${ids++}`
  return { handler, deadlines: new Deadlines(), limits: () => all, nextId, isTrusted: () => false }
}
