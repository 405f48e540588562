import t from 'tap'
import { EdgeError } from '../../../proxy/errors.ts'
import { ask, control } from './control.ts'

const web = { upstream: 'web', slot: 'green' }
const good = {
  probe: web,
  promote: { ...web, passes: 3, withinMs: 30_000 },
  drain: { ...web, withinMs: 0, graceMs: 86_400_000 },
  hold: { upstream: 'web', mode: 'paused', longestMs: 1, spreadMs: 0 },
  tally: { upstream: 'web' }
} as const
type Verb = keyof typeof good
const verbs = Object.keys(good) as Verb[]

t.test('each order reaches the edge as it was written, and its answer comes back', async t => {
  const { socket, actions } = await control(t)
  const answers: Record<Verb, [number, object]> = {
    probe: [200, { isGood: true, saw: '200 ok' }],
    promote: [200, { ...web, before: 'blue', probes: ['200 ok'] }],
    drain: [202, { carried: { requests: 1, streams: 2, webSockets: 3 }, cut: 0, isDone: false }],
    hold: [200, { mode: 'paused', waiting: 4 }],
    tally: [200, { requests: 0, failed: 0, streamsCut: 0, longestMs: 0 }]
  }
  for (const verb of verbs) {
    const { status, text } = await ask(socket, 'POST', `/slots/${verb}`, JSON.stringify(good[verb]))
    t.equal(status, answers[verb][0], `${verb} ${text}`)
    t.match(JSON.parse(text), answers[verb][1], verb)
  }
  t.same(
    actions.slots.asked,
    verbs.map(verb => good[verb])
  )
})

/** What is wrong, and what the answer must name. */
const bad: Record<Verb, readonly (readonly [unknown, RegExp])[]> = {
  probe: [
    [{ upstream: 'web' }, /object with upstream, slot and nothing else/],
    [{ ...web, more: 1 }, /nothing else/],
    [{ ...web, upstream: '' }, /^upstream is a name/],
    [{ ...web, slot: 1 }, /^slot is a name/]
  ],
  promote: [
    [{ ...good.promote, passes: 0 }, /^passes is a whole number from 1 to 100/],
    [{ ...good.promote, passes: '3' }, /^passes /],
    [{ ...good.promote, withinMs: 1.5 }, /^withinMs is a whole number from 1 to 3600000/],
    [{ ...good.promote, slot: null }, /^slot is a name/]
  ],
  drain: [
    [{ ...good.drain, withinMs: -1 }, /^withinMs is a whole number from 0 to 86400000/],
    [{ ...good.drain, graceMs: 86_400_001 }, /^graceMs /]
  ],
  hold: [
    [{ ...good.hold, mode: 'closed' }, /^mode is one of open, paused, maintenance/],
    [{ ...good.hold, longestMs: 0 }, /^longestMs is a whole number from 1 to 3600000/],
    [{ ...good.hold, spreadMs: null }, /^spreadMs /],
    [{ ...good.hold, upstream: ['web'] }, /^upstream is a name/]
  ],
  tally: [
    [{}, /object with upstream and nothing else/],
    [{ upstream: 7 }, /^upstream is a name/]
  ]
}

for (const verb of verbs) {
  t.test(`${verb}: what is not an order is refused with the field, and does nothing`, async t => {
    const { socket, actions } = await control(t)
    const texts = ['null', '[]', '{', undefined, '"web"']
    for (const body of texts) t.equal((await ask(socket, 'POST', `/slots/${verb}`, body)).status, 400, `${body}`)
    for (const [body, names] of bad[verb]) {
      const { status, text } = await ask(socket, 'POST', `/slots/${verb}`, JSON.stringify(body))
      t.equal(status, 400)
      t.match(JSON.parse(text), { code: 'EDGE_USAGE', detail: names, next: String })
    }
    t.same(actions.slots.asked, [])
  })

  t.test(`${verb}: a wrong name is 400, a refusal 409, each with its code and the next step`, async t => {
    const { socket, actions } = await control(t)
    const answer = async (error: Error) => {
      actions.slots.fail = error
      const { status, text } = await ask(socket, 'POST', `/slots/${verb}`, JSON.stringify(good[verb]))
      return [status, JSON.parse(text)]
    }
    t.match(await answer(new EdgeError('EDGE_USAGE', 'no such upstream')), [400, { detail: 'no such upstream' }])
    t.match(await answer(new EdgeError('EDGE_SLOT_ACTIVE', 'it serves')), [
      409,
      { code: 'EDGE_SLOT_ACTIVE', detail: 'it serves', next: /promote the other slot first/ }
    ])
  })
}

t.test('the loopback port knows no slots', async t => {
  const { port } = await control(t, { host: '127.0.0.1', port: 0 })
  for (const verb of verbs) {
    const init = { method: 'POST', body: JSON.stringify(good[verb]), headers: { 'content-type': 'application/json' } }
    t.equal((await fetch(`http://127.0.0.1:${port}/slots/${verb}`, init)).status, 404)
  }
})
