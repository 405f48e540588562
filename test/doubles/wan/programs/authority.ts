import type { Worker } from '../../../bench/load/worker.ts'
import type { Pebble, PebbleOptions } from '../../pebble/pebble.ts'
import type { Place } from '../place.ts'
import type { AuthorityVerbs } from './authority-process.ts'

/** What of a Pebble can be had from another network. */
export interface DistantPebble extends Pick<Pebble, 'directory' | 'ca' | 'caFile' | 'issuingRoot'> {
  setDns(domain: string, addresses: readonly string[]): Promise<void>
}

/**
 * A certificate authority with the internet's name server, on :53 of this place: `Place.resolve({ server })` elsewhere
 * makes programs ask it. Names that were not set are at the place's own address. The authority asks at :80, or :443.
 */
export async function startDistantPebble(
  t: { teardown(stop: () => unknown): void },
  place: Place,
  options: Partial<PebbleOptions> = {}
): Promise<DistantPebble> {
  const worker: Worker<AuthorityVerbs> = place.worker(new URL('authority-process.ts', import.meta.url))
  t.teardown(async () => {
    await worker.ask('close', undefined).catch(() => {}) // the ground may have gone first, and it with it
    await worker.stop()
  })
  const started = await worker.ask('start', {
    httpPort: 80,
    tlsPort: 443,
    host: place.address,
    dnsPort: 53,
    ...options
  })
  return { ...started, setDns: (domain, addresses) => worker.ask('setDns', { domain, addresses }) }
}
