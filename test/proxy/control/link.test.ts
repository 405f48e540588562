import t from 'tap'
import { EdgeError } from '../../../proxy/errors.ts'
import { fingerprints, linkStatus } from '../../doubles/control-actions.ts'
import { startEdge, yamlFor } from '../../doubles/edge.ts'
import { ask, control } from './control.ts'

const pair = { fingerprint: fingerprints.peer, forget: false }
const measure = { bytes: 1_000_000, longestMs: 5_000 }
const orders: [method: 'GET' | 'POST', path: string, body: object | undefined, asked: unknown, answer: object][] = [
  ['GET', '/link', undefined, 'status', linkStatus],
  ['POST', '/link/pair', pair, pair, linkStatus.keys],
  ['POST', '/link/rotate', undefined, 'rotate', linkStatus.keys],
  ['POST', '/link/measure', measure, measure, { messages: { sent: 100, late: 1 }, up: 9e6 }],
  ['GET', '/standby', undefined, 'standby', { verdicts: [] }]
]
const send = (socket: string, [method, path, body]: readonly [...unknown[]]) =>
  ask(socket, method as 'GET', `${path}`, body === undefined ? undefined : JSON.stringify(body))

t.test('each order reaches the link as it was written, and its answer comes back', async t => {
  const { socket, actions } = await control(t)
  for (const order of orders) {
    const { status, text } = await send(socket, order)
    t.equal(status, 200, order[1])
    t.match(JSON.parse(text), order[4], order[1])
  }
  t.same(
    actions.link.asked,
    orders.map(([, , , asked]) => asked)
  )
})

t.test('what the link refuses is answered with its code and the next step', async t => {
  const { socket, actions } = await control(t)
  for (const [code, expected] of [
    ['LINK_DOWN', 409],
    ['EDGE_USAGE', 400]
  ] as const) {
    actions.link.fail = new EdgeError(code, 'so it is')
    for (const order of orders) {
      const { status, text } = await send(socket, order)
      t.match([status, JSON.parse(text)], [expected, { code, detail: 'so it is', next: String }], order[1])
    }
  }
})

t.test('what is asked for wrongly says what is expected, and the link hears nothing of it', async t => {
  const { socket, actions } = await control(t)
  const wrong: [string, unknown, RegExp][] = [
    ['pair', { fingerprint: fingerprints.peer }, /fingerprint, forget and nothing else/],
    ['pair', { ...pair, force: true }, /nothing else/],
    ['pair', { ...pair, fingerprint: '' }, /fingerprint is that of a key/],
    ['pair', { ...pair, fingerprint: 7 }, /fingerprint is that of a key/],
    ['pair', { ...pair, forget: 'yes' }, /forget is true or false/],
    ['measure', { bytes: 1 }, /bytes, longestMs and nothing else/],
    ['measure', { ...measure, bytes: 0 }, /bytes is a whole number from 1 to 33554432/],
    ['measure', { ...measure, bytes: 33_554_433 }, /bytes is a whole number/],
    ['measure', { ...measure, bytes: 1.5 }, /bytes is a whole number/],
    ['measure', { ...measure, longestMs: 600_001 }, /longestMs is a whole number from 1 to 600000/]
  ]
  for (const [verb, body, detail] of wrong) {
    const { status, text } = await send(socket, ['POST', `/link/${verb}`, body])
    t.match([status, JSON.parse(text)], [400, { code: 'EDGE_USAGE', detail }], JSON.stringify(body))
  }
  t.same(actions.link.asked, [])
})

t.test('the loopback port tells nothing of the link: any user of the machine can ask it', async t => {
  const { port } = await control(t, { host: '127.0.0.1', port: 0 })
  for (const path of ['/link', '/standby']) {
    t.equal((await fetch(`http://127.0.0.1:${port}${path}`)).status, 404, path)
  }
})

t.test('an edge without a link says so, whatever it is asked', async t => {
  const { edge } = await startEdge(t, yamlFor({ web: 'http://127.0.0.1:9' }))
  for (const order of orders) {
    const { status, text } = await send(edge.config.control.socket, order)
    t.match([status, JSON.parse(text)], [409, { code: 'LINK_OFF', next: /set link\.peer/ }], order[1])
  }
})
