import t from 'tap'
import type { Parties } from '../../../compose/change/change.ts'
import { readJournal } from '../../../compose/record/journal.ts'
import { swap } from '../../../compose/swap.ts'
import { manner, World } from '../../doubles/swap-world.ts'

function pulling(world: World, pull: Parties['docker']['pull']): Parties {
  const parties = world.parties()
  return { ...parties, docker: { ...parties.docker, pull } }
}

t.test('an image that is not here is pulled, and refused if it is not here then', async t => {
  const world = await World.make(t)
  const pulled: string[] = []
  await t.rejects(
    swap(
      pulling(world, async image => void pulled.push(image)),
      'web',
      'app:9',
      manner
    ),
    {
      code: 'COMPOSE_IMAGE_MISSING',
      detail: 'app:9 is not here, not even after a pull'
    }
  )
  t.same([pulled, world.calls, await readJournal(world.parties().records)], [['app:9'], [], []], 'nothing is touched')
  const parties = pulling(world, async image => void world.images.set(image, 'sha256:9'))
  t.match(await swap(parties, 'web', 'app:9', manner), { imageId: 'sha256:9' })
})

t.test('a second copy takes no more than its limit, as the compose files have it today', async t => {
  const world = await World.make(t)
  const parties = world.parties()
  const create: Parties['docker']['create'] = async (service, variables) => {
    await parties.docker.create(service, variables)
    world.containers.set(service, { ...world.containers.get(service)!, memoryLimitBytes: 50_000_000 })
  }
  const meminfo = async (): Promise<string> => 'MemAvailable: 50000 kB\n'
  const limited = { ...parties, meminfo, docker: { ...parties.docker, create } }
  t.match(await swap(limited, 'web', 'app:2', manner), { outcome: 'done' })
})

t.test('what served before the first swap is found once, with the name that it was made from', async t => {
  const world = await World.make(t)
  for (const image of ['app:2', 'app:1']) await swap(world.parties(), 'web', image, manner)
  const journal = await readJournal(world.parties().records)
  t.match(journal, [
    { verb: 'found', release: 1, before: null, slot: 'blue', image: 'app:1', imageId: 'sha256:1' },
    { verb: 'swap', release: 2, before: 1 },
    { verb: 'swap', release: 3, before: 2 }
  ])
  t.equal(world.images.get('localhost/p/web:release-1'), 'sha256:1')
})
