// What every other test on two servers stands on: the long line between them is as long and as lossy as was asked.
import { createHash } from 'node:crypto'
import t from 'tap'
import { startEdgeProcess } from '../doubles/edge-process.ts'
import { type Ground, layGround } from '../doubles/wan/ground.ts'
import { whyNoWan } from '../doubles/wan/missing.ts'
import { startApp } from '../doubles/wan/programs/apps.ts'

const missing = whyNoWan()
const skip = missing === '' ? false : missing
/** With the link it is site.test.ts that shows this. */
const whenLong = { skip: skip || (process.env.WAN === 'long' ? false : 'takes long: WAN=long') }
const name = 'two.test'

/** The servers as the manual has them: what one needs of the other comes in clear text, from a published port. */
function configOf(server: 'frontend' | 'backend', { frontend, backend }: Ground): string {
  const [here, api, web] =
    server === 'frontend'
      ? [frontend.address, `${backend.address}:8001`, '127.0.0.1:3001']
      : [backend.address, '127.0.0.1:8001', `${frontend.address}:3001`]
  return `
server: ${server}
domains: [${name}]
listen: { http: "${here}:80", https: "${here}:443" }
tls: { mode: local }
upstreams:
  api: { origin: "http://${api}", health: { path: /api/v1/health, body: '"status":"ok"' } }
  web: { origin: "http://${web}", health: { path: /login } }
routes:
  - { path: /api/v1/chat/, upstream: api, stream: true, idle: 600s }
  - { path: /api/, upstream: api, idle: 300s, body: 100m }
  - { path: /, upstream: web }
grace: 0s
`
}

t.test('the line is as long as was asked, one way and both, from now on', { skip }, async t => {
  const ground = await layGround(t, { delayMs: 100 })
  await startApp(ground.backend, 'api')
  const [far, near] = [ground.frontend.visitor(), ground.clients.visitor()]
  t.teardown(() => Promise.all([far.stop(), near.stop()]))
  const there = { address: ground.backend.address, port: 8001 }
  const roundTrip = async (visitor = far): Promise<number> => {
    await visitor.ask('connect', there) // the first one pays for what has never run
    return Number(await visitor.ask('connect', there))
  }
  const between = (ms: number, least: number): void => void t.ok(ms >= least && ms < least + 15, `${ms} ms`)
  between(await roundTrip(), 200)
  between(await roundTrip(near), 0)
  await ground.wan.delay(150, 'from-backend')
  between(await roundTrip(), 250)
  await ground.wan.delay(0)
  between(await roundTrip(), 0)
})

t.test('it loses the share that was asked, on one connection or on all', { skip }, async t => {
  const ground = await layGround(t, { delayMs: 5, kernel: 'tuned' })
  await startApp(ground.backend, 'api')
  const upload = (localPort: string): Promise<unknown> => {
    const url = `http://${ground.backend.address}:8001/api/v1/upload`
    const body = ['--data-binary', '@/dev/stdin', '-H', 'expect:']
    const script = 'head -c 10000000 /dev/zero | curl -sf -o /dev/null "$@"'
    return ground.frontend.run('/bin/sh', ['-c', script, 'upload', '--local-port', localPort, ...body, url])
  }
  /** @returns the share of the packets that was lost meanwhile */
  const lostDuring = async (work: Promise<unknown>): Promise<number> => {
    const before = (await ground.wan.stats())['from-frontend']
    await work
    const after = (await ground.wan.stats())['from-frontend']
    t.equal(after.overrun, 0, 'the emulator kept up')
    return (after.dropped - before.dropped) / (after.packets - before.packets)
  }
  t.equal(await lostDuring(upload('5001')), 0)
  await ground.wan.loss(0.02)
  const share = await lostDuring(upload('5002'))
  t.ok(share > 0.012 && share < 0.028, `${share}`) // 7,000 packets: 0.02 ± 5 standard deviations
  await ground.wan.loss(0)
  await ground.wan.lossOfPort(5004, 0.02)
  t.equal(await lostDuring(upload('5003')), 0, 'another connection loses nothing')
  t.ok((await lostDuring(upload('5004'))) > 0.012)
  await ground.wan.lossOfPort(5005, 0.02)
  await ground.wan.lossOfPort(5005, 0)
  t.equal(await lostDuring(upload('5005')), 0, 'nor does one that has been forgiven')
})

t.test('cut, it swallows what comes without a word; healed, it carries on', { skip }, async t => {
  const ground = await layGround(t, { delayMs: 10 })
  await startApp(ground.backend, 'api')
  const [far, near] = [ground.frontend.visitor(), ground.clients.visitor()]
  t.teardown(() => Promise.all([far.stop(), near.stop()]))
  const there = { address: ground.backend.address, port: 8001 }
  await ground.wan.cut()
  t.equal(await far.ask('connect', { ...there, withinMs: 4_000 }), 'TIMEOUT', 'not refused, not unreachable')
  t.type(await near.ask('connect', there), 'number', 'from elsewhere the server is reached as before')
  const late = far.ask('connect', there)
  await ground.wan.heal()
  t.type(await late, 'number')
})

t.test('two edges with the set-up of the manual serve pages, calls, streams and uploads', whenLong, async t => {
  const ground = await layGround(t)
  const [api, web] = await Promise.all([startApp(ground.backend, 'api'), startApp(ground.frontend, 'web')])
  t.comment(`real apps: ${api.isReal && web.isReal}`)
  const visitor = ground.clients.visitor()
  t.teardown(() => visitor.stop())
  for (const server of ['frontend', 'backend'] as const) {
    const place = ground[server]
    const edge = await startEdgeProcess(t, configOf(server, ground), {}, place.command)
    for (const protocol of ['h1', 'h2'] as const) {
      const target = { address: place.address, port: 443, name, protocol, ca: edge.ca }
      const page = await visitor.ask('request', { target, path: '/' })
      t.match([page.status, page.text], [200, /<html/], `${server}, ${protocol}: a page`)
      const call = await visitor.ask('request', { target, path: '/api/v1/health' })
      t.match([call.status, call.text], [200, '"ok"'])
      const far = server === 'frontend' ? call : page
      t.ok(far.headMs >= 200, `${far.headMs} ms: the other server is as far as it is`)
      const body = 5_000_000
      const upload = await visitor.ask('request', { target, path: '/api/v1/upload', method: 'POST', body })
      const expected = { bytes: body, sha256: createHash('sha256').update(Buffer.alloc(body)).digest('hex') }
      t.match(JSON.parse(upload.text), expected)
      const path = '/api/v1/jobs/1/events?n=5&ms=50'
      const id = await visitor.ask('openStream', { target, path })
      const stream = await visitor.ask('readStream', { id, count: 5 })
      t.equal(stream.events.length, 5, JSON.stringify(stream))
      const socket = await visitor.ask('openSocket', { target, path: '/api/v1/ws' })
      t.equal((await visitor.ask('sendSocket', { id: socket, text: 'over the line' })).text, 'over the line')
      await visitor.ask('closeSocket', socket)
    }
  }
})
