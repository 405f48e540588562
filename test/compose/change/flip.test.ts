import t from 'tap'
import { swap } from '../../../compose/swap.ts'
import type { PromoteRequest } from '../../../proxy/control/protocol.ts'
import { manner, World } from '../../doubles/swap-world.ts'

t.test('the edge probes three times in a row, for half a minute at most', async t => {
  for (const withinMs of [5_000, 600_000]) {
    const world = await World.make(t)
    const asked: PromoteRequest[] = []
    const edge = world.edge()
    const promote: typeof edge.promote = request => {
      asked.push(request)
      return edge.promote(request)
    }
    await swap({ ...world.parties(), edge: { ...edge, promote } }, 'web', 'app:2', { ...manner, withinMs })
    t.same(asked, [{ upstream: 'web', slot: 'green', passes: 3, withinMs: Math.min(withinMs, 30_000) }])
  }
})
