import type { RouteConfig } from '../config/config.ts'

/** Finds the route of a request. Built once per configuration. */
export class Router {
  readonly #domains: ReadonlySet<string>
  readonly #longestFirst: readonly RouteConfig[]

  constructor(domains: readonly string[], routes: readonly RouteConfig[]) {
    this.#domains = new Set(domains)
    // Of two equal paths the one for a host of its own is the more exact.
    this.#longestFirst = [...routes].sort(
      (a, b) => b.path.length - a.path.length || Number(b.host !== null) - Number(a.host !== null)
    )
  }

  knows(host: string): boolean {
    return this.#domains.has(host)
  }

  /** Longest prefix wins, as nginx's `location /prefix`. @param target path and query as the client sent them */
  match(host: string, target: string): RouteConfig | undefined {
    const path = comparablePath(target)
    for (const route of this.#longestFirst) {
      if ((route.host === null || route.host === host) && path.startsWith(route.path)) return route
    }
    return undefined
  }
}

/**
 * The path as nginx compares it: decoded, without dot segments and doubled slashes, so that `/x/%2e%2e/api/` cannot choose
 * one route here and be another path for the upstream. What is forwarded stays byte for byte what the client sent.
 */
export function comparablePath(target: string): string {
  const query = target.indexOf('?')
  const path = query === -1 ? target : target.slice(0, query)
  if (!/%|\/[./]/.test(path)) return path
  const segments: string[] = []
  const decoded = path.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  for (const segment of decoded.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '.' && segment !== '') segments.push(segment)
  }
  const last = decoded.slice(decoded.lastIndexOf('/') + 1)
  const isFolder = segments.length > 0 && (last === '' || last === '.' || last === '..')
  return `/${segments.join('/')}${isFolder ? '/' : ''}`
}
