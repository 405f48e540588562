import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { CertificateFiles } from '../../../proxy/config/config.ts'
import type { EdgeError } from '../../../proxy/errors.ts'
import { Certificates } from '../../../proxy/tls/certificates.ts'
import { dayMs, Issuer, selfSigned, tlsConfig } from '../../fixtures/certificates.ts'
import { greet, listen } from '../../fixtures/tls-peer.ts'

const now = new Date()
const silent = (message: string): never => {
  throw new Error(`unexpected warning: ${message}`)
}
const load = (domains: string[], certificates: CertificateFiles[]) =>
  Certificates.load(tlsConfig({ domains, tls: { mode: 'files', certificates }, stateFolder: '' }), now, silent)

t.test('a local edge serves its domains with a certificate that a client of its root verifies', async t => {
  const stateFolder = t.testdir()
  const config = tlsConfig({ domains: ['a.test', 'b.test', '127.0.0.1'], tls: { mode: 'local' }, stateFolder })
  const certificates = await Certificates.load(config, now, silent)
  const server = await listen(t, () => certificates)
  const ca = readFileSync(join(stateFolder, 'local-ca', 'root.pem'))
  for (const servername of ['a.test', 'b.test']) {
    t.match(await greet(server, { servername, ca }), {
      failure: null,
      names: /DNS:a\.test, DNS:b\.test, IP Address:127/
    })
  }
  const stranger = await Issuer.make(t.testdir())
  const refused = await greet(server, { servername: 'a.test', ca: stranger.root.cert })
  t.equal(refused.failure, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'without the root it is not believed')
  t.match(certificates.status, [{ domains: config.domains, issuer: /^O=twinedge, CN=twinedge local authority / }])
  t.equal(Date.parse(certificates.status[0]?.expiresAt ?? '') > now.getTime() + 89 * dayMs, true)
  t.ok(Date.parse(certificates.status[0]?.beginsAt ?? '') <= now.getTime())
  t.match(certificates.status, [{ isLocal: true }])
  t.strictSame(certificates.warningsAt(now), [])
})

t.test('each domain gets its own pair, by SNI, whatever its case', async t => {
  const issuer = await Issuer.make(t.testdir())
  const pairs = [await issuer.files('a', ['a.test']), await selfSigned(issuer.folder, 'b.test', ['rsa:2048'])]
  const certificates = await load(['a.test', 'b.test'], pairs)
  const server = await listen(t, () => certificates)
  t.match(await greet(server, { servername: 'a.test', ca: issuer.root.cert }), { failure: null, names: 'DNS:a.test' })
  t.match(await greet(server, { servername: 'b.test' }), { failure: null, names: 'DNS:b.test' })
  t.match(await greet(server, { servername: 'B.Test' }), { failure: null, names: 'DNS:b.test' })
  t.match(certificates.status, [
    // Whoever made it: it is the operator's own.
    { domains: ['a.test'], issuer: /twinedge local authority/, isLocal: false },
    { domains: ['b.test'], issuer: 'CN=b.test', isLocal: false }
  ])
})

t.test('the exact name goes before the wildcard, in whatever order the pairs are listed', async t => {
  const issuer = await Issuer.make(t.testdir())
  const [wild, exact] = [await issuer.files('w', ['*.w.test']), await issuer.files('x', ['x.w.test'])]
  for (const pairs of [
    [wild, exact],
    [exact, wild]
  ]) {
    const certificates = await load(['x.w.test', 'y.w.test'], pairs)
    const server = await listen(t, () => certificates)
    t.equal((await greet(server, { servername: 'x.w.test' })).names, 'DNS:x.w.test')
    t.equal((await greet(server, { servername: 'y.w.test' })).names, 'DNS:*.w.test')
    t.equal(certificates.contextFor('z.w.test'), undefined, 'covered by the wildcard, but no domain of ours')
  }
})

t.test('a wildcard domain stands for one label', async t => {
  const issuer = await Issuer.make(t.testdir())
  const certificates = await load(['*.w.test'], [await issuer.files('w', ['*.w.test'])])
  t.ok(certificates.contextFor('any.w.test'))
  for (const name of ['w.test', 'a.b.w.test', '', '.', 'any.w.test.', 'other.test']) {
    t.equal(certificates.contextFor(name), undefined, `"${name}" is not ours`)
  }
})

t.test('a pair serves the names listed for it and no others that its certificate carries', async t => {
  const issuer = await Issuer.make(t.testdir())
  const files = { ...(await issuer.files('a', ['a.test', 'b.test'])), domains: ['a.test'] }
  await t.rejects(load(['a.test', 'b.test'], [files]), { code: 'TLS_DOMAIN_UNCOVERED', detail: /for b\.test$/ })
})

t.test('every domain without a certificate is named', async t => {
  const issuer = await Issuer.make(t.testdir())
  const files = await issuer.files('a', ['a.test'])
  const domains = ['a.test', 'b.test', 'c.d.test']
  await t.rejects(load(domains, [files]), {
    code: 'TLS_DOMAIN_UNCOVERED',
    detail: 'no certificate for b.test, c.d.test'
  })
})

t.test('the faults of all pairs are told at once, and no domain is blamed on top of its own pair', async t => {
  const issuer = await Issuer.make(t.testdir())
  const pairs = await Promise.all(
    ['ok', 'mixed', 'garbage', 'missing', 'narrow'].map(async name => ({
      ...(await issuer.files(name, [`${name}.test`])),
      domains: [name === 'narrow' ? 'wide.test' : `${name}.test`]
    }))
  )
  const file = (name: string) => join(issuer.folder, name)
  copyFileSync(file('ok.key'), file('mixed.key'))
  writeFileSync(file('garbage.pem'), 'garbage')
  rmSync(file('missing.key'))
  const domains = ['ok.test', 'mixed.test', 'garbage.test', 'missing.test', 'wide.test', 'nobody.test']
  const fault = (await load(domains, pairs).catch(error => error)) as EdgeError
  t.match(fault.message.split('\n'), [
    /^TLS_KEY_MISMATCH: .*mixed\.key: it does not fit .*mixed\.pem/,
    /^TLS_CERTIFICATE_INVALID: .*garbage\.pem/,
    /^TLS_FILE_UNREADABLE: .*missing\.key/,
    /^TLS_DOMAIN_UNCOVERED: .*narrow\.pem: not good for wide\.test/,
    /^TLS_DOMAIN_UNCOVERED: no certificate for nobody\.test$/
  ])
  t.equal(fault.message.split('\n').length, 5)
})

t.test('a pair that OpenSSL will not serve is refused at load, not at the first handshake', async t => {
  const files = await selfSigned(t.testdir(), 'a.test', ['rsa:1024'])
  await t.rejects(load(['a.test'], [files]), {
    code: 'TLS_CERTIFICATE_INVALID',
    detail: /a\.test\.pem: OpenSSL refuses it/
  })
})

t.test('an expired certificate is served, and warned of', async t => {
  const issuer = await Issuer.make(t.testdir())
  const files = await issuer.files('a', ['a.test'], new Date(now.getTime() - 100 * dayMs))
  const certificates = await load(['a.test'], [files])
  t.match(certificates.warningsAt(now), [/a\.pem: expired on/])
  const server = await listen(t, () => certificates)
  t.match(await greet(server, { servername: 'a.test' }), { failure: null, names: 'DNS:a.test' })
  const strict = await greet(server, { servername: 'a.test', ca: issuer.root.cert })
  t.equal(strict.failure, 'CERT_HAS_EXPIRED')
})
