import { once } from 'node:events'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { type Ends, startEnds, until } from '../../../doubles/line/ends.ts'
import { exchange } from '../../../doubles/line/traffic.ts'

t.jobs = 2

/** Nothing is left of lines that are over: at either end, of any kind. */
async function leavesNothing(t: Test, ends: Ends): Promise<void> {
  const { outgoing, acceptor, budget } = ends
  await until(() => outgoing.inUse === 0 && acceptor.incoming.inUse === 0, 'the last line to be over')
  t.same([budget.used, acceptor.budget.used, outgoing.waiting], [0, 0, 0])
  await until(() => outgoing.spares.count >= outgoing.spares.wanted, 'as many spare ones as before')
}

t.test('whatever is cut, at whichever byte: both directions arrive whole and in order', async t => {
  const ends = await startEnds(t)
  const fate = fc.record({ bytes: fc.integer({ min: 4_000, max: 300_000 }), isReset: fc.boolean() })
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 200_000 })), {
    minLength: 1,
    maxLength: 5
  })
  const streams = fc.array(fc.tuple(fc.nat(400_000), fc.nat(400_000), sizes), { minLength: 1, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(streams, fc.array(fate, { minLength: 20, maxLength: 60 }), async (wanted, fates) => {
      ends.relay.fates = fates
      // Those that are open have no fate yet.
      ends.relay.cut()
      const done = wanted.map(async ([there, back, sizes]) => {
        const small = sizes.every(size => size < 300)
        return exchange(await ends.open(), small ? [there % 20_000, back % 20_000] : [there, back], sizes)
      })
      for (const { sent, came } of await Promise.all(done)) t.same(came, sent)
      ends.relay.fates = []
      await leavesNothing(t, ends)
    }),
    { numRuns: 12, endOnFailure: true }
  )
  t.ok(ends.outgoing.resumed > 20, `${ends.outgoing.resumed} times another wire`)
})

t.test('an end is heard and everything before it, however late the way is cut', async t => {
  const ends = await startEnds(t)
  for (let i = 0; i < 24; i++) {
    const [one, two] = await ends.open()
    const bytes = Buffer.alloc(1_000 * (i % 3), i)
    let came = 0
    two.on('data', chunk => {
      came += chunk.length
    })
    const ended = once(two, 'end')
    one.on('data', () => {})
    one.end(bytes)
    if (i % 2 === 0) await once(one, 'finish')
    else if (i % 4 === 1) await new Promise(resolve => setImmediate(resolve))
    ends.relay.cut()
    await until(() => one.wire === null || one.destroyed, 'the cut')
    ends.clock.pass(1_000) // to the next try
    await ended
    t.equal(came, bytes.length)
    await Promise.all([one, two].map(line => line.closed || once(line, 'close')))
    t.same([one.errored, two.errored], [null, null])
  }
  await leavesNothing(t, ends)
})
