import t from 'tap'
import type { Parties } from '../../../compose/change/change.ts'
import { evidence } from '../../../compose/change/evidence.ts'
import type { Container } from '../../../compose/container/container.ts'
import { World } from '../../doubles/swap-world.ts'
import { container, pending } from '../status/findings.ts'

const { change } = pending('awaitHealthy')

async function told(world: World, differences: Partial<Container>, not: Partial<Parties> = {}): Promise<string[]> {
  world.containers.set('web-green', container('web-green', 'app:3', differences))
  world.health = differences.health ?? 'healthy'
  return (await evidence({ ...world.parties(), ...not }, change, 'why')).detail.split('\n')
}

t.test('of one that was killed: its exit code, that it was for want of memory, and its last lines', async t => {
  const world = await World.make(t)
  const killed = { state: 'exited', exitCode: 137, isOutOfMemory: true, memoryLimitBytes: 64 * 1_048_576 } as const
  t.same(await told(world, killed), [
    'web-green (app:3): why',
    'exited, exit code 137',
    'killed for want of memory, its limit being 64 MB',
    'its last lines:',
    '  its last words'
  ])
})

t.test('of one that runs: what its own health check and the edge have to say', async t => {
  const world = await World.make(t)
  t.same(await told(world, { health: 'unhealthy', lastCheck: `no route${' '.repeat(500)}cut` }), [
    'web-green (app:3): why',
    'it runs still',
    `its own health check: no route${' '.repeat(492)}`,
    "the edge's probe: 500 oops",
    'its last lines:',
    '  its last words'
  ])
})

t.test('who cannot be asked does not stand in the way of what is known', async t => {
  const world = await World.make(t)
  const no = (): Promise<never> => Promise.reject(new Error('no'))
  const deaf = { ...world.engine(), lastLines: no }
  t.same(await told(world, {}, { engine: deaf, edge: { ...world.edge(), probe: no } }), [
    'web-green (app:3): why',
    'it runs still',
    "the edge's probe: the edge could not say",
    'it has written nothing'
  ])
  t.match(await told(world, {}, { engine: { ...deaf, find: no } }), [/why$/, 'its container is gone'])
})
