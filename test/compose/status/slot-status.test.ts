import t from 'tap'
import { slotsOf } from '../../../compose/status/slot-status.ts'
import { container, entry, findings, pending, upstreams } from './findings.ts'

t.test('a slot goes by the name that the operator gave its image, and by its release', async t => {
  const green = container('web-green', 'p/web:release-2', { imageId: 'sha256:2' })
  const blue = container('web-blue', 'other:1', { imageId: 'sha256:1' })
  const first = entry({ verb: 'found', release: 1, before: null, image: 'app:1', imageId: 'sha256:1', tag: 't:1' })
  // The same image, under another release.
  const journal = [first, entry(), entry({ release: 4, image: 'again:2', tag: 'p/web:release-4' })]
  const slots = slotsOf(findings({ containers: [blue, green], journal }))
  t.match(slots, [
    { service: 'web-blue', isActive: true, release: 1, image: 'app:1' },
    { service: 'web-green', isActive: false, release: 2, image: 'app:2' }
  ])
})

t.test('what was never swapped has no release; what is being swapped in has one already', async t => {
  const candidate = container('web-green', 'p/web:release-3', { state: 'created', startedAt: '0001-01-01T00:00:00Z' })
  const containers = [container('web-blue', 'app:1'), candidate]
  t.match(slotsOf(findings({ containers, pending: pending('createCandidate') })), [
    { release: null, image: 'app:1', container: { startedAt: '2026-11-01T00:00:00Z' } },
    { release: 3, image: 'app:3', container: { state: 'created', startedAt: null } }
  ])
})

t.test('a slot without a container is there, with what the edge has of it', async t => {
  const [, green] = slotsOf(findings())
  t.match(green, { container: null, image: null, release: null, edge: { inFlight: 3, streams: 2, owned: 1 } })
})

t.test('an edge that does not answer takes nothing else away', async t => {
  const containers = [container('web-green', 'app:1'), container('postgres', 'postgres:17')]
  const slots = slotsOf(findings({ containers, upstreams: null, memoryBytes: new Map([['web-green', 5]]) }))
  t.match(slots, [
    { service: 'web-blue', isActive: null, container: null, edge: null },
    { service: 'web-green', isActive: null, container: { state: 'running', memoryBytes: 5 }, edge: null }
  ])
  const only = upstreams('blue').map(one => ({ ...one, slot: 'only' }))
  t.same(slotsOf(findings({ upstreams: only })), [], 'an upstream on another server has no slots here')
})
