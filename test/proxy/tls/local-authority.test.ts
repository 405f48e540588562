import { createPrivateKey, X509Certificate } from 'node:crypto'
import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EdgeError } from '../../../proxy/errors.ts'
import { issueLocal, type LocalIssue } from '../../../proxy/tls/local-authority.ts'
import { dayMs, run } from '../../fixtures/certificates.ts'

const now = new Date()
const silent = (message: string): never => {
  throw new Error(`unexpected warning: ${message}`)
}
const issue = (folder: string, rest: Partial<LocalIssue> = {}) =>
  issueLocal({ folder, domains: ['edge.test', '127.0.0.1', '::1'], now, warn: silent, ...rest })
const read = (folder: string) =>
  Object.fromEntries(readdirSync(folder).map(name => [name, readFileSync(join(folder, name), 'utf8')]))

t.test('a first start makes an authority and a certificate that openssl verifies for every name', async t => {
  const folder = join(t.testdir(), 'state', 'local-ca')
  const pair = await issue(folder)
  t.strictSame(readdirSync(folder).sort(), ['leaf.key', 'leaf.pem', 'root.key', 'root.pem'])
  const verify = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', join(folder, 'root.pem')]
  for (const name of [
    ['-verify_hostname', 'edge.test'],
    ['-verify_ip', '127.0.0.1'],
    ['-verify_ip', '::1']
  ]) {
    await run('openssl', [...verify, ...name, join(folder, 'leaf.pem')])
  }
  await t.rejects(run('openssl', [...verify, '-verify_hostname', 'other.test', join(folder, 'leaf.pem')]))
  const leaf = new X509Certificate(pair.cert)
  t.equal(Math.round((leaf.validToDate.getTime() - now.getTime()) / dayMs), 90)
  t.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  t.notOk(leaf.ca)
  t.strictSame(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'for servers only')
  t.ok(leaf.validFromDate.getTime() <= now.getTime() - 3_500_000, 'good for a client whose clock is late')
})

t.test('keys are for their owner only, certificates for everyone, whatever the umask', async t => {
  const folder = t.testdir()
  const before = process.umask(0o077)
  t.teardown(() => process.umask(before))
  await issue(folder)
  const mode = (name: string) => statSync(join(folder, name)).mode & 0o777
  t.strictSame([mode('root.key'), mode('leaf.key')], [0o600, 0o600])
  t.strictSame([mode('root.pem'), mode('leaf.pem')], [0o644, 0o644])
})

t.test('a second start uses what the first made, byte for byte', async t => {
  const folder = t.testdir()
  const first = await issue(folder)
  const before = read(folder)
  t.strictSame(await issue(folder, { domains: ['::1', '127.0.0.1', 'edge.test', 'edge.test'] }), first)
  t.strictSame(read(folder), before)
})

t.test('a domain listed twice is certified once', async t => {
  const folder = t.testdir()
  const twice = { domains: ['edge.test', 'edge.test'] }
  const first = await issue(folder, twice)
  t.equal(new X509Certificate(first.cert).subjectAltName, 'DNS:edge.test')
  t.strictSame(await issue(folder, twice), first)
})

for (const [what, change] of Object.entries({
  'a name was added': { domains: ['edge.test', '127.0.0.1', '::1', 'new.test'] },
  'a name was taken away': { domains: ['edge.test', '127.0.0.1'] },
  'a name was replaced': { domains: ['edge.test', '127.0.0.1', '::2'] },
  'less than 30 days are left': { now: new Date(now.getTime() + 61 * dayMs) },
  'the clock says that it is not valid yet': { now: new Date(now.getTime() - dayMs) }
})) {
  t.test(`there is a new certificate of the same root when ${what}`, async t => {
    const folder = t.testdir()
    const first = await issue(folder)
    const before = read(folder)
    const second = await issue(folder, change)
    t.not(second.cert, first.cert)
    const after = read(folder)
    t.equal(after['root.pem'], before['root.pem'])
    t.equal(after['root.key'], before['root.key'])
    t.equal(after['leaf.pem'], second.cert)
    t.strictSame(await issue(folder, change), second, 'and it is kept')
  })
}

t.test('a certificate with 31 days left is kept', async t => {
  const folder = t.testdir()
  const first = await issue(folder)
  t.strictSame(await issue(folder, { now: new Date(now.getTime() + 59 * dayMs) }), first)
})

