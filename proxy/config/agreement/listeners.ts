import type { Address } from '../config.ts'
import type { Check } from './check.ts'

export const listeners: Check = function* (settings) {
  const listen = settings.get('control.listen')
  const bound = [
    ...(settings.get('listen.http') ?? []).map((address, index) => ({ path: `listen.http[${index}]`, address })),
    ...(settings.get('listen.https') ?? []).map((address, index) => ({ path: `listen.https[${index}]`, address })),
    ...(settings.get('link.listen') ?? []).map((address, index) => ({ path: `link.listen[${index}]`, address })),
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
