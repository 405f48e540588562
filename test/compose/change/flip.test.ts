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

t.test('of what the edge has seen no more is told than fits on a line', async t => {
  const world = await World.make(t)
  const edge = world.edge()
  const page = `200 <!DOCTYPE html>${'x'.repeat(500)}\n</html>`
  const promote: typeof edge.promote = async request => ({ ...(await edge.promote(request)), probes: [page] })
  await swap({ ...world.parties(), edge: { ...edge, promote } }, 'web', 'app:2', manner)
  const told = world.said.filter(line => line.includes("the edge's probe"))
  t.strictSame(told, [`web-green: serves (the edge's probe: 200 <!DOCTYPE html>${'x'.repeat(20)}…)`])
})
