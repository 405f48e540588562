import fc from 'fast-check'
import t from 'tap'
import { Budget, LEAST_BYTES, MOST_BYTES, Outbox } from '../../../../proxy/link/line/outbox.ts'

t.test('whatever is pushed, acknowledged and sent again: nothing is lost, nothing is doubled', async t => {
  const step = fc.oneof(
    fc.record({ what: fc.constant('push' as const), n: fc.nat(40) }),
    fc.record({ what: fc.constantFrom('taken' as const, 'resume' as const), n: fc.nat(100) })
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, ends) => {
      const budget = new Budget(1_000)
      const outbox = new Outbox(budget)
      let sent = Buffer.alloc(0)
      let kept = 0
      for (const { what, n } of steps) {
        if (what === 'push') {
          const chunk = Buffer.from(Array.from({ length: n }, (_, i) => (sent.length + i) % 251))
          outbox.push(chunk)
          sent = Buffer.concat([sent, chunk])
        } else if (what === 'taken') {
          t.equal(outbox.acknowledge(n), n <= sent.length)
          if (n <= sent.length) kept = Math.max(kept, n)
        } else {
          t.equal(outbox.canResume(n), n >= kept && n <= sent.length)
          if (!outbox.canResume(n)) continue
          outbox.resumeFrom(n)
          kept = n
        }
        t.ok(Buffer.concat(outbox.kept).equals(sent.subarray(kept)))
        t.equal(outbox.begin, kept)
        t.equal(budget.used, sent.length - kept)
      }
      if (ends) outbox.close()
      outbox.clear()
      t.equal(budget.used, 0)
    })
  )
})

t.test('whether a request was heard of is asked of each anew', async t => {
  const outbox = new Outbox(new Budget(1_000))
  outbox.push(Buffer.from('first'))
  t.notOk(outbox.isTurnHeard(0))
  t.ok(outbox.isTurnHeard(1), 'an answer has come')
  outbox.acknowledge(3)
  t.ok(outbox.isTurnHeard(0), 'a part has arrived')
  outbox.beginTurn(1)
  t.notOk(outbox.isTurnHeard(1), 'whatever is known of the one before')
  outbox.push(Buffer.from('second'))
  outbox.acknowledge(5)
  t.notOk(outbox.isTurnHeard(1))
  outbox.acknowledge(6)
  t.ok(outbox.isTurnHeard(1))
})

t.test('its end counts as one byte more, and is known, and taken, like any other', async t => {
  const budget = new Budget(1_000)
  const outbox = new Outbox(budget)
  outbox.push(Buffer.from('abc'))
  t.notOk(outbox.acknowledge(4))
  t.notOk(outbox.isDone)
  outbox.close()
  t.same([outbox.hasEnd, outbox.isEndKnown, outbox.isDone], [true, false, false])
  t.notOk(outbox.acknowledge(5))
  t.ok(outbox.acknowledge(3))
  t.same([outbox.isEndKnown, outbox.isDone, budget.used], [false, false, 0])
  outbox.resumeFrom(4)
  t.same([outbox.isEndKnown, outbox.isDone, budget.used], [true, false, 0], 'it has come, and nobody has read it')
  t.ok(outbox.acknowledge(4))
  t.same([outbox.isEndKnown, outbox.isDone, outbox.begin, budget.used], [true, true, 4, 0])
  outbox.clear()
  t.equal(budget.used, 0)
})

t.test(
  'a line may always have a quarter of a megabyte open; more as it is read; less when all together have much',
  async t => {
    let nowMs = 0
    const budget = new Budget(
      MOST_BYTES * 2,
      () => 200,
      () => nowMs
    )
    const one = new Outbox(budget)
    one.push(Buffer.alloc(LEAST_BYTES - 1))
    t.notOk(one.isFull)
    one.push(Buffer.alloc(1))
    t.ok(one.isFull, 'nobody has read any of it')
    one.acknowledge(LEAST_BYTES)
    one.push(Buffer.alloc(4 * LEAST_BYTES - 1))
    t.notOk(one.isFull, 'four times of what was taken within a round trip')
    one.push(Buffer.alloc(1))
    t.ok(one.isFull)
    nowMs += 200
    t.ok(one.isFull, 'so it is in the next one')
    one.acknowledge(2 * LEAST_BYTES)
    t.notOk(one.isFull)
    nowMs += 1_000
    t.notOk(one.isFull, 'a lost packet is no reason')
    nowMs += 30_000
    t.ok(one.isFull, 'who has stopped reading has the least')
  }
)

t.test('a window grows to eight megabytes, and no further', async t => {
  let nowMs = 0
  const outbox = new Outbox(
    new Budget(
      MOST_BYTES * 9,
      () => 200,
      () => nowMs
    )
  )
  let sent = 0
  for (let trip = 0; trip < 10; trip++) {
    while (!outbox.isFull) {
      outbox.push(Buffer.alloc(65_536))
      sent += 65_536
    }
    if (trip === 9) break
    nowMs += 200
    outbox.acknowledge(sent)
  }
  t.equal(sent - outbox.begin, MOST_BYTES)
})

t.test('where all together have too much, each has the least', async t => {
  const budget = new Budget(
    MOST_BYTES,
    () => 200,
    () => 0
  )
  const [one, two] = [new Outbox(budget), new Outbox(budget)]
  one.push(Buffer.alloc(MOST_BYTES))
  two.push(Buffer.alloc(2 * LEAST_BYTES))
  two.acknowledge(LEAST_BYTES)
  t.ok(two.isFull, 'though what was taken would allow more')
  one.clear()
  t.notOk(two.isFull)
})

t.test('what has arrived but was not read counts as before, so that cuts do not fill the other side', async t => {
  const budget = new Budget(MOST_BYTES * 9)
  const outbox = new Outbox(budget)
  outbox.push(Buffer.alloc(LEAST_BYTES))
  outbox.resumeFrom(LEAST_BYTES)
  t.same([outbox.isFull, budget.used], [true, 0])
  outbox.acknowledge(1_024)
  t.notOk(outbox.isFull)
})
