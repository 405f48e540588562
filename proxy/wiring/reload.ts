import { isDeepStrictEqual } from 'node:util'
import type { EdgeConfig } from '../config/config.ts'
import type { ReloadAnswer } from '../control/protocol.ts'
import { EdgeError } from '../errors.ts'
import type { Log } from '../record/log.ts'

/** Settings that a running edge cannot change: it says so instead of pretending. */
const FIXED: readonly (keyof EdgeConfig)[] = ['control', 'stateFolder']

/** As the operator writes them, where that differs. */
const WRITTEN: Partial<Record<keyof EdgeConfig, string>> = {
  peerThumbprint: 'tls.peer-thumbprint',
  trustedProxies: 'trusted-proxies',
  stateFolder: 'state',
  graceMs: 'grace'
}

/** A configuration, and the certificates that it led to: the files that it names change under it. */
type Running = readonly [config: EdgeConfig, certificates: { readonly status: unknown }]

/** The top-level settings in which two differ, for the operator. */
export function changesBetween([before, hadCertificates]: Running, [wanted, hasCertificates]: Running): string[] {
  const names = Object.keys(wanted) as (keyof EdgeConfig)[]
  const changed = names
    .filter(name => !isDeepStrictEqual(before[name], wanted[name]))
    .map(name => (WRITTEN[name] ?? name) + (FIXED.includes(name) ? ' (from the next start on)' : ''))
  if (!isDeepStrictEqual(hadCertificates.status, hasCertificates.status)) changed.push('certificates')
  return changed
}

/** What a running edge can take of `wanted`: the rest stays, or half of it would live in another state folder. */
export function applicable(before: EdgeConfig, wanted: EdgeConfig): EdgeConfig {
  const kept = Object.fromEntries(FIXED.map(name => [name, before[name]]))
  return { ...wanted, ...kept }
}

/** Reloads, and whatever else changes what serves, one after another: two at once would take each other's new port. */
export class ReloadQueue {
  readonly #apply: () => Promise<ReloadAnswer>
  readonly #log: Log
  #last: Promise<unknown> = Promise.resolve()

  constructor(apply: () => Promise<ReloadAnswer>, log: Log) {
    this.#apply = apply
    this.#log = log
  }

  /** @throws what stood against it; the log has it too, since nobody reads the answer to a signal */
  take(): Promise<ReloadAnswer> {
    const done = this.#last.then(this.#apply)
    this.#last = done.catch(cause => this.#tellRefused(cause))
    return done
  }

  /** What `change` throws is for who asked, and does not stand in the way of the next. */
  inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change)
    this.#last = done.catch(() => {})
    return done
  }

  #tellRefused(cause: unknown): void {
    const bug = cause instanceof Error ? cause.stack : String(cause)
    const { code, detail, next } = cause instanceof EdgeError ? cause : new EdgeError('EDGE_INTERNAL', `${bug}`)
    this.#log.error('reload refused: what ran goes on running', { code, detail, next })
  }
}
