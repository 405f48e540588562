import { EdgeError } from '../../errors.ts'
import type { BodyReceiver, Exchange } from '../../http/exchange.ts'
import { answerMeasure } from './measure.ts'

/** What the other edge may ask of this one, and who answers. The key is the method and the path. */
export type Questions = Readonly<Record<string, (body: Buffer, by: string) => Promise<object> | object>>

const LARGEST_BODY_BYTES = 65_536
const json = (body: string): string[] => [
  'content-type',
  'application/json',
  'content-length',
  `${Buffer.byteLength(body)}`
]

/**
 * Answers what the other edge asks for itself, below `/.link/`: JSON, or a code with its status.
 * @param by fingerprint of the key that it asks with
 * @returns why it was refused; null: it was not
 */
export async function answerPeer(exchange: Exchange, by: string, questions: Questions): Promise<EdgeError | null> {
  const { method, target } = exchange.head
  if (answerMeasure(exchange)) return null
  try {
    const body = await bodyOf(exchange)
    const answer = Object.hasOwn(questions, `${method} ${target}`) ? questions[`${method} ${target}`] : undefined
    if (answer === undefined) throw new EdgeError('EDGE_ROUTE_NOT_FOUND', 'this release does not know this question')
    send(exchange, 200, JSON.stringify(await answer(body, by)))
    return null
  } catch (cause) {
    const failure = cause instanceof EdgeError ? cause : new EdgeError('EDGE_INTERNAL', String(cause), cause)
    send(exchange, failure.status || 409, JSON.stringify({ code: failure.code, detail: failure.detail }))
    return failure
  }
}

function send(exchange: Exchange, status: number, body: string): void {
  if (exchange.isOver) return
  exchange.respond(status, json(body), Buffer.byteLength(body))
  exchange.write(Buffer.from(body))
  exchange.end()
}

async function bodyOf(exchange: Exchange): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  const receiver: BodyReceiver = {
    takeBody(chunk) {
      if (exchange.bytesIn > LARGEST_BODY_BYTES) reject(new EdgeError('EDGE_BODY_TOO_LARGE', 'a question is short'))
      else chunks.push(Buffer.from(chunk))
      return true
    },
    endBody: () => resolve(Buffer.concat(chunks))
  }
  exchange.onGone = cause => reject(new EdgeError(cause, 'before the question was complete'))
  exchange.readBody(receiver)
  return promise
}
