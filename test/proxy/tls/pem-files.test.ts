import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { CertificateFiles } from '../../../proxy/config/config.ts'
import type { EdgeError } from '../../../proxy/errors.ts'
import { datesToWarnOf, loadPair } from '../../../proxy/tls/pem-files.ts'
import { dayMs, Issuer, run, selfSigned } from '../../fixtures/certificates.ts'

const now = new Date()

async function faultOf(files: CertificateFiles): Promise<{ code: string; detail: string }> {
  const fault = await loadPair(files).catch(error => error as EdgeError)
  if (!('code' in fault)) throw new Error('it was accepted')
  return { code: fault.code, detail: fault.detail }
}

t.test('a good pair serves the names listed for it, or else those that it carries', async t => {
  const issuer = await Issuer.make(t.testdir())
  const files = await issuer.files('a', ['A.test', '*.w.test', '::1'])
  const pair = await loadPair(files)
  t.strictSame(pair.names, ['a.test', '*.w.test', '::1'])
  t.strictSame(datesToWarnOf(pair, now), [])
  t.equal(pair.cert, readFileSync(files.cert, 'utf8'))
  t.equal(pair.key, readFileSync(files.key, 'utf8'))
  const listed = { ...files, domains: ['x.w.test', '*.w.test', '0:0::1'] }
  t.strictSame((await loadPair(listed)).names, listed.domains)
})

t.test('a name in the subject counts for nothing, as in browsers', async t => {
  const files = await selfSigned(t.testdir(), 'cn.test', ['ed25519'], 'IP:127.0.0.1')
  t.match(await faultOf({ ...files, domains: ['cn.test', '127.0.0.1'] }), {
    code: 'TLS_DOMAIN_UNCOVERED',
    detail: 'not good for cn.test; it names 127.0.0.1'
  })
})

t.test('a wildcard stands for one label', async t => {
  const issuer = await Issuer.make(t.testdir())
  const files = await issuer.files('a', ['*.w.test'])
  const domains = ['a.w.test', 'a.b.w.test', 'w.test']
  const { code, detail } = await faultOf({ ...files, domains })
  t.equal(code, 'TLS_DOMAIN_UNCOVERED')
  t.match(detail, 'not good for a.b.w.test, w.test; it names *.w.test')
})

t.test('keys of the kinds that operators have are accepted', async t => {
  const folder = t.testdir()
  const kinds = { rsa: ['rsa:2048'], p256: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], ed: ['ed25519'] }
  for (const [name, newkey] of Object.entries(kinds)) {
    const files = await selfSigned(folder, `${name}.test`, newkey)
    t.strictSame((await loadPair(files)).names, [`${name}.test`])
  }
  const rsa = join(folder, 'rsa.test.key')
  const old = join(folder, 'old.key')
  await run('openssl', ['pkey', '-in', rsa, '-traditional', '-out', old])
  t.match(readFileSync(old, 'utf8'), 'BEGIN RSA PRIVATE KEY')
  await loadPair({ domains: [], cert: join(folder, 'rsa.test.pem'), key: old })
})

t.test('one file may hold both the key and the certificate', async t => {
  const files = await (await Issuer.make(t.testdir())).files('a', ['a.test'])
  appendFileSync(files.key, readFileSync(files.cert))
  await loadPair({ ...files, cert: files.key })
})

t.test('files that cannot be read are both named', async t => {
  const folder = t.testdir()
  const { code, detail } = await faultOf({ domains: [], cert: join(folder, 'a.pem'), key: join(folder, 'a.key') })
  t.equal(code, 'TLS_FILE_UNREADABLE')
  t.match(detail, new RegExp(`${folder}/a\\.pem: ENOENT.*\n.*${folder}/a\\.key: ENOENT`))
})

const garbage: Record<string, string> = {
  empty: '',
  binary: '\u0000\u0001',
  'a damaged certificate': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  'a certificate cut short': '-----BEGIN CERTIFICATE-----\nMIIB'
}
for (const [what, content] of Object.entries(garbage)) {
  t.test(`a certificate file that is ${what} is refused, and its path told`, async t => {
    const files = await (await Issuer.make(t.testdir())).files('a', ['a.test'])
    writeFileSync(files.cert, content)
    const { code, detail } = await faultOf(files)
    t.equal(code, 'TLS_CERTIFICATE_INVALID')
    t.match(detail, files.cert)
  })
}

