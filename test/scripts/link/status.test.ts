import t from 'tap'
import type { LinkStatus } from '../../../proxy/control/protocol.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import { twinedge } from '../../doubles/command.ts'
import { fingerprints, inDays, linkStatus } from '../../doubles/control-actions.ts'
import { control } from '../../proxy/control/control.ts'

const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000 - 1_000).toISOString()
const down: LinkStatus = {
  ...linkStatus,
  state: 'down',
  since: minutesAgo(3),
  fault: {
    code: 'LINK_UNREACHABLE',
    detail: '203.0.113.7:7443: ETIMEDOUT\r\nsecond line \u001b[2J',
    next: 'open the port',
    at: minutesAgo(1)
  },
  roundTripMs: null,
  lines: { spare: 0, wanted: 16, inUse: 0, incoming: 0, resumed: 7 },
  clockAheadMs: null
}

/** What `twinedge link ARGS` prints of a link that is so. */
async function shown(t: Parameters<typeof control>[0], link: LinkStatus, ...args: string[]) {
  const { socket, actions } = await control(t)
  actions.link.seen = [link]
  return await twinedge(['link', ...args, '--socket', socket])
}

t.test('a link that is up: since when, how far, over how many lines, with which keys', async t => {
  const { code, out } = await shown(t, linkStatus)
  t.equal(code, 0)
  t.match(out, /^the link to 203\.0\.113\.7:7443 is up; so it is for 2 h$/m)
  t.match(out, /^round trip: 201 ms; both clocks say the same$/m)
  t.match(out, /^lines: 3 in use, 15 ready \(16 wanted\), 17 from the other server; 2 resumed after a loss$/m)
  t.match(out, /^KEY OF +FINGERPRINT +DAYS LEFT$/m)
  t.match(out, new RegExp(`^this server +${fingerprints.own} +355$`, 'm'))
  t.match(out, new RegExp(`^the other server +${fingerprints.peer} +20$`, 'm'))
  t.match(out, /^the other server has told nothing of itself yet$/m)
})

t.test('a link that is down: since when, why, what to do next; exit code 1; nothing that a terminal obeys', async t => {
  const { code, out } = await shown(t, down)
  t.equal(code, 1)
  t.match(out, /is DOWN; so it is for 3 min$/m)
  t.match(out, /^ {2}LINK_UNREACHABLE \(1 min ago\): 203\.0\.113\.7:7443: ETIMEDOUT$/m)
  t.match(out, /^ {2}second line \\u001b\[2J$/m)
  t.match(out, /^ {2}next: open the port$/m)
  t.match(out, /^round trip: not measured yet$/m)
  t.notMatch(out, /\u001b/)
  t.match(await shown(t, { ...down, state: 'connecting', fault: null }), {
    code: 1,
    out: /is not up yet: it is being tried;/
  })
})

t.test('what the other server tells of itself is shown, with its clock', async t => {
  const report = {
    protocol: 1,
    version: '0.1.0',
    server: 'backend',
    now: Date.now(),
    isStopping: true,
    thumbprint: null,
    tlsMode: 'acme',
    domains: ['example.com'],
    certificates: [
      { domains: ['example.com'], issuer: 'CN=E7', beginsAt: inDays(-20), expiresAt: inDays(40.5), isLocal: false }
    ],
    upstreams: [
      { name: 'api', isLocal: true, isUp: true, isBorrowed: false, isChecked: true, saw: '200 in 3 ms', build: null },
      {
        name: 'web',
        isLocal: false,
        isUp: false,
        isBorrowed: true,
        isChecked: true,
        saw: 'ECONNREFUSED \u001b[2J',
        build: 'b1'
      }
    ],
    agreed: {}
  }
  const { out } = await shown(t, { ...linkStatus, report, reportedAt: minutesAgo(2), clockAheadMs: -7_200_000 })
  t.match(out, /^round trip: 201 ms; the other server's clock is 2 h behind$/m)
  t.match(out, /^the other server: twinedge 0\.1\.0 \(backend\), as it said 2 min ago; it is STOPPING$/m)
  t.match(out, /^api +there +up +- +200 in 3 ms$/m)
  t.match(out, /^web +elsewhere +DOWN +b1 +ECONNREFUSED \\u001b\[2J$/m)
  t.match(out, /^example\.com +40 d +CN=E7$/m)
})

t.test('keys: one that has expired, one that waits, none of the other server: each says what to do', async t => {
  const { own } = linkStatus.keys
  const next = { fingerprint: `SHA256:${'n'.repeat(42)}A`, madeAt: inDays(0), expiresAt: inDays(0.1) }
  const keys = { own: { ...own, expiresAt: inDays(-1) }, next, peer: [] }
  const { code, out } = await shown(t, { ...down, state: 'unpaired', fault: null, keys })
  t.equal(code, 1)
  t.match(out, /DOWN: the two servers do not know each other yet/)
  t.match(out, /^this server +SHA256:o+A +EXPIRED$/m)
  t.match(out, /^this server, next +SHA256:n+A +0 \(2 h\)$/m)
  t.match(out, /^The key of this server has expired: twinedge link rotate$/m)
  t.match(out, /^The next key of this server is handed over as soon as the link is up$/m)
  t.match(out, /^No key of the other server was taken yet: type twinedge link pair there/m)
  const unseen = { fingerprint: fingerprints.peer, madeAt: null, expiresAt: null }
  t.match((await shown(t, { ...down, keys: { own, next: null, peer: [unseen] } })).out, /SHA256:p+A +not seen yet$/m)
})

t.test('--json is what the edge says; its exit code is the same', async t => {
  const { code, out } = await shown(t, down, '--json')
  t.same([code, JSON.parse(out)], [1, down])
  t.equal((await shown(t, linkStatus, '--json')).code, 0)
})

t.test('without a link, every verb says that there is none, and what to set', async t => {
  const { socket, actions } = await control(t)
  actions.link.fail = new EdgeError('LINK_OFF', 'no link is configured')
  for (const args of [[], ['pair'], ['pair', fingerprints.peer], ['rotate']]) {
    const { code, out, err } = await twinedge(['link', ...args, '--socket', socket])
    t.match({ code, out, err }, { code: 1, out: '', err: /^LINK_OFF: .*\nnext: set link\.peer/ }, args.join(' '))
  }
})

t.test('what is misspelt is told', async t => {
  t.match(await twinedge(['link', 'rotat']), { code: 2, err: /there is no "rotat"; did you mean rotate\?/ })
  t.match(await twinedge(['link', 'rotate', 'now']), { code: 2, err: /^EDGE_USAGE/ })
})