const damages: Record<string, (folder: string) => void> = {
  'the certificate is cut short': folder => writeFileSync(join(folder, 'leaf.pem'), '-----BEGIN CERT'),
  'the certificate is empty': folder => writeFileSync(join(folder, 'leaf.pem'), ''),
  'the certificate is gone': folder => rmSync(join(folder, 'leaf.pem')),
  'its key is garbage': folder => writeFileSync(join(folder, 'leaf.key'), '\0\0\0'),
  'its key is another one': folder => writeFileSync(join(folder, 'leaf.key'), readFileSync(join(folder, 'root.key')))
}
for (const [what, damage] of Object.entries(damages)) {
  t.test(`a new certificate of the same root heals the folder when ${what}`, async t => {
    const folder = t.testdir()
    await issue(folder)
    const root = readFileSync(join(folder, 'root.pem'), 'utf8')
    damage(folder)
    const { cert, key } = await issue(folder)
    t.strictSame(read(folder)['leaf.pem'], cert)
    t.strictSame(read(folder)['leaf.key'], key)
    t.ok(new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    t.equal(readFileSync(join(folder, 'root.pem'), 'utf8'), root)
    await run('openssl', ['verify', '-CAfile', join(folder, 'root.pem'), join(folder, 'leaf.pem')])
  })
}

const rootDamages: [what: string, reason: string, damage: (folder: string) => void][] = [
  ['its certificate is cut short', 'damaged', folder => writeFileSync(join(folder, 'root.pem'), '-----BEGIN CERT')],
  ['its key is gone', 'damaged', folder => rmSync(join(folder, 'root.key'))],
  ['its certificate is gone', 'damaged', folder => rmSync(join(folder, 'root.pem'))],
  [
    'its key is another one',
    'its key belongs',
    folder => copyFileSync(join(folder, 'leaf.key'), join(folder, 'root.key'))
  ],
  [
    'it is no authority',
    'it is no authority',
    folder => {
      copyFileSync(join(folder, 'leaf.pem'), join(folder, 'root.pem'))
      copyFileSync(join(folder, 'leaf.key'), join(folder, 'root.key'))
    }
  ]
]
for (const [what, reason, damage] of rootDamages) {
  t.test(`a broken root is moved aside and made anew, with a warning, when ${what}`, async t => {
    const folder = t.testdir()
    await issue(folder)
    damage(folder)
    const before = read(folder)
    const warnings: string[] = []
    const pair = await issue(folder, { warn: message => warnings.push(message) })
    t.equal(warnings.length, 1)
    t.match(warnings[0], join(folder, 'root.pem'), 'it says what to trust now')
    t.match(warnings[0], reason)
    const after = read(folder)
    for (const name of ['root.pem', 'root.key'].filter(name => before[name] !== undefined)) {
      const aside = Object.keys(after).find(other => other.startsWith(`${name}.broken-`))
      t.equal(after[aside ?? ''], before[name], `${name} is kept`)
    }
    await run('openssl', ['verify', '-CAfile', join(folder, 'root.pem'), join(folder, 'leaf.pem')])
    t.strictSame(await issue(folder), pair, 'the next start finds nothing to mend')
  })
}

t.test('a root that would end before its leaf is replaced', async t => {
  const folder = t.testdir()
  await issue(folder)
  const warnings: string[] = []
  const later = new Date(now.getTime() + 3600 * dayMs)
  await issue(folder, { now: later, warn: message => warnings.push(message) })
  t.match(warnings, [/it ends on/])
})

t.test('a clock that jumped back does not cost the root that devices trust', async t => {
  const folder = t.testdir()
  await issue(folder)
  const root = readFileSync(join(folder, 'root.pem'), 'utf8')
  await issue(folder, { now: new Date(0) })
  t.equal(readFileSync(join(folder, 'root.pem'), 'utf8'), root)
})

t.test('a temporary file that a kill left behind is harmless', async t => {
  const folder = t.testdir({ 'root.key.0123456789ab.tmp': '-----BEGIN PRIV', 'leaf.pem.0123456789ab.tmp': '' })
  const pair = await issue(folder)
  t.strictSame(await issue(folder), pair)
  t.notMatch(Object.keys(read(folder)).join(), 'broken')
})

t.test('a folder that cannot be made fails with its path', async t => {
  const folder = join(t.testdir({ state: 'a file' }), 'state', 'local-ca')
  const failure = await issue(folder).catch(error => error)
  t.ok(failure instanceof EdgeError)
  t.equal(failure.code, 'EDGE_STATE_UNWRITABLE')
  t.match(failure.detail, folder)
})
