// What visitors get of a site on two servers, 200 ms apart, whichever edge they come to; and what others see of it.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { whyNoWan } from '../doubles/wan/missing.ts'
import { Chat, Workbook } from '../doubles/wan/site/conversation.ts'
import { linkPort } from '../doubles/wan/site/server.ts'
import { roles, startSite } from '../doubles/wan/site/site.ts'

const missing = whyNoWan()

t.test('two servers, one site', { skip: missing !== '' && missing }, async t => {
  const site = await startSite(t)
  const { ground, visitor } = site
  const { wan } = ground
  t.comment(`real apps: ${[...site.apps.values()].every(({ isReal }) => isReal)}`)

  for (const role of roles) {
    for (const protocol of ['h1', 'h2'] as const) {
      t.test(`pages, calls, chats, uploads and sockets through the ${role}, by ${protocol}`, async t => {
        const target = site[role].target(protocol)
        const page = await visitor.ask('request', { target, path: '/' })
        t.match([page.status, page.text], [200, /<html/])
        const call = await visitor.ask('request', { target, path: '/api/v1/health' })
        t.match([call.status, call.text], [200, '"ok"'])
        const far = role === 'frontend' ? call : page
        t.ok(far.headMs >= 200, `${far.headMs} ms: the other server is as far as it is`)
        t.equal(await (await Chat.begin(visitor, target, 20, 20)).fault(), '')
        const workbook = new Workbook(5_000_000)
        t.equal(workbook.fault(await workbook.send(visitor, target)), '')
        const id = await visitor.ask('openSocket', { target, path: '/api/v1/ws' })
        t.equal((await visitor.ask('sendSocket', { id, text: 'over the line' })).text, 'over the line')
        await visitor.ask('closeSocket', id)
      })
    }
  }

  t.test(
    'who asked, and by which id, is told to the app on the other server; what a visitor claims is not',
    async t => {
      const headers = { 'x-forwarded-for': '6.6.6.6', 'x-real-ip': '6.6.6.6', 'x-twinedge-upstream': 'web' }
      const target = site.frontend.target()
      const reply = await visitor.ask('request', { target, path: '/api/v1/echo', headers })
      const told = Object.fromEntries((JSON.parse(reply.text) as { headers: [string, string][] }).headers)
      t.match(told, {
        host: 'two.test',
        'x-real-ip': ground.clients.address,
        'x-forwarded-for': ground.clients.address,
        'x-forwarded-proto': 'https',
        'x-request-id': reply.headers['x-request-id']
      })
      t.notHas(told, { 'x-twinedge-upstream': '' })
      const id = reply.headers['x-request-id']
      t.ok(await site.frontend.edge.line(line => line.id === id), 'it is in the log of the one')
      t.match(
        await site.backend.edge.line(line => line.id === id),
        { client: ground.clients.address },
        'and of the other'
      )
    }
  )

  t.test('nothing passes between the servers in clear text, nor by any port but that of the link', async t => {
    const secret = randomUUID()
    await wan.look(secret)
    await wan.flows()
    const before = await wan.stats()
    for (const role of roles) {
      const target = site[role].target()
      const wish = { path: `/api/v1/echo?${secret}`, method: 'POST', headers: { authorization: secret }, body: secret }
      const { status, text } = await visitor.ask('request', { target, ...wish })
      t.match([status, text], [200, secret])
      t.equal((await visitor.ask('request', { target, path: `/login?${secret}` })).status, 200)
    }
    t.equal(await wan.seen(), 0)
    const flows = await wan.flows()
    const others = flows.filter(({ from, to }) => from !== linkPort && to !== linkPort)
    t.same(others, [], 'every TCP packet is of the link')
    const after = await wan.stats()
    const all = (['from-frontend', 'from-backend'] as const).map(end => after[end].packets - before[end].packets)
    const ofTcp = flows.reduce((sum, { packets }) => sum + packets, 0)
    t.ok(all[0]! + all[1]! - ofTcp < 20, `${all} packets, ${ofTcp} of TCP`) // some passed between the questions
    await ground.frontend.run('curl', ['-s', '-m', '5', `http://${ground.backend.address}/${secret}`])
    t.ok((await wan.seen()) > 0, 'in clear text it would have been seen')
  })

  t.test('the apps are reached by their own edge alone', async t => {
    for (const [from, to, port] of [
      [ground.frontend, ground.backend, 8001],
      [ground.clients, ground.backend, 8001],
      [ground.backend, ground.frontend, 3001]
    ] as const) {
      const { code } = await from.run('curl', ['-s', '-m', '5', `http://${to.address}:${port}/`])
      t.equal(code, 7, 'refused')
    }
  })

  t.test('each says of the other that it is there, and how far away', async t => {
    for (const role of roles) {
      const { code, out } = await site[role].twinedge('link')
      t.equal(code, 0)
      t.match(out, /is up/)
      const { roundTripMs, report, clockAheadMs } = await site[role].linkUntil(link => link.clockAheadMs !== null)
      t.ok(roundTripMs! >= 200 && roundTripMs! < 260, `${roundTripMs} ms`)
      t.equal(report?.server, role === 'frontend' ? 'backend' : 'frontend')
      t.ok(Math.abs(clockAheadMs!) < 1_000)
    }
  })
})
