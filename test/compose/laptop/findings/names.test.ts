import t from 'tap'
import { findingsOf as dnsFindingsOf } from '../../../../compose/laptop/dns/findings.ts'
import type { NameEvidence } from '../../../../compose/laptop/doctor/evidence.ts'
import { evidence, findingsOf } from './evidence.ts'

const [frontend, backend] = ['203.0.113.7', '198.51.100.8']

function told(differences: Partial<NameEvidence>) {
  const name = { domain: 'site.cn', addresses: [frontend], ttl: 300, failure: null, ...differences }
  return findingsOf(evidence({}, { names: [name] })).map(({ id, what, seen, mend, server }) => ({
    id,
    what,
    seen,
    mend,
    server
  }))
}

t.test('a domain that leads nowhere, elsewhere, or in part elsewhere', async t => {
  t.match(told({ addresses: [], ttl: null }), [
    { id: 'dns-elsewhere', what: /leads nowhere/, mend: /site\.cn A 203\.0\.113\.7/, server: null }
  ])
  t.match(told({ addresses: ['192.0.2.1'] }), [
    { id: 'dns-elsewhere', what: /neither/, seen: /192\.0\.2\.1; ours: 203/ }
  ])
  t.match(told({ addresses: [frontend, '2001:db8::1'] }), [
    { id: 'dns-elsewhere', what: /some of those/, seen: /2001:db8::1/ }
  ])
})

t.test('a domain that leads to both servers, or is remembered for long', async t => {
  t.match(told({ addresses: [frontend, backend] }), [{ id: 'dns-both', seen: /203.*198/ }])
  t.match(told({ ttl: 7_200 }), [{ id: 'dns-ttl', what: /7200 s to be heard/, seen: /7200 s/, mend: /TTL of 60 s/ }])
  t.same(told({ addresses: [backend] }), [], 'after a switch it leads to the backend alone: that is fine')
})

t.test('of the same TTL `doctor` and `dns check` say the same', async t => {
  const { site } = evidence()
  const server = { label: 'ns1', place: '192.0.2.1:53', isAuthority: true }
  const checked = (ttl: number) => {
    const addresses = site.servers.slice(0, 1).map(({ address }) => ({ address, ttl }))
    const told = [{ server, addresses, alias: null, failure: null }]
    return dnsFindingsOf(site, [{ domain: 'site.cn', told, permission: null }], null)
  }
  for (const ttl of [60, 300, 301, 86_400]) {
    t.equal(told({ ttl }).length, checked(ttl).length, `${ttl} s`)
    t.match([told({ ttl })[0]?.mend ?? 'TTL of 60 s', checked(ttl)[0]?.next ?? '60 s'], [/TTL of 60 s/, /60 s/])
  }
})

t.test('a resolver that does not answer is no word about the domain', async t => {
  t.match(told({ addresses: [], ttl: null, failure: 'queryA ETIMEOUT' }), [{ id: 'dns-silent', seen: /ETIMEOUT/ }])
})

t.test('a name for trials is in no DNS', async t => {
  t.same(told({ domain: 'site.test', addresses: [], ttl: null }), [])
})
