import { shown } from '../faults.ts'
import type { Check } from './check.ts'

export const origins: Check = function* (settings) {
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
