import type { Fault } from '../faults.ts'
import type { Settings } from '../settings.ts'
import { acme, tls } from './certificates.ts'
import type { Check } from './check.ts'
import { itself, peers } from './link.ts'
import { listeners } from './listeners.ts'
import { assets, routes, streams } from './routes.ts'
import { domains, hsts, presence } from './site.ts'
import { origins } from './upstreams.ts'

// biome-ignore format: in the order in which they are told
const checks: readonly Check[] = [presence, domains, origins, peers, itself, tls, acme, hsts, routes, streams, assets, listeners]

/** What is wrong between settings that are each right. Looks only at those that could be read. */
export function disagreements(settings: Settings): Fault[] {
  return checks.flatMap(check => [...check(settings)].map(fault => ({ ...settings.place(fault.path), ...fault })))
}
