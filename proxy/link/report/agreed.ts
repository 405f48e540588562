import { createHash } from 'node:crypto'
import type { EdgeConfig, HstsConfig, RouteConfig } from '../../config/config.ts'

/** What users get at one host: path prefix → what happens there. */
type Behaviour = ReadonlyMap<string, string>

/** A report has room for 64 KiB; what is left is for certificates and upstreams. */
const largestText = 24_000

/**
 * What users would notice if it were not the same on both servers: path of the setting → its value, as text. Two
 * configurations that treat every request alike give the same, however they are written: the order of routes, and
 * routes that change nothing, do not count. Ports, certificates, slots and limits are each server's own.
 */
export function agreedOf(config: EdgeConfig): Readonly<Record<string, string>> {
  // Asked for with every report; a reload makes another configuration.
  const known = made.get(config)
  if (known !== undefined) return known
  const agreed = makeAgreed(config)
  made.set(config, agreed)
  return agreed
}

const made = new WeakMap<EdgeConfig, Readonly<Record<string, string>>>()

function makeAgreed(config: EdgeConfig): Readonly<Record<string, string>> {
  const agreed: [string, string][] = [
    ['domains', config.domains.toSorted().join(', ')],
    ['hsts', hstsText(config.hsts)],
    ...routeTexts(config)
  ]
  const size = agreed.reduce((sum, [path, text]) => sum + path.length + text.length, 0)
  return Object.fromEntries(size > largestText ? [['domains, hsts and routes', hashOf(agreed)]] : agreed)
}

/** What most domains have is told once; a domain is named where it has something else. */
function routeTexts({ domains, routes }: EdgeConfig): [string, string][] {
  const named = new Set(routes.map(({ host }) => host))
  const unnamed = behaviourAt('', routes)
  const all = domains
    .toSorted()
    .map(domain => [domain, named.has(domain) ? behaviourAt(domain, routes) : unnamed] as const)
  const usual = mostCommon(all.map(([, behaviour]) => behaviour))
  const others = all.filter(([, behaviour]) => !isSame(behaviour, usual))
  return [['', usual] as const, ...others].flatMap(([host, behaviour]) => entriesOf(host, behaviour))
}

function entriesOf(host: string, behaviour: Behaviour): [string, string][] {
  // Else a domain that has no route at all would look like all the others.
  if (behaviour.size === 0) return [[`routes[${host}]`, 'none']]
  return Array.from(behaviour, ([path, text]) => [`routes[${host}${path}]`, text])
}

/** Of two that are as common as each other, the first. */
function mostCommon(all: readonly Behaviour[]): Behaviour {
  const counts = new Map<string, { readonly behaviour: Behaviour; count: number }>()
  for (const behaviour of all) {
    const key = JSON.stringify([...behaviour])
    const known = counts.get(key)
    if (known === undefined) counts.set(key, { behaviour, count: 1 })
    else known.count++
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count)[0]?.behaviour ?? new Map()
}

/** Without the prefixes at which nothing changes. */
function behaviourAt(host: string, routes: readonly RouteConfig[]): Behaviour {
  const here = routes.filter(route => route.host === null || route.host === host)
  // Of two equal paths the one for a host of its own wins: it comes last, and stays.
  const exact = here.toSorted((a, b) => Number(a.host !== null) - Number(b.host !== null))
  const texts = new Map(exact.map(route => [route.path, textOf(route)]))
  const byPath = [...texts].sort(([a], [b]) => (a < b ? -1 : 1))
  return new Map(byPath.filter(([path, text]) => around(path, texts) !== text))
}

/** What would happen at `path` if it had no route of its own; undefined: nothing. */
function around(path: string, texts: Behaviour): string | undefined {
  for (let end = path.length - 1; end > 0; end--) {
    const text = texts.get(path.slice(0, end))
    if (text !== undefined) return text
  }
  return undefined
}

/** Where a stream's owner is found is for the server that runs it; that it is one, users notice on both. */
function textOf({ upstream, stream, learn, idleMs, bodyLimitBytes }: RouteConfig): string {
  const isStream = stream || learn !== null
  return `${upstream}, idle ${durationText(idleMs)}, body ${sizeText(bodyLimitBytes)}${isStream ? ', stream' : ''}`
}

function hstsText(hsts: HstsConfig | null): string {
  if (hsts === null) return 'none'
  const { maxAgeMs, subdomains, preload } = hsts
  return `${durationText(maxAgeMs)}${subdomains ? ', subdomains' : ''}${preload ? ', preload' : ''}`
}

function isSame(a: Behaviour, b: Behaviour): boolean {
  return a.size === b.size && [...a].every(([path, text]) => b.get(path) === text)
}

/** No two values have the same text. */
function durationText(ms: number): string {
  return `${ms / 1000}s`
}

function sizeText(bytes: number): string {
  return bytes % 1_048_576 === 0 ? `${bytes / 1_048_576}m` : `${bytes}`
}

function hashOf(agreed: readonly [string, string][]): string {
  return `sha256 ${createHash('sha256').update(JSON.stringify(agreed)).digest('base64url')}`
}
