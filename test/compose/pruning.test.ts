import { writeFile } from 'node:fs/promises'
import t from 'tap'
import { rollback } from '../../compose/rollback.ts'
import { swap } from '../../compose/swap.ts'
import { manner, World } from '../doubles/swap-world.ts'

const one = { ...manner, keep: 1 }

t.test('an image that nobody will go back to loses its names, the one that .env falls back on stays', async t => {
  const world = await World.make(t)
  world.images.set('app:3', 'sha256:3')
  for (const image of ['app:2', 'app:3']) await swap(world.parties(), 'web', image, one)
  t.same([...world.images.keys()].sort(), ['app:1', 'app:3', 'localhost/p/web:release-3'])
})

t.test('however .env spells it', async t => {
  const world = await World.make(t)
  world.images.set('docker.io/library/app:1', 'sha256:1')
  await writeFile(world.parties().stack.envFile, 'WEB_IMAGE=docker.io/library/app:1\n')
  await swap(world.parties(), 'web', 'app:2', one)
  t.ok(world.images.has('app:1'))
})

t.test('a name that means a newer image by now is not taken away', async t => {
  const world = await World.make(t)
  await swap(world.parties(), 'web', 'app:2', one)
  world.images.set('app:2', 'sha256:22')
  await swap(world.parties(), 'web', 'app:1', one)
  t.equal(world.images.get('app:2'), 'sha256:22')
})

t.test('the name of an image that a later release runs is not taken away', async t => {
  const world = await World.make(t)
  for (const image of ['app:2', 'app:2']) await swap(world.parties(), 'web', image, one)
  t.notOk(world.images.has('localhost/p/web:release-2'))
  t.ok(world.images.has('app:2'))
})

t.test('an image that was pruned once and has come back stays', async t => {
  const world = await World.make(t)
  for (const image of ['app:2', 'app:1']) await swap(world.parties(), 'web', image, one)
  t.notOk(world.images.has('app:2'))
  world.images.set('app:2', 'sha256:2').set('app:3', 'sha256:3')
  await swap(world.parties(), 'web', 'app:3', one)
  t.ok(world.images.has('app:2'))
})

t.test('an image that was named by its id keeps whatever else it is called', async t => {
  for (const id of ['sha256:2', '2']) {
    const world = await World.make(t)
    world.images.set(id, 'sha256:2')
    await swap(world.parties(), 'web', id, one)
    await swap(world.parties(), 'web', 'app:1', one)
    t.ok(world.calls.includes('untag localhost/p/web:release-2'), id)
    t.notOk(world.calls.includes(`untag ${id}`), id)
  }
})

t.test('an image that has no name but ours stays when it is no good', async t => {
  for (const id of ['sha256:2', '2']) {
    const world = await World.make(t)
    world.images.set(id, 'sha256:2')
    world.ends.add('sha256:2')
    await t.rejects(swap(world.parties(), 'web', id, manner), { code: 'COMPOSE_CANDIDATE_FAILED' })
    t.ok(world.images.has('localhost/p/web:release-2'), id)
  }
})

t.test('a rollback tells what serves from what does not, even if its name has gone', async t => {
  const world = await World.make(t)
  await swap(world.parties(), 'web', 'app:2', manner)
  world.images.delete('localhost/p/web:release-2')
  await t.rejects(rollback(world.parties(), 'web', 2, manner), {
    code: 'COMPOSE_NO_RELEASE',
    detail: 'web: release 2 serves already; kept besides: 1'
  })
  t.match(await rollback(world.parties(), 'web', undefined, manner), { release: 1, before: 2 })
})

t.test('a rollback that fails keeps the name of its release', async t => {
  const world = await World.make(t)
  await swap(world.parties(), 'web', 'app:2', manner)
  world.ends.add('sha256:1')
  await t.rejects(rollback(world.parties(), 'web', undefined, manner), { code: 'COMPOSE_CANDIDATE_FAILED' })
  t.ok(world.images.has('localhost/p/web:release-1'))
})
