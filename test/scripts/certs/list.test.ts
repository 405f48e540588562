import { join } from 'node:path'
import t from 'tap'
import type { CertificateStatus, CertificatesAnswer } from '../../../proxy/control/protocol.ts'
import { twinedge } from '../../doubles/command.ts'
import { inDays, renewal } from '../../doubles/control-actions.ts'
import { control, folder } from '../../proxy/control/control.ts'

const thumbprint = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'
const authority = "C=US, O=Let's Encrypt, CN=E7"
const refused = {
  code: 'ACME_DOMAIN_ELSEWHERE',
  detail: 'new.example.com: 203.0.113.9: Invalid response: 404\r\nsecond line \u001b[2J',
  next: 'point DNS here',
  at: inDays(-0.01)
}
const acme: CertificatesAnswer = {
  mode: 'acme',
  certificates: [
    serving(['example.com', 'www.example.com'], authority, inDays(60.5)),
    serving(['new.example.com', 'due.example.com'], 'CN=local authority', inDays(6.5)),
    serving(['short.example.com'], authority, inDays(0.21)),
    serving(['late.example.com'], authority, inDays(-2))
  ],
  renewals: [
    renewal('example.com', { domains: ['example.com', 'www.example.com'], nextAt: inDays(30.5) }),
    renewal('new.example.com', {
      state: 'failing',
      issuer: null,
      expiresAt: null,
      nextAt: inDays(0.1),
      reason: 'retry',
      failures: 3,
      lastError: refused
    }),
    renewal('due.example.com', { state: 'due', nextAt: inDays(-0.1) }),
    renewal('short.example.com', { state: 'ordering', nextAt: inDays(0.5) }),
    renewal('late.example.com')
  ],
  thumbprint
}

/** What `twinedge certs ARGS` prints of an edge that answers this. */
async function listed(t: Parameters<typeof control>[0], answer: CertificatesAnswer, ...args: string[]) {
  const { socket, actions } = await control(t)
  actions.listed = answer
  return await twinedge(['certs', ...args, '--socket', socket])
}

t.test('each certificate that is wanted has a row: who issued what serves, days left, next renewal, state', async t => {
  const { code, out } = await listed(t, acme)
  t.equal(code, 0)
  const next = (days: number): string => inDays(days).slice(0, 10)
  const rows = out.split('\n')
  t.match(rows[0], /^DOMAINS +ISSUER +DAYS LEFT +NEXT RENEWAL +STATE$/)
  t.match(rows[1], /^example\.com, www\.example\.com +C=US, O=Let's Encrypt, CN=E7 +60 /)
  t.match(rows[1], new RegExp(` ${next(30.5)} \\d\\d:\\d\\dZ \\(in 30 d\\) +waiting$`))
  t.match(rows[2], /^new\.example\.com +CN=local authority +6 .*\(in 2 h\) +failing: ACME_DOMAIN_ELSEWHERE$/)
  t.match(rows[3], /^due\.example\.com +CN=local authority +6 +now +due$/)
  t.match(rows[4], /^short\.example\.com .* 0 \(5 h\) +now +ordering$/)
  t.match(rows[5], /^late\.example\.com .* expired +/)
  t.equal(rows[6], '')
})

t.test('what served last counts: of several certificates for one renewal, the one that ends first', async t => {
  const { out } = await listed(t, {
    ...acme,
    certificates: [
      serving(['a.example.com'], 'CN=one', inDays(50.5)),
      serving(['b.example.com'], 'CN=two', inDays(9.5)),
      serving(['c.example.com'], 'CN=one', inDays(70.5))
    ],
    renewals: [renewal('a.example.com', { domains: ['a.example.com', 'b.example.com', 'c.example.com'] })]
  })
  t.match(out, /^a\.example\.com, b\.example\.com, c\.example\.com +CN=one \/ CN=two +9 /m)
})

t.test("below, why one fails in the authority's own words, harmless to a terminal, and what to do", async t => {
  const { out } = await listed(t, acme)
  const paragraph = out.split('\n\n')[1]
  t.equal(
    paragraph,
    `new.example.com: failed 3 times in a row, the last time 14 min ago
  ACME_DOMAIN_ELSEWHERE: new.example.com: 203.0.113.9: Invalid response: 404
  second line \\u001b[2J
  next: point DNS here`
  )
  t.equal(out.split('\n\n').length, 3, 'only of that one')
})

t.test('a first failure is told as one, also while the next try runs', async t => {
  const failing = renewal('example.com', { state: 'ordering', failures: 1, lastError: refused })
  const { out } = await listed(t, { ...acme, renewals: [failing] })
  t.match(out, /^example\.com: failed once, the last time 14 min ago$/m)
})

t.test('last, the thumbprint of this edge and where it belongs', async t => {
  const { out } = await listed(t, acme)
  const last = out.split('\n\n').at(-1)
  t.match(last, `The thumbprint of this edge is ${thumbprint}\n`)
  t.match(last, `  tls:\n    peer-thumbprint: ${thumbprint}\n`)
})

t.test('without ACME, what serves is listed, and nothing is to be renewed', async t => {
  const local: CertificatesAnswer = {
    mode: 'files',
    certificates: [...acme.certificates.slice(0, 1), serving([], 'CN=\u001b[2J', inDays(3.5))],
    renewals: [],
    thumbprint: null
  }
  const { out } = await listed(t, local, 'list')
  const rows = out.split('\n')
  t.match(rows[1], /^example\.com, www\.example\.com +C=US, O=Let's Encrypt, CN=E7 +60 +- +-$/)
  t.match(rows[2], /^\(no domain\) +CN=\\u001b\[2J +3 +- +-$/)
  t.same(rows.slice(3), [''], 'and nothing else')
})

t.test('with --json, what a program reads is exactly what the edge said', async t => {
  t.same(JSON.parse((await listed(t, acme, '--json')).out), acme)
  t.same(JSON.parse((await listed(t, acme, 'list', '--json')).out), acme)
})

t.test('what it cannot do it refuses, and names what was meant', async t => {
  const { code, err } = await listed(t, acme, 'renwe')
  t.equal(code, 2)
  t.match(err, /^EDGE_USAGE: .*no renwe; did you mean renew\?\nnext: /)
  t.equal((await listed(t, acme, 'toString')).code, 2)
  t.equal((await listed(t, acme, 'list', 'example.com')).code, 2)
  t.equal((await listed(t, acme, '--force')).code, 2)
})

t.test('its help tells of all that it can do', async t => {
  const { code, out } = await twinedge(['certs', '--help'])
  t.equal(code, 0)
  for (const what of [
    '[list]',
    'certs renew [NAME...]',
    '--force',
    '--dry-run',
    '--directory URL',
    'certs import DIR'
  ]) {
    t.ok(out.includes(what), what)
  }
  t.equal((await twinedge(['certs', 'renew', '--help'])).out, out)
})

t.test('where no edge runs, each says so', async t => {
  const place = await folder(t)
  for (const args of [[], ['list'], ['renew']]) {
    const { code, out, err } = await twinedge(['certs', ...args, '--socket', join(place, 'none.sock')])
    t.same([code, out], [1, ''])
    t.match(err, /^EDGE_NOT_RUNNING: /)
  }
})

function serving(domains: readonly string[], issuer: string, expiresAt: string): CertificateStatus {
  return { domains, issuer, beginsAt: inDays(-30), expiresAt, isLocal: false }
}
