import t from 'tap'
import type { Container } from '../../../compose/container/container.ts'
import { type Disagreement, disagreementsOf } from '../../../compose/status/disagreements.ts'
import { slotsOf } from '../../../compose/status/slot-status.ts'
import { container, findings, upstreams } from './findings.ts'

interface World {
  readonly containers: readonly Container[]
  readonly active?: 'blue' | 'green'
  readonly profiles?: string
  readonly images?: Record<string, string>
  readonly mode?: 'open' | 'paused' | 'maintenance'
}

function found({ containers, active = 'blue', profiles = '', images = {}, mode = 'open' }: World): Disagreement[] {
  const slots = slotsOf(findings({ containers, upstreams: upstreams(active) }))
  const holds = [{ upstream: 'web', mode, waiting: 4 }]
  return disagreementsOf(slots, holds, { profiles, images: new Map(Object.entries(images)) })
}

const blue = container('web-blue', 'app:1')
const green = container('web-green', 'app:2')
const ended = { state: 'exited', exitCode: 137 } as const

t.test('a stack that agrees with itself says nothing', async t => {
  t.same(found({ containers: [blue] }), [], 'blue, when nothing says otherwise')
  t.same(found({ containers: [blue], profiles: 'postgres, web-blue', images: { 'web-blue': 'app:1' } }), [])
  t.same(
    found({ containers: [container('web-blue', 'app:1', ended), green], active: 'green', profiles: 'web-green' }),
    []
  )
})

t.test('the slot that serves has ended, the other one runs: it is swapped in', async t => {
  const [first, ...more] = found({ containers: [container('web-blue', 'app:1', ended), green], profiles: 'web-green' })
  t.same(more, [], 'the swap mends .env as well')
  t.equal(first?.said, 'the edge sends requests to web-blue, which has ended (exit code 137), while web-green runs')
  t.equal(first?.next, 'twinedge swap web app:2; or docker compose up -d web-blue')
  t.match(found({ containers: [green] }), [{ said: /web-blue, which has no container, while web-green runs$/ }])
})

t.test('neither slot runs: the one that serves is started', async t => {
  t.same(found({ containers: [] }), [
    {
      said: 'the edge sends requests to web-blue, which has no container',
      next: 'docker compose up -d web-blue; or, from a laptop: twinedge deploy'
    }
  ])
})

t.test('both slots run, and nobody is changing anything', async t => {
  t.same(found({ containers: [blue, green] }), [
    {
      said: 'web-green runs beside web-blue, which serves; nobody is changing web',
      next: 'docker compose stop web-green; or, if it is to serve: twinedge swap web app:2'
    }
  ])
})

t.test('.env starts another slot than the one that serves, or both, or none', async t => {
  const next = 'set COMPOSE_PROFILES=web-blue in .env'
  for (const [profiles, starts] of [
    ['web-green', 'web-green'],
    ['web-blue,web-green', 'web-blue, web-green'],
    ['none', 'no slot']
  ] as const) {
    const [first] = found({ containers: [blue], profiles })
    t.equal(first?.said, `.env starts ${starts} (COMPOSE_PROFILES=${profiles}), web-blue serves`)
    t.match(first?.next, profiles === 'none' ? 'set COMPOSE_PROFILES=web-blue,none in .env' : next)
  }
  t.match(found({ containers: [green], active: 'green' }), [{ next: 'set COMPOSE_PROFILES=web-green in .env' }])
})

t.test('.env has another image for the slot that serves: the next up -d would be an outage', async t => {
  t.match(found({ containers: [blue], images: { 'web-blue': 'app:9', 'web-green': 'app:8' } }), [
    {
      said: /^\.env has app:9 for web-blue, which runs app:1: /,
      next: 'set WEB_BLUE_IMAGE=app:1 in .env; then, for the other image: twinedge swap web app:9'
    }
  ])
})

t.test('a hold that nobody needs any more is named', async t => {
  const next = 'twinedge slots resume web'
  t.same(found({ containers: [blue], mode: 'paused' }), [
    { said: 'web: requests wait at the edge, 4 of them now; nobody is changing it', next }
  ])
  t.match(found({ containers: [blue], mode: 'maintenance' }), [{ said: /users get the maintenance page/, next }])
})
