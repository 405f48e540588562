import fc from 'fast-check'
import t from 'tap'
import type { PeerReport } from '../../../../proxy/control/protocol.ts'
import {
  loopsBetween,
  standbyOf,
  verdictOnPeer,
  verdictOnSelf,
  type World
} from '../../../../proxy/link/report/verdict.ts'
import { certificate, cut, inHours, reasonsOf, report, upstream, world } from './world.ts'

t.test('two good servers: GO for both, the other one first', async t => {
  const { verdicts } = standbyOf(world())
  t.same(verdicts, [
    { server: 'backend', isSelf: false, isGo: true, reasons: [], notes: [], borrowed: [] },
    { server: 'frontend', isSelf: true, isGo: true, reasons: [], notes: [], borrowed: [] }
  ])
})

/** What is wrong with a server → the one reason for which it is NO-GO, wherever the operator asks. */
const alone: readonly [string, Partial<PeerReport>, string][] = [
  ['it stops', { isStopping: true }, 'its edge is stopping → AT: docker compose up -d'],
  [
    'a domain has no certificate',
    { certificates: [certificate({ domains: ['example.com'] })] },
    'www.example.com has no certificate → AT: twinedge certs'
  ],
  [
    'its files lack a domain',
    { tlsMode: 'files', certificates: [certificate({ domains: ['example.com'] })] },
    'www.example.com has no certificate → AT: twinedge check'
  ],
  [
    'a certificate begins later',
    { certificates: [certificate({ domains: ['example.com'], beginsAt: inHours(1) }), certificate()] },
    `the certificate of example.com begins on ${inHours(1)} → AT: twinedge certs`
  ],
  [
    'a certificate has ended',
    { certificates: [certificate({ domains: ['example.com'], expiresAt: inHours(0) }), certificate()] },
    `the certificate of example.com ended on ${inHours(0)} → AT: twinedge certs`
  ],
  [
    'a certificate ends within a day',
    { certificates: [certificate({ domains: ['example.com'], expiresAt: inHours(23.9) }), certificate()] },
    `the certificate of example.com ends within a day, on ${inHours(23.9)} → AT: twinedge certs`
  ],
  [
    'the local authority stands in',
    { certificates: [certificate({ domains: ['example.com'], isLocal: true }), certificate()] },
    'example.com has a certificate of a local authority, which no browser knows → AT: twinedge certs'
  ],
  [
    'it alone is set to the local authority',
    { tlsMode: 'local', certificates: [certificate({ domains: ['example.com'], isLocal: true }), certificate()] },
    'example.com has a certificate of a local authority, which no browser knows → AT: set tls.mode, then: twinedge reload'
  ],
  [
    'an upstream of its own is down',
    { upstreams: [upstream('api', { isUp: false, saw: 'connect ECONNREFUSED' }), upstream('web')] },
    'api is down: connect ECONNREFUSED → AT: twinedge status'
  ],
  [
    'what it has from the other one is down',
    { upstreams: [upstream('api', { isUp: false, isLocal: false, isBorrowed: true, saw: '503' }), upstream('web')] },
    'api, which comes from THEM alone, is down: 503 → BESIDE: twinedge status'
  ],
  [
    'both ways are down',
    {
      upstreams: [
        upstream('api', { isUp: false, isBorrowed: true, saw: 'here: 503; on the other server: 503' }),
        upstream('web')
      ]
    },
    'api is down: here: 503; on the other server: 503 → AT: twinedge status'
  ],
  ['it knows no such upstream', { upstreams: [upstream('web')] }, 'no route leads to api → AT: twinedge check']
]

t.test(
  'each thing that a server lacks is NO-GO for it, and for nobody else, with its reason and the next command',
  async t => {
    for (const [name, differences, reason] of alone) {
      const ofPeer = standbyOf(world({ report: report('backend', differences) })).verdicts
      t.same(
        ofPeer.map(reasonsOf),
        [[reason.replace('AT', 'on backend').replace('BESIDE', 'here').replace('THEM', 'this server')], []],
        `${name}: the peer`
      )
      t.same(
        ofPeer.map(({ isGo }) => isGo),
        [false, true],
        name
      )
      const ofSelf = standbyOf(world({ own: report('frontend', differences) })).verdicts
      t.same(
        ofSelf.map(reasonsOf),
        [[], [reason.replace('AT', 'here').replace('BESIDE', 'on backend').replace('THEM', 'backend')]],
        `${name}: this server`
      )
      t.same(
        ofSelf.map(({ isGo }) => isGo),
        [true, false],
        name
      )
    }
  }
)

