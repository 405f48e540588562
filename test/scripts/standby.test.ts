import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import type { BorrowedUpstream, StandbyAnswer, StandbyVerdict } from '../../proxy/control/protocol.ts'
import { failures } from '../../proxy/errors.ts'
import { type Outcome, twinedge } from '../doubles/command.ts'
import { folder } from '../proxy/control/control.ts'

const next = `next: ${failures.LINK_NO_GO.next}\n`
const good = { isGo: true, reasons: [], notes: [], borrowed: [] }
const other: StandbyVerdict = { server: 'backend', isSelf: false, ...good }
const self: StandbyVerdict = { server: 'frontend', isSelf: true, ...good }
const lacking = {
  isGo: false,
  reasons: [
    { what: 'api is down: 503 \u001b[2J', next: 'on backend: twinedge status' },
    { what: 'its edge is stopping', next: null }
  ]
}
const lent: BorrowedUpstream = { upstream: 'web', what: 'web comes from the other server', next: 'on backend: …' }

/** What `twinedge standby` says when an edge answers this. */
async function standby(
  t: Parameters<typeof folder>[0],
  said: readonly StandbyVerdict[] | object,
  ...args: string[]
): Promise<Outcome> {
  const socket = join(await folder(t), 'control.sock')
  const answer: StandbyAnswer | object = Array.isArray(said) ? { verdicts: said } : said
  const server = createServer((request, response) => {
    const isAsked = request.method === 'GET' && request.url === '/standby'
    response.statusCode = !isAsked ? 404 : 'code' in answer ? 409 : 200
    response.end(JSON.stringify(answer))
  })
  server.listen(socket)
  await once(server, 'listening')
  t.teardown(() => server.close())
  return twinedge(['standby', '--socket', socket, ...args])
}

t.test('two good servers: GO first, what it means, exit 0', async t => {
  t.same(await standby(t, [other, self]), {
    code: 0,
    err: '',
    out: `GO  backend, the other server: it could take the whole site over now, by itself

GO  frontend, this server: it serves everything without the other
`
  })
})

t.test('NO-GO first, why, and the next command of each reason; exit 1, harmless to a terminal', async t => {
  t.same(await standby(t, [{ ...other, ...lacking }, self]), {
    code: 1,
    err: `LINK_NO_GO: backend: see above\n${next}`,
    out: `NO-GO  backend, the other server: it could not take the whole site over
  - api is down: 503 \\u001b[2J
    next: on backend: twinedge status
  - its edge is stopping

GO  frontend, this server: it serves everything without the other
`
  })
})

t.test('--self exits by what is said of this server', async t => {
  const bad = { ...self, ...lacking }
  t.equal((await standby(t, [other, bad])).code, 0)
  const { code, out, err } = await standby(t, [other, bad], '--self')
  t.same([code, err], [1, `LINK_NO_GO: frontend: see above\n${next}`])
  t.match(out, /^NO-GO {2}frontend, this server: it could not serve the whole site\n {2}- api is down/m)
  t.equal((await standby(t, [{ ...other, ...lacking }, self], '--self')).code, 0)
})

t.test('what comes from the other server is a note, and with --alone a reason', async t => {
  const verdicts = [
    { ...other, borrowed: [lent] },
    { ...self, borrowed: [lent, { ...lent, upstream: 'api' }] }
  ]
  t.same(await standby(t, verdicts), {
    code: 0,
    err: '',
    out: `GO  backend, the other server: it could take the whole site over now, while this one runs; without it: no web
  note: web comes from the other server
    next: on backend: …

GO  frontend, this server: it serves everything while the other one runs; without it: no web, api
  note: web comes from the other server
    next: on backend: …
  note: web comes from the other server
    next: on backend: …
`
  })
  const { code, out } = await standby(t, verdicts, '--alone')
  t.equal(code, 1)
  t.match(out, /^NO-GO {2}backend, the other server: it could not take the whole site over\n {2}- web comes from/)
  t.match(out, /^NO-GO {2}frontend, .*\n {2}- web comes from/m)
  t.equal((await standby(t, [other, verdicts[1]], '--alone')).code, 0, 'who has it all is GO')
  const worse = await standby(t, [{ ...other, ...lacking }, self], '--alone')
  t.equal(worse.code, 1, 'and who lacks something else is not made good by it')
  const silent = { ...other, isGo: false }
  t.equal((await standby(t, [silent, self], '--alone')).code, 1, 'nor who does not say what')
})

t.test('notes stand after the reasons', async t => {
  const { out } = await standby(t, [
    { ...other, notes: [{ what: 'nobody knows whether api is up', next: null }] },
    self
  ])
  t.match(out, /by itself\n {2}note: nobody knows whether api is up\n\nGO/)
})

t.test('with --json a program reads what the edge said, and the exit code says the same', async t => {
  const verdicts = [
    { ...other, ...lacking },
    { ...self, borrowed: [lent] }
  ]
  const { code, out } = await standby(t, verdicts, '--json')
  t.same([code, JSON.parse(out)], [1, { verdicts }])
  const alone = JSON.parse((await standby(t, verdicts, '--json', '--alone')).out)
  t.match(alone, { verdicts: [{}, { isGo: false, reasons: [lent], borrowed: [] }] })
})

t.test('no verdict is no GO', async t => {
  const { code, err } = await standby(t, [self])
  t.same([code, err], [1, `LINK_NO_GO: the edge said nothing of it\n${next}`])
})

t.test('an edge that knows of no other says so', async t => {
  const answer = { code: 'LINK_OFF', detail: 'link is not set', next: failures.LINK_OFF.next }
  const { code, out, err } = await standby(t, answer)
  t.same([code, out], [1, ''])
  t.match(err, /^LINK_OFF: link is not set\nnext: set link\.peer/)
})
