import { shown } from '../faults.ts'
import type { Check } from './check.ts'

const yearMs = 365 * 86_400_000

export const presence: Check = function* (settings) {
  if (settings.get('domains')?.length === 0) yield { path: 'domains', found: 'none', expected: 'at least one domain' }
  if (settings.isEmpty('upstreams')) {
    yield {
      path: 'upstreams',
      found: 'none',
      expected: 'at least one upstream, such as web: { origin: http://127.0.0.1:3000 }'
    }
  }
  if (settings.isEmpty('routes')) {
    yield { path: 'routes', found: 'none', expected: 'at least one route, such as { path: /, upstream: web }' }
  }
}

export const domains: Check = function* (settings) {
  const all = settings.get('domains') ?? []
  for (const [index, domain] of all.entries()) {
    const first = all.indexOf(domain)
    if (first < index)
      yield {
        path: `domains[${index}]`,
        found: shown(domain),
        expected: `each name once: domains[${first}] is the same`
      }
  }
}

export const hsts: Check = function* (settings) {
  const maxAgeMs = settings.get('hsts.max-age')
  if (settings.get('hsts.preload') !== true || maxAgeMs === undefined) return
  const isAccepted = settings.get('hsts.subdomains') === true && maxAgeMs >= yearMs
  // What hstspreload.org asks for.
  if (!isAccepted)
    yield { path: 'hsts.preload', found: 'true', expected: 'subdomains: true and max-age: 365d beside it' }
}