const built = (build: string | null): Partial<PeerReport> => ({
  upstreams: [upstream('api'), upstream('web', { build })]
})
const older = 'bring the older of the two edges up to date; or correct link.peer, if that is not the port of its link'
const alike = 'make it the same in the configuration of both, then: twinedge reload'

/** What the two do not agree on → the one reason for which both are NO-GO. */
const together: readonly [string, Partial<World>, string][] = [
  [
    'another protocol',
    { report: report('backend', { protocol: 2 }) },
    `LINK_VERSION: the protocol of the link is 1 here, 2 on backend → ${older}`
  ],
  [
    'another release',
    { report: report('backend', { version: '1.1.0' }) },
    `LINK_VERSION: twinedge is 1.0.0 here, 1.1.0 on backend → ${older}`
  ],
  [
    'another build',
    { own: report('frontend', built('aa')), report: report('backend', built('bb')) },
    'web is another build: aa here, bb on backend; pages of one lack files of the other → on the server that is behind: twinedge swap web IMAGE'
  ],
  [
    'another setting',
    { report: report('backend', { agreed: { ...report('').agreed, hsts: '600s' } }) },
    `hsts: "none" here, "600s" on backend → ${alike}`
  ],
  [
    'a route that is there alone',
    { report: report('backend', { agreed: { ...report('').agreed, 'routes[/x]': 'api' } }) },
    `routes[/x]: none here, "api" on backend → ${alike}`
  ],
  [
    'a route that is here alone',
    { report: report('backend', { agreed: { domains: 'example.com, www.example.com', hsts: 'none' } }) },
    `routes[/]: "web, idle 60s, body 1m" here, none on backend → ${alike}`
  ],
  [
    'a clock that is ahead',
    { clockAheadMs: 5_200 },
    'LINK_CLOCK: the clock of this server is 5 s behind that of backend → set the clock, on both servers: timedatectl set-ntp true'
  ],
  [
    'a clock that is behind',
    { clockAheadMs: -9_000 },
    'LINK_CLOCK: the clock of this server is 9 s ahead of that of backend → set the clock, on both servers: timedatectl set-ntp true'
  ],
  [
    'a clock that is far off',
    { clockAheadMs: 61_000 },
    'LINK_CLOCK: the clock of this server is 61 s behind that of backend: certificates and logins will fail too → set the clock, on both servers: timedatectl set-ntp true'
  ],
  [
    'a clock that nobody has measured',
    { clockAheadMs: null },
    'how far the two clocks are apart is not known yet → in a few seconds: twinedge standby'
  ]
]

t.test('each thing that the two do not agree on is NO-GO for both', async t => {
  for (const [name, differences, reason] of together) {
    const { verdicts } = standbyOf(world(differences))
    t.same(verdicts.map(reasonsOf), [[reason], [reason]], name)
    t.same(
      verdicts.map(({ isGo }) => isGo),
      [false, false],
      name
    )
  }
})

t.test('other domains are told with the file that they are written in, and each must be served by both', async t => {
  const theirs = report('backend', {
    domains: ['example.com'],
    agreed: { ...report('').agreed, domains: 'example.com' },
    certificates: [certificate({ domains: ['example.com'] })]
  })
  t.match(reasonsOf(verdictOnPeer(world({ report: theirs }))), [
    'www.example.com has no certificate → on backend: twinedge certs',
    /^domains: "example.com, www.example.com" here, "example.com" on backend → .*DOMAINS in \.env/
  ])
})

t.test('a build counts where both run the upstream and both keep its files', async t => {
  const cases: [Partial<PeerReport>, Partial<PeerReport>][] = [
    [built('aa'), built('aa')],
    [built('aa'), built(null)],
    [built(null), built('bb')],
    [built('aa'), { upstreams: [upstream('api'), upstream('web', { build: 'bb', isLocal: false, isBorrowed: true })] }],
    [{ upstreams: [upstream('api'), upstream('web', { build: 'aa', isLocal: false, isBorrowed: true })] }, built('bb')]
  ]
  for (const [own, theirs] of cases) {
    t.ok(verdictOnPeer(world({ own: report('frontend', own), report: report('backend', theirs) })).isGo)
  }
})

