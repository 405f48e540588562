import t from 'tap'
import { rollback } from '../../../compose/rollback.ts'
import { swap } from '../../../compose/swap.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import { manner, World } from '../../doubles/swap-world.ts'

const sent = (world: World): string[] => world.calls.filter(call => call.startsWith('keep '))

t.test('the operator is told what the edge keeps of both builds', async t => {
  const world = await World.make(t)
  await swap(world.parties(), 'web', 'app:2', manner)
  for (const service of ['web-blue', 'web-green']) {
    t.ok(world.said.includes(`${service}: the edge keeps its 5 files, 2 of them new (3.0 MB)`), service)
  }
})

for (const kept of [null, 'site']) {
  t.test(
    `an edge that keeps ${kept === null ? 'no files' : 'those of another'} is sent none, and nobody is told so at each swap`,
    async t => {
      const world = await World.make(t)
      world.kept = kept
      t.match(await swap(world.parties(), 'web', 'app:2', manner), { outcome: 'done' })
      t.same(sent(world), [])
      t.notOk(world.said.some(line => line.includes('the edge keeps')))
    }
  )
}

t.test('an image that has no such folder is no Next.js app, and none the worse for it', async t => {
  const world = await World.make(t)
  world.builds.delete('sha256:2')
  t.match(await swap(world.parties(), 'web', 'app:2', manner), { outcome: 'done' })
  t.same(sent(world), ['keep sha256:1 /app/.next/static'])
  t.ok(world.said.includes('web-green: no /app/.next/static in it, so the edge keeps no files of it'))
})

for (const how of [manner, { ...manner, isHeld: true }]) {
  t.test(`files that the edge refuses end a ${how.isHeld ? 'held' : 'plain'} swap before the flip`, async t => {
    const world = await World.make(t)
    world.unkept.add('sha256:2')
    await t.rejects(swap(world.parties(), 'web', 'app:2', how), {
      code: 'EDGE_ASSETS_REFUSED',
      detail: 'web-green: the edge refused its files: more than 1 bytes'
    })
    t.same([world.active, world.state('web-blue'), world.state('web-green')], ['blue', 'running', 'none'])
    t.notOk(
      world.calls.some(call => call.startsWith('hold paused') || call.startsWith('promote')),
      'nobody waited'
    )
  })
}

t.test('what serves is replaced though its own files are refused; the operator is told', async t => {
  const world = await World.make(t)
  world.unkept.add('sha256:1')
  t.match(await swap(world.parties(), 'web', 'app:2', manner), { outcome: 'done' })
  t.same(sent(world).length, 2)
  t.ok(
    world.said.includes(
      'web-blue: the edge refused its files: more than 1 bytes: open tabs may miss them after the flip'
    )
  )
  await t.rejects(rollback(world.parties(), 'web', undefined, manner), { code: 'EDGE_ASSETS_REFUSED' })
})

t.test('a full disk of the edge ends a swap, whosever files they are', async t => {
  const world = await World.make(t)
  world.fails = call => (call.startsWith('keep sha256:1') ? { before: new EdgeError('EDGE_DISK_FULL', '/state') } : {})
  await t.rejects(swap(world.parties(), 'web', 'app:2', manner), { code: 'EDGE_DISK_FULL' })
  t.equal(world.active, 'blue')
})

t.test('an edge that restarts while a build comes gets it again, whole', async t => {
  const world = await World.make(t)
  let times = 0
  world.fails = call =>
    call.startsWith('keep') && times++ % 2 === 0 ? { before: new EdgeError('EDGE_NOT_RUNNING', '') } : {}
  t.match(await swap(world.parties(), 'web', 'app:2', manner), { outcome: 'done' })
  t.same(sent(world), [
    'keep sha256:1 /app/.next/static',
    'keep sha256:1 /app/.next/static',
    'keep sha256:2 /app/.next/static',
    'keep sha256:2 /app/.next/static'
  ])
})
