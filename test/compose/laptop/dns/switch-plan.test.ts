import t from 'tap'
import type { DomainRecords } from '../../../../compose/laptop/dns/records.ts'
import { safetyOf } from '../../../../compose/laptop/dns/safety.ts'
import { leadsTo, planSwitch } from '../../../../compose/laptop/dns/switch-plan.ts'
import type { ServerPlan, Site } from '../../../../compose/laptop/plan/site.ts'
import type { EntrySeen } from '../../../../compose/server/entry/records.ts'
import type { CertificateStatus, StandbyVerdict } from '../../../../proxy/control/protocol.ts'

const target = { name: 'backend', address: '203.0.113.7' } as ServerPlan
const site = {
  domains: ['shop.cn'],
  servers: [{ name: 'frontend', address: '198.51.100.4' }, target]
} as unknown as Site
const now = new Date('2026-11-23T00:00:00Z')
const self: StandbyVerdict = { server: 'backend', isSelf: true, isGo: true, reasons: [], notes: [], borrowed: [] }

function seenWith(certificate: Partial<CertificateStatus>, verdict = self, addresses: string[] = []): EntrySeen {
  const own = { domains: ['shop.cn'], issuer: 'E8', beginsAt: '', expiresAt: '2026-12-23T00:00:00Z', isLocal: false }
  const certificates = { mode: 'acme', certificates: [{ ...own, ...certificate }], renewals: [], thumbprint: null }
  return { certificates, standby: { verdicts: [verdict] }, httpsPort: 443, addresses } as unknown as EntrySeen
}

function recordsOf(addresses: string[], ttl = 60, alias: string | null = null): DomainRecords {
  const server = { label: 'ns1', place: '', isAuthority: true }
  const told = [{ server, addresses: addresses.map(address => ({ address, ttl })), alias, failure: null }]
  return { domain: 'shop.cn', told, permission: null }
}

const judge = (seen: EntrySeen, isAlone = false, records = [recordsOf(['198.51.100.4'])]) =>
  safetyOf({ site, target, seen, visits: new Map([['shop.cn', '']]), records, issuer: 'letsencrypt.org', isAlone, now })

t.test('GO takes a certificate for every domain that lasts a day, and that browsers know', async t => {
  t.match(judge(seenWith({})), { isGo: true, reasons: [] })
  for (const [certificate, what] of [
    [{ domains: ['www.shop.cn'] }, 'the certificate for shop.cn: none there'],
    [{ expiresAt: '2026-11-23T23:59:00Z' }, 'the certificate for shop.cn: it ends within a day'],
    [{ isLocal: true }, 'the certificate for shop.cn: only a local one is there']
  ] as const) {
    t.match(judge(seenWith(certificate)), { isGo: false, reasons: [{ what }] })
  }
})

t.test('GO takes that of the standby; what the other server lends counts where that is dead', async t => {
  const lent = { upstream: 'web', what: 'web comes from frontend', next: null }
  t.match(judge(seenWith({}, { ...self, borrowed: [lent] })), { isGo: true, notes: [lent] })
  t.match(judge(seenWith({}, { ...self, borrowed: [lent] }), true), { isGo: false, reasons: [lent] })
  const reason = { what: 'api is down', next: null }
  t.match(judge(seenWith({}, { ...self, isGo: false, reasons: [reason] })), { isGo: false, reasons: [reason] })
  const off = { ...seenWith({}), standby: { code: 'LINK_OFF', detail: 'there is no link' } } as EntrySeen
  t.match(judge(off), { isGo: false, reasons: [{ what: 'LINK_OFF: there is no link' }] })
})

t.test('GO takes that the authority may certify the names there', async t => {
  const records = [{ ...recordsOf(['198.51.100.4']), permission: { at: 'shop.cn', issuers: ['pki.goog'] } }]
  t.match(judge(seenWith({}), false, records), {
    isGo: false,
    reasons: [{ what: /CAA record of shop\.cn allows pki\.goog/ }]
  })
})

const plan = (records: DomainRecords, seen = seenWith({})) => planSwitch(site, { target, seen }, [records])

t.test('both kinds of address are changed: to the one that the server has, or away', async t => {
  const both = recordsOf(['198.51.100.4', '2001:db8::4'], 3600)
  t.match(plan(both), {
    changes: [
      { type: 'A', found: '198.51.100.4', wanted: '203.0.113.7' },
      { type: 'AAAA', found: '2001:db8::4', wanted: '-' }
    ],
    waitFirst: 3600
  })
  const known = seenWith({}, self, ['10.0.0.5', '2001:db8::7', 'fd00::7'])
  t.match(plan(both, known).changes[1], { type: 'AAAA', wanted: '2001:db8::7' })
  t.same(plan(recordsOf(['203.0.113.7', '2001:db8::7'], 3600), known), {
    changes: [],
    following: [],
    ttl: 3600,
    waitFirst: 0
  })
  t.equal(leadsTo(['203.0.113.7', '2001:db8::7'], target, known), true)
  t.equal(leadsTo(['203.0.113.7', '198.51.100.4'], target, known), false, 'half of them is not there')
  t.equal(leadsTo([], target, known), false)
  t.match(plan(recordsOf([])).changes, [{ type: 'A', found: '-', wanted: '203.0.113.7' }], 'a name without an address')
})

t.test('a record too many is one to change; an alias that leads elsewhere is one, too', async t => {
  t.match(plan(recordsOf(['203.0.113.7', '198.51.100.4'])).changes, [
    { found: '198.51.100.4, 203.0.113.7', wanted: '203.0.113.7' }
  ])
  t.match(plan(recordsOf(['198.51.100.4'], 60, 'front.host.cn')).changes, [{ type: 'CNAME', found: 'front.host.cn' }])
  t.match(plan(recordsOf(['198.51.100.4'], 60, 'shop.cn')), { changes: [], following: [{ alias: 'shop.cn' }] })
  t.match(plan(recordsOf(['198.51.100.4'], 300)).waitFirst, 0)
  t.match(plan(recordsOf(['198.51.100.4'], 301)).waitFirst, 301)
})
