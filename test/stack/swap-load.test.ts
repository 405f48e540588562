import t, { type Test } from 'tap'
import { Worker } from '../bench/load/worker.ts'
import { twinedge } from '../doubles/command.ts'
import type { CrowdSize, CrowdVerbs } from '../doubles/crowd/crowd.ts'
import { until } from '../doubles/edge-process.ts'
import { engineMissing } from '../doubles/stack/engine.ts'
import { buildFault, buildRelease } from '../doubles/stack/releases.ts'
import { type Stack, upStack } from '../doubles/stack/stack.ts'

/** What `npm run bench -- swap` has in long, at a fraction of the load. */
const size: CrowdSize = {
  ...{ requestsPerSecond: 60, streams: 12, uploads: 2, sockets: 2 },
  ...{ longestStreamMs: 6_000, uploadBytes: 1_000_000, uploadMs: 2_000 }
}

t.test('users of the real stack notice no swap, no bad image, no rollback', { skip: engineMissing }, async t => {
  const stack = await upStack(t, 'single')
  const images = { web: await buildRelease(t, 'web', 'two'), api: await buildRelease(t, 'api', 'two') }
  const fault = await buildFault(t, 'ends')
  const crowd = await assemble(t, stack, size)
  const run = (...args: string[]) => twinedge([...args, '--project', stack.project])
  const changes = [
    await run('swap', 'api', images.api),
    await run('swap', 'web', images.web),
    await run('swap', 'web', fault),
    await run('rollback', 'api'),
    await run('rollback', 'web')
  ]
  t.same(
    changes.map(({ code }) => code),
    [0, 0, 1, 0, 0],
    changes.map(({ err }) => err).join('\n')
  )
  t.match(changes[0]!.out, /, 0 failed; carried to their end: \d+ requests, [1-9]\d* streams, 2 WebSockets; cut: 0; /)
  t.match(changes[2]!.err, /^COMPOSE_CANDIDATE_FAILED: web-blue /)

  const seen = await crowd.ask('stop', undefined)
  t.same(seen.failures, {}, 'nothing failed')
  t.match(seen, { failed: 0, lostChunks: 0, sessionsEnded: 0, outageMs: { web: 0, api: 0 } })
  t.match(seen, {
    streams: { cut: 0 },
    events: { lost: 0, repeated: 0 },
    uploads: { failed: 0 },
    sockets: { failed: 0 }
  })
  t.ok(seen.requests > 500 && seen.streams.ended > 20 && seen.uploads.done > 5, JSON.stringify(seen))
  t.equal(seen.sockets.moved, 4, 'each WebSocket was asked twice to come back, and did')
  t.ok(seen.oldChunks > 0)

  await t.test('one after the other: users wait, and WebSockets are told to come back', async t => {
    const few = await assemble(t, stack, { ...size, streams: 0, uploads: 0 })
    const { code, out, err } = await run('swap', 'api', images.api, '--hold')
    t.equal(code, 0, err)
    t.match(out, /^api: requests wait at the edge$/m)
    const seen = await few.ask('stop', undefined)
    t.same(seen.failures, {}, 'nothing failed')
    t.match(seen, { failed: 0, sockets: { failed: 0, moved: 2 } })
  })

  const before = await running(stack)
  const up = await stack.compose('up', '-d')
  t.equal(up.code, 0, up.err)
  t.same(await running(stack), before, 'up -d replaces nothing')
})

/** Users, all of whom have begun what they do. */
async function assemble(t: Test, { httpsPort, ca }: Stack, size: CrowdSize): Promise<Worker<CrowdVerbs>> {
  const crowd = new Worker<CrowdVerbs>('../../doubles/crowd/crowd')
  t.teardown(() => crowd.stop())
  await crowd.ask('start', { site: { httpsPort, ca }, size })
  await until(async () => {
    const { requests, events, sockets } = await crowd.ask('peek', undefined)
    return requests > 50 && (size.streams === 0 || events.got > 50) && sockets.echoes > 5
  }, 'all of them are at work')
  return crowd
}

async function running(stack: Stack): Promise<string> {
  return (await stack.compose('ps', '--format', '{{.Service}} {{.ID}}')).out
}
