import type { Deadlines } from '../../deadlines.ts'
import { EdgeError } from '../../errors.ts'
import type { BodyReceiver, Exchange, RequestHead, UpgradedClient } from '../../http/exchange.ts'
import { Forwarding } from '../request.ts'
import type { Site } from '../site.ts'

/** No site's: nobody's request gets past the edge with it. */
const HOST = 'link.invalid'
/** Stands for the path at which the other edge probes the upstream that is named. */
const PATH = '/.link/health'

const head: RequestHead = {
  method: 'GET',
  host: HOST,
  authority: HOST,
  target: PATH,
  headers: [],
  bodyLength: 0,
  expectsContinue: false,
  isWebSocketUpgrade: false
}

/** Whether it is one of the other edge. The path alone is any user's to ask for. */
export function isRehearsal({ host, target }: RequestHead): boolean {
  return target === PATH && host === HOST
}

/** A request that no client has sent. */
class Rehearsal implements Exchange {
  readonly id = 'rehearsal'
  readonly protocol = 'HTTP/1.1'
  readonly clientAddress = '127.0.0.1'
  readonly head = head
  readonly bytesIn = 0
  readonly bytesOut = 0
  readonly beganMs: number
  status = 0
  isOver = false
  onGone = (): void => {}
  onDrain = (): void => {}

  constructor(beganMs: number) {
    this.beganMs = beganMs
  }

  readBody(receiver: BodyReceiver): void {
    receiver.endBody([])
  }
  resumeBody(): void {}
  inform(): void {}
  respond(status: number): void {
    this.status = status
  }
  flush(): void {}
  write(): boolean {
    return true
  }
  end(): void {
    this.isOver = true
  }
  abort(): void {
    this.isOver = true
  }
  upgrade(): UpgradedClient {
    throw new EdgeError('EDGE_INTERNAL', 'a rehearsal asks for no upgrade')
  }
}

/**
 * Sends a probe to each upstream of the other server, along the whole way of a user's request: the first user finds
 * connections open and code that has run.
 * @returns what did not come back well
 */
export async function rehearse({ upstreams }: Site, deadlines: Deadlines): Promise<EdgeError[]> {
  const there = [...upstreams.values()].filter(({ active }) => active.isPeer)
  const failures = await Promise.all(
    there.map(upstream => {
      const { promise, resolve } = Promise.withResolvers<EdgeError | null>()
      const exchange = new Rehearsal(deadlines.nowMs)
      const { name } = upstream.config
      const route = { ...whole, upstream: name }
      const to = { route, upstream, provenance, mark: '', hsts: null, isFromPeer: false }
      new Forwarding(exchange, to, deadlines, (_done, failure) => {
        const isWell = failure === null && exchange.status < 500
        resolve(isWell ? null : new EdgeError('LINK_PEER_REFUSED', `${name}: ${failure?.message ?? exchange.status}`))
      }).start()
      return promise
    })
  )
  return failures.filter(failure => failure !== null)
}

const provenance = {
  requestId: 'rehearsal',
  realAddress: '127.0.0.1',
  forwardedFor: '127.0.0.1',
  proto: 'https',
  forwardedHost: head.host,
  isTrusted: true
}
const whole = { host: null, path: '/', stream: false, idleMs: 10_000, bodyLimitBytes: 0, learn: null, owner: [] }
