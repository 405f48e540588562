import type { Assets } from '../assets/assets.ts'
import type { RouteConfig } from '../config/config.ts'
import type { Deadlines } from '../deadlines.ts'
import { EdgeError } from '../errors.ts'
import type { Exchange } from '../http/exchange.ts'
import { answerFailure } from '../http/failure-answer.ts'
import type { AccessEntry } from '../record/access-line.ts'
import { comparablePath } from '../routing/route.ts'
import type { Arrival } from './arrival/arrival.ts'
import { enderOf, failureOf } from './failure.ts'
import { Forwarding } from './request.ts'
import type { Destination, Site } from './site.ts'

/** What is noted of a request besides what its exchange knows. */
type Answered = Pick<Forwarding, 'answeredMs'> & {
  readonly slot: Pick<NonNullable<Forwarding['slot']>, 'name'> | null
  readonly tunnel: Pick<NonNullable<Forwarding['tunnel']>, 'bytesIn' | 'bytesOut'> | null
}

/** What forwarders share. */
export interface ForwarderContext {
  readonly site: () => Site
  readonly assets: Assets
  readonly deadlines: Deadlines
  readonly record: (entry: AccessEntry) => void
}

/** Takes every request of :443, or every one from the other edge: finds its route, sends it on its way, and records how it ended. */
export class Forwarder {
  readonly #arrival: Arrival
  readonly #site: () => Site
  readonly #assets: Assets
  readonly #deadlines: Deadlines
  readonly #record: (entry: AccessEntry) => void

  constructor(arrival: Arrival, { site, assets, deadlines, record }: ForwarderContext) {
    this.#arrival = arrival
    this.#site = site
    this.#assets = assets
    this.#deadlines = deadlines
    this.#record = record
  }

  handle(exchange: Exchange): void {
    const site = this.#site()
    try {
      const to = this.#arrival.destinationOf(exchange, site)
      const { name } = to.upstream.config
      if (site.loop.isIn(exchange.head.headers, name))
        throw new EdgeError('LINK_LOOP', `${name} leads back to this edge: it sent this request there before`)
      if (site.config.assets === null || !this.#serve(exchange, to)) this.#forward(exchange, to)
    } catch (error) {
      this.refuse(exchange, failureOf(error))
    }
  }

  refuse(exchange: Exchange, failure: EdgeError): void {
    exchange.onGone = () => {}
    // A certificate may be good for more names than are served: those are not ours to pin.
    const hsts = failure.code === 'EDGE_HOST_UNKNOWN' ? null : this.#site().hsts
    if (!exchange.isOver) answerFailure(exchange, failure.code, hsts)
    this.#note(exchange, { route: null, client: exchange.clientAddress, failure, done: null })
  }

  /** @returns false: it is none of the files that are kept */
  #serve(exchange: Exchange, to: Destination): boolean {
    const { route, hsts } = to
    return this.#assets.serve(exchange, {
      upstream: route.upstream,
      path: comparablePath(exchange.head.target),
      hsts,
      forward: () => this.#forward(exchange, to),
      onDone: (done, failure) => {
        this.#note(exchange, { route, client: to.provenance.realAddress, failure, done })
      }
    })
  }

  #forward(exchange: Exchange, to: Destination): void {
    new Forwarding(exchange, to, this.#deadlines, (done, failure) => this.#onDone(done, failure)).start()
  }

  #onDone(done: Forwarding, failure: EdgeError | null): void {
    const { exchange, to, kind, answeredMs } = done
    const firstByteMs = (answeredMs ?? this.#deadlines.nowMs) - exchange.beganMs
    to.upstream.tally.add(exchange.status, failure?.side ?? null, kind, firstByteMs)
    this.#note(exchange, { route: to.route, client: to.provenance.realAddress, failure, done })
  }

  #note(
    exchange: Exchange,
    how: { route: RouteConfig | null; client: string; failure: EdgeError | null; done: Answered | null }
  ): void {
    const { head, beganMs } = exchange
    const { route, failure, done } = how
    const answeredMs = done?.answeredMs ?? null
    this.#record({
      id: exchange.id,
      client: how.client,
      method: head.method,
      host: head.host,
      path: head.target,
      protocol: exchange.protocol,
      route,
      upstream: route?.upstream ?? null,
      slot: done?.slot?.name ?? null,
      status: exchange.status === 0 ? (failure?.status ?? 0) : exchange.status,
      ended: failure === null ? 'complete' : enderOf(failure.code, failure.side),
      in: exchange.bytesIn + (done?.tunnel?.bytesIn ?? 0),
      out: exchange.bytesOut + (done?.tunnel?.bytesOut ?? 0),
      ttfb: answeredMs === null ? null : answeredMs - beganMs,
      total: this.#deadlines.nowMs - beganMs,
      code: failure?.code ?? null,
      detail: failure?.detail ?? null
    })
  }
}
