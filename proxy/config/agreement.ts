import type { Address } from './config.ts'
import { type Fault, meant, shown } from './faults.ts'
import type { Settings } from './settings.ts'

const yearMs = 365 * 86_400_000

type Check = (settings: Settings) => Iterable<Omit<Fault, 'line' | 'variable'>>

/** What is wrong between settings that are each right. Looks only at those that could be read. */
export function disagreements(settings: Settings): Fault[] {
  const checks: readonly Check[] = [presence, domains, origins, tls, acme, hsts, routes, streams, assets, listeners]
  return checks.flatMap(check => [...check(settings)].map(fault => ({ ...settings.place(fault.path), ...fault })))
}

const presence: Check = function* (settings) {
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

const domains: Check = function* (settings) {
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

const origins: Check = function* (settings) {
  for (const name of settings.keys('upstreams')) {
    const path = `upstreams.${name}`
    const slots = settings.keys(`${path}.slots`)
    const hasOrigin = settings.has(`${path}.origin`)
    const hasSlots = settings.has(`${path}.slots`)
    if (hasOrigin && hasSlots) yield { path: `${path}.slots`, found: 'origin and slots', expected: 'one of the two' }
    if (!hasOrigin && !hasSlots && settings.has(path))
      yield { path, found: 'neither origin nor slots', expected: 'one of the two' }
    if (hasSlots && (settings.isEmpty(`${path}.slots`) || slots.length > 2)) {
      yield { path: `${path}.slots`, found: `${slots.length} slots`, expected: 'one or two, such as blue and green' }
    }
    const seen = new Map<string, string>()
    for (const slot of slots) {
      const origin = settings.get('upstreams.*.slots.*', name, slot)
      const first = seen.get(origin ?? '')
      if (first !== undefined)
        yield {
          path: `${path}.slots.${slot}`,
          found: shown(origin ?? ''),
          expected: `another origin than that of ${first}`
        }
      else if (typeof origin === 'string') seen.set(origin, slot)
    }
  }
}

const tls: Check = function* (settings) {
  const mode = settings.get('tls.mode')
  const pairs = settings.keys('tls.certificates')
  const hasPairs = settings.has('tls.certificates')
  if (mode !== undefined && mode !== 'files' && hasPairs)
    yield { path: 'tls.certificates', found: `certificates with tls.mode ${mode}`, expected: 'tls.mode: files' }
  if (mode === 'files' && settings.isEmpty('tls.certificates'))
    yield {
      path: 'tls.certificates',
      found: 'none',
      expected: 'at least one, such as { cert: fullchain.pem, key: privkey.pem }'
    }
  const served = settings.get('domains')
  for (const pair of pairs) {
    for (const [index, name] of (settings.get('tls.certificates[].domains', pair) ?? []).entries()) {
      if (served === undefined || served.includes(name)) continue
      yield {
        path: `tls.certificates[${pair}].domains[${index}]`,
        found: shown(name),
        expected: 'one of domains',
        ...meant(name, served)
      }
    }
  }
}

const ofAcme = ['email', 'directory', 'directory-ca', 'profile', 'grouping', 'key-type', 'challenges', 'eab']

const acme: Check = function* (settings) {
  const mode = settings.get('tls.mode')
  if (mode === undefined) return
  const written = ofAcme.map(key => `tls.${key}`).filter(path => settings.has(path))
  if (mode !== 'acme') {
    for (const path of written) yield { path, found: `it with tls.mode ${mode}`, expected: 'tls.mode: acme' }
    return
  }
  const challenges = settings.get('tls.challenges')
  if (challenges?.length === 0)
    yield { path: 'tls.challenges', found: 'none', expected: 'http-01, tls-alpn-01 or both' }
  if (challenges?.includes('http-01') && settings.get('listen.http')?.length === 0) {
    yield {
      path: 'tls.challenges',
      found: 'http-01 without a port for it',
      expected: 'listen.http: 80, or tls-alpn-01 alone'
    }
  }
}

const hsts: Check = function* (settings) {
  const maxAgeMs = settings.get('hsts.max-age')
  if (settings.get('hsts.preload') !== true || maxAgeMs === undefined) return
  const isAccepted = settings.get('hsts.subdomains') === true && maxAgeMs >= yearMs
  // What hstspreload.org asks for.
  if (!isAccepted)
    yield { path: 'hsts.preload', found: 'true', expected: 'subdomains: true and max-age: 365d beside it' }
}

const routes: Check = function* (settings) {
  const upstreams = settings.keys('upstreams')
  const served = settings.get('domains')
  const seen = new Map<string, string>()
  for (const route of settings.keys('routes')) {
    const upstream = settings.get('routes[].upstream', route)
    if (upstream !== undefined && upstreams.length > 0 && !upstreams.includes(upstream)) {
      yield {
        path: `routes[${route}].upstream`,
        found: shown(upstream),
        expected: `one of ${upstreams.join(', ')}`,
        ...meant(upstream, upstreams)
      }
    }
    const host = settings.get('routes[].host', route)
    if (host != null && served !== undefined && !served.includes(host)) {
      yield { path: `routes[${route}].host`, found: shown(host), expected: 'one of domains', ...meant(host, served) }
    }
    const path = settings.get('routes[].path', route)
    if (path === undefined || host === undefined) continue
    const key = `${host ?? '*'} ${path}`
    const first = seen.get(key)
    if (first !== undefined)
      yield { path: `routes[${route}].path`, found: shown(path), expected: `another path or host than ${first}` }
    else seen.set(key, `routes[${route}]`)
  }
}

const streams: Check = function* (settings) {
  const all = settings.keys('routes').map(route => [route, settings.get('routes[].upstream', route)] as const)
  for (const [route, upstream] of all) {
    const said = (key: string): boolean =>
      all.some(([other, its]) => its === upstream && settings.has(`routes[${other}].${key}`))
    for (const [key, other] of [['learn', 'owner'] as const, ['owner', 'learn'] as const]) {
      const path = `routes[${route}].${key}`
      if (upstream === undefined || !settings.has(path) || said(other)) continue
      yield { path, found: `no ${other} on any route to ${upstream}`, expected: 'both, or neither' }
    }
  }
}

const assets: Check = function* (settings) {
  const upstreams = settings.keys('upstreams')
  const upstream = settings.get('assets.upstream')
  if (upstream !== undefined && upstreams.length > 0 && !upstreams.includes(upstream)) {
    const expected = `one of ${upstreams.join(', ')}`
    yield { path: 'assets.upstream', found: shown(upstream), expected, ...meant(upstream, upstreams) }
  }
  const path = settings.get('assets.path')
  if (path !== undefined && !path.endsWith('/')) {
    yield { path: 'assets.path', found: shown(path), expected: `a folder: ${path}/` }
  }
}

const listeners: Check = function* (settings) {
  const listen = settings.get('control.listen')
  const bound = [
    ...(settings.get('listen.http') ?? []).map((address, index) => ({ path: `listen.http[${index}]`, address })),
    ...(settings.get('listen.https') ?? []).map((address, index) => ({ path: `listen.https[${index}]`, address })),
    ...(listen ? [{ path: 'control.listen', address: listen }] : [])
  ]
  for (const [index, { path, address }] of bound.entries()) {
    const other = bound.slice(0, index).find(earlier => isSame(earlier.address, address))
    if (other !== undefined) yield { path, found: `port ${address.port}`, expected: `another port than ${other.path}` }
  }
}

/** Whether the kernel would refuse the second of the two. */
function isSame(a: Address, b: Address): boolean {
  if (a.port !== b.port || a.port === 0) return false
  const covers = (all: string, one: string): boolean => all === '::' || (all === '0.0.0.0' && !one.includes(':'))
  return a.host === b.host || covers(a.host, b.host) || covers(b.host, a.host)
}