t.test('clocks may differ by 5 s, and by what half a round trip leaves in doubt, of which a second counts', async t => {
  const isGo = (clockAheadMs: number, roundTripMs: number | null): boolean =>
    verdictOnPeer(world({ clockAheadMs, roundTripMs })).isGo
  t.same([isGo(5_000, null), isGo(-5_000, null), isGo(5_001, null)], [true, true, false])
  t.same([isGo(5_100, 200), isGo(5_101, 200)], [true, false])
  t.same([isGo(6_000, 60_000), isGo(6_001, 60_000)], [true, false])
})

t.test('of many differences the first twenty are told, and how many there are', async t => {
  const agreed = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`routes[/${index}]`, 'web']))
  const reasons = reasonsOf(
    verdictOnPeer(world({ report: report('backend', { agreed: { ...report('').agreed, ...agreed } }) }))
  )
  t.equal(reasons.length, 21)
  t.match(reasons.at(-1), /^5 more settings are not the same → /)
})

t.test('a setting with the name of what every object has is a setting', async t => {
  const agreed = { ...report('').agreed, constructor: 'x' }
  t.match(reasonsOf(verdictOnPeer(world({ report: report('backend', { agreed }) }))), [
    /^constructor: none here, "x" on backend/
  ])
})

t.test(
  'a server that is not reached is NO-GO with what is wrong with the link, and when it was heard of last',
  async t => {
    const verdict = verdictOnPeer(world({ linkFault: cut, reportedAt: Date.parse(inHours(-1)) }))
    t.match(verdict, { server: 'backend', isGo: false, borrowed: [] })
    t.same(reasonsOf(verdict), ['it is not reached: LINK_DOWN: no answer from 203.0.113.7:7443 → twinedge link'])
    t.same(verdict.notes, [{ what: `it was heard of last on ${inHours(-1)}`, next: null }])
    const never = verdictOnPeer(world({ linkFault: cut, report: null, reportedAt: null }))
    t.match(never, { server: 'the server at 203.0.113.7:7443', isGo: false, notes: [] })
  }
)

t.test('a link over which nothing was heard, or not for long, is no reason for GO', async t => {
  const next = 'in a few seconds: twinedge standby; then: twinedge link'
  const silent = verdictOnPeer(world({ report: null, reportedAt: null }))
  t.same([silent.isGo, reasonsOf(silent)], [false, [`it has not told of itself yet → ${next}`]])
  const { now } = report('')
  const old = verdictOnPeer(world({ reportedAt: now - 20_001 }))
  t.same([old.isGo, reasonsOf(old)], [false, [`it has not told of itself for 20 s → ${next}`]])
  t.ok(verdictOnPeer(world({ reportedAt: now - 20_000 })).isGo)
  t.notOk(verdictOnPeer(world({ reportedAt: now + 60_000 })).isGo, 'nor one from a time to come')
})

t.test('with the other server dead, the verdict on this one is about what it can do alone', async t => {
  const unlike = report('backend', { version: '0.9.0', agreed: {}, upstreams: [] })
  for (const dead of [
    { linkFault: cut },
    { reportedAt: report('').now - 60_000 },
    { report: null, reportedAt: null }
  ]) {
    const verdict = verdictOnSelf(world({ report: unlike, clockAheadMs: null, ...dead }))
    t.match(verdict, { isSelf: true, isGo: true, reasons: [], borrowed: [] })
    t.match(verdict.notes, [
      { what: /^(?:backend|the other server) is not heard of: whether the two servers are alike is not known$/ }
    ])
  }
  const lent = upstream('api', { isLocal: false, isBorrowed: true, isUp: false, saw: 'LINK_DOWN' })
  const own = report('frontend', { upstreams: [lent, upstream('web')] })
  t.same(reasonsOf(verdictOnSelf(world({ own, linkFault: cut }))), [
    'api, which comes from backend alone, is down: LINK_DOWN → on backend: twinedge status'
  ])
})

t.test('with the other server dead, what was known of it last counts for nothing', async t => {
  const upstreams = [upstream('api', { isLocal: false, isBorrowed: true }), upstream('web', { isBorrowed: true })]
  const verdict = verdictOnSelf(world({ own: report('frontend', { upstreams }), linkFault: cut }))
  t.match(verdict, { isSelf: true, isGo: false, borrowed: [] })
  t.same(reasonsOf(verdict), [
    'api, which comes from backend alone, is down: the other server is not heard of → on backend: twinedge status',
    'web is down: its own is down, and the other server is not heard of → here: twinedge status'
  ])
})

