import type { Address, HostPort } from '../config.ts'
import { shown } from '../faults.ts'
import { type Host, isItself } from '../kinds/hosts.ts'
import type { Settings } from '../settings.ts'
import type { Check } from './check.ts'

/** What says how an upstream is reached and watched from here. The other server's is reached over the link, and watched there. */
const ofOurOwn = ['health', 'keep-alive', 'connect-timeout', 'connections'] as const

/** Upstreams that are the other server's, always or while ours are down. */
export const peers: Check = function* (settings) {
  for (const name of settings.keys('upstreams')) {
    const path = `upstreams.${name}`
    const isPeer = settings.get('upstreams.*.origin', name) === 'peer'
    const hasElse = settings.get('upstreams.*.else', name) === 'peer'
    if (isPeer) yield* meaningless(settings, path)
    else if (hasElse && !settings.has(`${path}.health`)) {
      yield {
        path: `${path}.else`,
        found: 'else without health',
        expected: 'health as well: it says when this one is down'
      }
    }
    // Theirs is called so, wherever slots are told apart.
    if (hasElse && settings.has(`${path}.slots.peer`)) {
      yield {
        path: `${path}.slots.peer`,
        found: 'a slot called peer, with else: peer',
        expected: 'another name: that is the slot of the other server'
      }
    }
    if (settings.has('link')) continue
    const without = { found: 'peer without a link', expected: 'a link as well, such as link: { peer: 203.0.113.7 }' }
    if (isPeer) yield { path: `${path}.origin`, ...without }
    if (hasElse) yield { path: `${path}.else`, ...without }
  }
}

function* meaningless(settings: Settings, path: string): ReturnType<Check> {
  if (settings.has(`${path}.else`)) {
    yield {
      path: `${path}.else`,
      found: 'else with origin: peer',
      expected: 'one of the two: both are the other server'
    }
  }
  // A variable that makes it the other server's takes the place of all that the file says of this one.
  if (settings.place(`${path}.origin`).variable !== undefined) return
  for (const key of ofOurOwn) {
    if (!settings.has(`${path}.${key}`)) continue
    yield {
      path: `${path}.${key}`,
      found: `${key} with origin: peer`,
      expected: `${key} there: it is the other server's`
    }
  }
}

/** A link that leads back here, as far as that can be seen from here. */
export const itself: Check = function* (settings) {
  const [written, listen] = [settings.get('link.peer'), settings.get('link.listen') ?? []]
  if (written === undefined) return
  const peer = peerOf(written, listen)
  const path = 'link.peer'
  // The name of the site goes where DNS is switched to: to this server, one day.
  if (settings.get('domains')?.includes(peer.host)) {
    const expected = 'an address of the other server, or a name that is its alone: domains follow DNS'
    yield { path, found: shown(peer.host), expected }
  }
  for (const [index, address] of listen.entries()) {
    if (!isReached(address, peer)) continue
    const expected = `the other server: this is link.listen[${index}] itself`
    return yield { path, found: shown(`${peer.host}:${peer.port}`), expected }
  }
}

/** The other end: both listen on the same port, unless it is said. */
export function peerOf({ host, port }: Host, listen: readonly Address[]): HostPort {
  return { host, port: port ?? (listen[0]?.port || 7443) }
}

/** Whether whoever connects to `target` from this machine comes to `listener`. */
function isReached(listener: Address, target: HostPort): boolean {
  if (listener.port !== target.port) return false
  const isEverywhere = listener.host === '::' || (listener.host === '0.0.0.0' && !target.host.includes(':'))
  if (target.host === 'localhost') return isEverywhere || listener.host === '127.0.0.1' || listener.host === '::1'
  return listener.host === target.host || (isItself(target.host) && isEverywhere)
}
