import { isIP } from 'node:net'
import type { RouteConfig } from '../config/config.ts'
import type { RawHeaders, RequestHead } from '../http/exchange.ts'
import { firstValue } from '../http/fields.ts'

/** What the edge knows of a request besides its head. */
export interface Provenance {
  readonly requestId: string
  /** Who is believed to have sent it: the socket's other end, or what a trusted proxy says. */
  readonly realAddress: string
  /** The chain for X-Forwarded-For, real client first. */
  readonly forwardedFor: string
  readonly proto: string
  readonly forwardedHost: string
  readonly isTrusted: boolean
}

/** A request of a WebSocket says so to the upstream; a stream must not be compressed, or events wait for a full block. */
export interface RequestShape {
  readonly isUpgrade: boolean
  readonly wantsIdentity: boolean
}

/** What is learned from events is read from their text. */
export function shapeOf(head: RequestHead, { stream, learn }: RouteConfig): RequestShape {
  const wantsIdentity = stream || learn !== null || acceptsEvents(head.headers)
  return { isUpgrade: head.isWebSocketUpgrade, wantsIdentity }
}

/** Fields that a stranger's request may not bring: ours to set, or Next.js' own (it would skip middleware, or say a page is stale). */
const FORBIDDEN_TO_STRANGERS =
  /^(?:x-real-ip|x-request-id|x-forwarded(?:-.*)?|x-original-.*|x-rewrite-url|x-middleware-.*|x-invoke-.*|x-now-route-matches|x-matched-path|x-next-resume-.*|x-next-cache-tags|x-next-revalidate.*|x-prerender-.*|x-twinedge-.*)$/

/**
 * The head that goes to the upstream: Host kept (manual 6.1), our own forwarding fields, all else byte for byte.
 * Pure; in lower case, ready to be written as latin1.
 * @param ours lines of our own, behind those of whoever sent it on before us
 */
export function toUpstream(head: RequestHead, from: Provenance, shape: RequestShape, ours = ''): string {
  const { headers, bodyLength } = head
  let text = `${head.method} ${head.target} HTTP/1.1\r\nhost: ${head.authority}\r\n`
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (!isWelcome(name, from.isTrusted)) continue
    if (shape.wantsIdentity && name === 'accept-encoding') continue
    text += `${name}: ${headers[i + 1]}\r\n`
  }
  if (shape.wantsIdentity) text += 'accept-encoding: identity\r\n'
  if (shape.isUpgrade) text += 'connection: upgrade\r\nupgrade: websocket\r\n'
  if (bodyLength === -1) text += 'transfer-encoding: chunked\r\n'
  else if (bodyLength > 0 || saysItIsEmpty(head.method)) text += `content-length: ${bodyLength}\r\n`
  return (
    `${text}x-real-ip: ${from.realAddress}\r\nx-forwarded-for: ${from.forwardedFor}\r\n` +
    `x-forwarded-proto: ${from.proto}\r\nx-forwarded-host: ${from.forwardedHost}\r\nx-request-id: ${from.requestId}\r\n${ours}\r\n`
  )
}

/**
 * The answer's fields as the client gets them: those of the upstream, and the request id by which we are asked about it.
 * @param hsts instead of the upstream's own; null: the upstream's stays
 */
export function toClient(
  status: number,
  headers: RawHeaders,
  requestId: string,
  hsts: string | null = null
): RawHeaders {
  let kept = 0
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (name === 'x-request-id') continue
    // A browser heeds only the first (RFC 6797 §8.1).
    if (hsts !== null && name === 'strict-transport-security') continue
    // RFC 9110 §8.6 forbids it there, and HTTP/2 clients refuse such an answer whole.
    if (status === 204 && name === 'content-length') continue
    headers[kept++] = name
    headers[kept++] = headers[i + 1]!
  }
  headers.length = kept
  headers.push('x-request-id', requestId)
  if (hsts !== null) headers.push('strict-transport-security', hsts)
  return headers
}

