import { meant, shown } from '../faults.ts'
import type { Check } from './check.ts'

export const routes: Check = function* (settings) {
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

export const streams: Check = function* (settings) {
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

export const assets: Check = function* (settings) {
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