t.test('what a server has from the other one alone is no reason, but known', async t => {
  const lent = upstream('api', { isLocal: false, isBorrowed: true })
  const down = upstream('web', { isBorrowed: true, saw: 'here: 503' })
  const { isGo, borrowed } = verdictOnPeer(world({ report: report('backend', { upstreams: [lent, down] }) }))
  t.ok(isGo)
  t.same(borrowed, [
    {
      upstream: 'api',
      what: 'api comes from this server: backend has none of its own',
      next: 'on backend: give upstreams.api slots of its own, and else: peer'
    },
    {
      upstream: 'web',
      what: 'web comes from this server: that of backend is down',
      next: 'on backend: twinedge status'
    }
  ])
  const lost = report('backend', { upstreams: [upstream('api'), { ...down, isUp: false }] })
  t.same(verdictOnPeer(world({ report: lost })).borrowed, [], 'what nobody has is not borrowed')
  const self = verdictOnSelf(world({ own: report('frontend', { upstreams: [lent, upstream('web')] }) }))
  t.match(self, { isGo: true, borrowed: [{ upstream: 'api', next: /^here: give/ }] })
})

t.test('two servers that have an upstream from each other are NO-GO both, and it is named at once', async t => {
  const lent = [upstream('api', { isLocal: false, isBorrowed: true }), upstream('web')]
  const [own, theirs] = [report('frontend', { upstreams: lent }), report('backend', { upstreams: lent })]
  t.same(loopsBetween(own, theirs), ['api'])
  t.same(loopsBetween(own, report('backend')), [])
  t.same(loopsBetween(report('frontend'), theirs), [])
  for (const verdict of standbyOf(world({ own, report: theirs })).verdicts) {
    t.notOk(verdict.isGo)
    t.match(reasonsOf(verdict), [
      /^LINK_LOOP: each of the two servers has api from the other one: nobody runs it → let one of the two/
    ])
  }
})

t.test('where both are set to a local authority, its certificates do, and it is said', async t => {
  const trial = { tlsMode: 'local', certificates: [certificate({ isLocal: true })] }
  const both = world({ own: report('frontend', trial), report: report('backend', trial) })
  for (const { isGo, notes } of standbyOf(both).verdicts) {
    t.ok(isGo)
    t.match(notes, [{ what: /^its certificates are those of a local authority/ }])
  }
  t.ok(verdictOnSelf({ ...both, linkFault: cut }).isGo, 'the other one was so when it was heard of last')
  t.notOk(verdictOnSelf({ ...both, report: null }).isGo, 'of one that was never heard of nobody knows')
})

t.test('where one alone is set to a local authority, its certificates do for neither', async t => {
  const certificates = [certificate({ isLocal: true })]
  const own = report('frontend', { tlsMode: 'local', certificates })
  const { verdicts } = standbyOf(world({ own, report: report('backend', { certificates }) }))
  t.same(
    verdicts.map(({ isGo, notes }) => [isGo, notes]),
    [
      [false, []],
      [false, []]
    ]
  )
})

t.test('an upstream without a health check is told of: nobody knows how it is', async t => {
  const blind = report('backend', { upstreams: [upstream('api', { isChecked: false }), upstream('web')] })
  const { isGo, notes } = verdictOnPeer(world({ report: blind }))
  t.ok(isGo)
  t.same(notes, [
    {
      what: 'nobody knows whether api is up: it has no health check',
      next: 'on backend: set upstreams.api.health, then: twinedge reload'
    }
  ])
})

t.test('two servers of one name are told apart', async t => {
  const same = world({ own: report('single'), report: report('single', { isStopping: true }) })
  t.match(reasonsOf(verdictOnPeer(same)), [/→ on the other server: /])
})

t.test('whatever is right besides, one wrong thing is never GO', async () => {
  const wrong = fc.constantFrom(...alone.map(([, differences]) => differences))
  const unlike = fc.constantFrom(...together.map(([, differences]) => differences))
  fc.assert(
    fc.property(fc.array(wrong, { maxLength: 3 }), fc.array(unlike, { maxLength: 2 }), (bad, apart) => {
      const both: World = Object.assign(world(), ...apart)
      const theirs = Object.assign({}, both.report, ...bad)
      return verdictOnPeer({ ...both, report: theirs }).isGo === (bad.length + apart.length === 0)
    })
  )
})