/** True for a request whose answer is a stream of events whatever its route says. */
export function acceptsEvents(headers: RawHeaders): boolean {
  return /text\/event-stream/i.test(allValues(headers, 'accept') ?? '')
}

/** @param id ours; a trusted proxy's own is kept, so that one id names the request on both edges */
export function provenanceOf(
  head: RequestHead,
  clientAddress: string,
  id: string,
  isTrusted: ((address: string) => boolean) | null
): Provenance {
  if (isTrusted === null || !isTrusted(clientAddress)) {
    const forwardedHost = head.authority
    return {
      requestId: id,
      realAddress: clientAddress,
      forwardedFor: clientAddress,
      proto: 'https',
      forwardedHost,
      isTrusted: false
    }
  }
  const before = allValues(head.headers, 'x-forwarded-for')
  const theirId = firstValue(head.headers, 'x-request-id') ?? ''
  const theirProto = firstValue(head.headers, 'x-forwarded-proto')
  return {
    requestId: /^[\w.:-]{8,64}$/.test(theirId) ? theirId : id,
    realAddress: realAddressOf(before, clientAddress, isTrusted),
    forwardedFor: before === undefined ? clientAddress : `${before}, ${clientAddress}`,
    proto: theirProto === 'http' || theirProto === 'https' ? theirProto : 'https',
    forwardedHost: firstValue(head.headers, 'x-forwarded-host') ?? head.authority,
    isTrusted: true
  }
}

/** What the other edge knows of a request: it has looked at it as we would have. */
export function provenanceFromPeer(head: RequestHead, peerAddress: string, id: string): Provenance {
  const { headers } = head
  return {
    requestId: firstValue(headers, 'x-request-id') ?? id,
    realAddress: firstValue(headers, 'x-real-ip') ?? peerAddress,
    forwardedFor: allValues(headers, 'x-forwarded-for') ?? peerAddress,
    proto: firstValue(headers, 'x-forwarded-proto') ?? 'https',
    forwardedHost: firstValue(headers, 'x-forwarded-host') ?? head.authority,
    isTrusted: true
  }
}

/** From the right, the first address that is not a proxy of ours: what stands left of it a stranger may have written. */
function realAddressOf(
  chain: string | undefined,
  clientAddress: string,
  isTrusted: (address: string) => boolean
): string {
  let known = clientAddress
  for (const hop of chain?.split(',').reverse() ?? []) {
    const address = hop.trim()
    // `unknown`, a name, nonsense: whoever wrote it, the last address that was believed is the best there is.
    if (isIP(address) === 0) return known
    if (!isTrusted(address)) return address
    known = address
  }
  return known
}

/** Some proxies add a field of their own below the client's: only all of them together are the list (RFC 9110 §5.3). */
function allValues(headers: RawHeaders, name: string): string | undefined {
  let all: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) all = all === undefined ? headers[i + 1]! : `${all}, ${headers[i + 1]}`
  }
  return all
}

/** Whether an answer is a stream of events: then it may go on for hours. */
export function isEventStream(headers: RawHeaders): boolean {
  return firstValue(headers, 'content-type')?.startsWith('text/event-stream') ?? false
}

function isWelcome(name: string, isTrusted: boolean): boolean {
  const first = name.charCodeAt(0)
  if (first === 0x78 /* x */) {
    // `X_Real_IP` becomes X-Real-IP in some frameworks: an underscore is no way around the rule.
    const plain = name.includes('_') ? name.replaceAll('_', '-') : name
    return (
      !FORBIDDEN_TO_STRANGERS.test(plain) || (isTrusted && !/^x-(?:middleware|twinedge)-/.test(plain) && !isOurs(plain))
    )
  }
  return name !== 'forwarded' && name !== 'next-resume'
}

/** Written anew for every request, whoever sent it. */
function isOurs(name: string): boolean {
  return /^x-(?:real-ip|request-id|forwarded-(?:for|proto|host))$/.test(name)
}

/** RFC 9110 §8.6: a method that expects a body says that there is none. */
function saysItIsEmpty(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH'
}
