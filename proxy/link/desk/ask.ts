import { type IncomingMessage, request as requestHttp } from 'node:http'
import { EdgeError } from '../../errors.ts'
import type { Line } from '../line/line.ts'

export interface PeerAnswer {
  readonly status: number
  readonly body: Buffer
}

/** What the edges say to each other besides requests of users: HTTP as well, on a line of its own. */
export interface Question {
  readonly method: 'GET' | 'POST'
  /** Below `/.link/`. */
  readonly path: string
  readonly body?: Buffer | undefined
  readonly timeoutMs: number
  /** More is an error. */
  readonly mostBytes: number
  /** Only its length counts: nothing of it is kept. */
  readonly isDiscarded?: boolean
}

/** @throws EdgeError LINK_DOWN when no answer comes */
export async function askPeer(line: Line, { method, path, body, timeoutMs, ...limits }: Question): Promise<PeerAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<PeerAnswer>()
  const headers = { host: 'link.invalid', connection: 'close', 'content-length': body?.length ?? 0 }
  // Without an agent: that would open a connection of its own.
  const request = requestHttp({ method, path, headers, createConnection: () => line })
  const deadline = setTimeout(
    () => reject(new EdgeError('LINK_DOWN', `no answer within ${Math.round(timeoutMs)} ms`)),
    timeoutMs
  )
  const fail = (cause: Error): void => reject(asDown(cause))
  request.on('error', fail)
  request.on('response', response => {
    collect(response, limits).then(bytes => resolve({ status: response.statusCode!, body: bytes }), fail)
  })
  request.end(body)
  return promise.finally(() => {
    clearTimeout(deadline)
    request.destroy()
    line.destroy()
  })
}

async function collect(
  response: IncomingMessage,
  { mostBytes, isDiscarded }: Pick<Question, 'mostBytes' | 'isDiscarded'>
): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > mostBytes) throw new Error(`more than ${mostBytes} bytes`)
    if (isDiscarded !== true) chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The line may have said why itself. */
function asDown(cause: Error): EdgeError {
  return cause instanceof EdgeError ? cause : new EdgeError('LINK_DOWN', cause.message, cause)
}