t.test('a chain is leaf first, and each is followed by its issuer', async t => {
  const issuer = await Issuer.make(t.testdir())
  const stranger = await Issuer.make(issuer.folder)
  const files = await issuer.files('a', ['a.test'])
  const leaf = readFileSync(files.cert, 'utf8')
  writeFileSync(files.cert, `a comment\n${leaf}\r\n${issuer.root.cert}`)
  await loadPair(files)
  writeFileSync(files.cert, issuer.root.cert + leaf)
  t.match(await faultOf(files), { code: 'TLS_CERTIFICATE_INVALID', detail: 'the leaf is certificate 2' })
  writeFileSync(files.cert, leaf + stranger.root.cert)
  t.match(await faultOf(files), {
    code: 'TLS_CERTIFICATE_INVALID',
    detail: 'certificate 2 did not issue certificate 1'
  })
})

t.test('an authority made anew under its old name is no issuer of what the first one signed', async t => {
  const folder = t.testdir()
  const file = (name: string) => join(folder, name)
  const request = ['req', '-new', '-nodes', '-newkey', 'ed25519', '-subj', '/CN=a.test']
  await run('openssl', [...request, '-keyout', file('a.key'), '-out', file('a.csr')])
  // Without key identifiers, only the signature tells the two apart.
  const san = file('san.txt')
  writeFileSync(san, 'subjectAltName=DNS:a.test\nauthorityKeyIdentifier=none\n')
  const first = await selfSigned(folder, 'root', ['ed25519'])
  const sign = ['x509', '-req', '-CAcreateserial', '-CA', first.cert, '-CAkey', first.key, '-extfile', san]
  await run('openssl', [...sign, '-in', file('a.csr'), '-out', file('leaf.pem')])
  const leaf = readFileSync(file('leaf.pem'), 'utf8')
  const files = { domains: [], cert: file('a.pem'), key: file('a.key') }
  writeFileSync(files.cert, leaf + readFileSync(first.cert, 'utf8'))
  await loadPair(files)
  const second = await selfSigned(folder, 'root', ['ed25519'])
  writeFileSync(files.cert, leaf + readFileSync(second.cert, 'utf8'))
  t.match(await faultOf(files), {
    code: 'TLS_CERTIFICATE_INVALID',
    detail: 'certificate 2 did not issue certificate 1'
  })
})

t.test('a self-signed certificate that calls itself an authority, as openssl req makes it, is accepted', async t => {
  const files = await selfSigned(t.testdir(), 'a.test', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'])
  const pair = await loadPair(files)
  t.ok(pair.leaf.ca)
})

t.test('a key that is of another certificate, garbage or locked is refused, and its path told', async t => {
  const issuer = await Issuer.make(t.testdir())
  const [a, b] = [await issuer.files('a', ['a.test']), await issuer.files('b', ['b.test'])]
  const mixed = { ...a, key: b.key }
  t.match(await faultOf(mixed), { code: 'TLS_KEY_MISMATCH', detail: `${b.key}: it does not fit ${a.cert}` })
  const locked = join(issuer.folder, 'locked.key')
  await run('openssl', ['pkey', '-in', a.key, '-aes256', '-passout', 'pass:x', '-out', locked])
  t.match(await faultOf({ ...a, key: locked }), { code: 'TLS_KEY_MISMATCH', detail: 'has a passphrase' })
  writeFileSync(b.key, 'garbage')
  t.match(await faultOf(mixed), { code: 'TLS_KEY_MISMATCH', detail: `${b.key}: no PEM private key` })
})

t.test('the faults of one pair are told together', async t => {
  const issuer = await Issuer.make(t.testdir())
  const [a, b] = [await issuer.files('a', ['a.test']), await issuer.files('b', ['b.test'])]
  const { code, detail } = await faultOf({ domains: ['c.test'], cert: a.cert, key: b.key })
  t.equal(code, 'TLS_KEY_MISMATCH')
  t.match(detail, /does not fit.*\nTLS_DOMAIN_UNCOVERED: .*not good for c\.test/)
  rmSync(b.key)
  t.match(await faultOf({ domains: ['c.test'], cert: a.cert, key: b.key }), {
    code: 'TLS_FILE_UNREADABLE',
    detail: /\nTLS_DOMAIN_UNCOVERED/
  })
})

t.test('a certificate that has expired, expires soon or is early is served, with a warning', async t => {
  const issuer = await Issuer.make(t.testdir())
  const warningsAt = async (days: number) => {
    const files = await issuer.files('a', ['a.test'], new Date(now.getTime() + days * dayMs))
    return datesToWarnOf(await loadPair(files), now)
  }
  t.match(await warningsAt(-91), [/a\.pem: expired on/])
  t.match(await warningsAt(-77), [/a\.pem: expires on .* in 12 days/])
  t.strictSame(await warningsAt(-75), [], 'with 15 days left there is none')
  t.match(await warningsAt(1), [/a\.pem: not valid before/])
})
