import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { CertificateStore, thumbprintOf } from '../../../proxy/acme/disk/store.ts'
import { twinedge } from '../../doubles/command.ts'
import { startEdge } from '../../doubles/edge.ts'
import { pebbleMissing, startPebble } from '../../doubles/pebble/pebble.ts'
import { freePorts } from '../../doubles/ports.ts'
import { acmeYaml, isTrusted, shownFor } from '../../fixtures/acme-edge.ts'
import { dayMs, Issuer, selfSigned } from '../../fixtures/certificates.ts'

const skip = pebbleMissing('debian')
const nowhere = { directory: 'https://127.0.0.1:9/dir', caFile: '/dev/null' }

async function start(t: Test, domains: readonly string[]) {
  const ports = await freePorts(2)
  const pebble = await startPebble(t, { httpPort: ports[0]!, tlsPort: ports[1]! })
  const yaml = acmeYaml({ pebble, ports, domains })
  const edge = await startEdge(t, yaml)
  await edge.line(line => line.message === 'certificate issued' && `${line.domains}` === domains.at(-1))
  const serves = (domain: string) => isTrusted(pebble.issuingRoot, domain, ports[1]!)
  return { edge, yaml, ports, serves, certificates: join(edge.folder, 'acme', 'certificates') }
}

const isIssued = (domain: string) => (line: Record<string, unknown>) =>
  line.message === 'certificate issued' && `${line.domains}` === domain

t.test(
  'a file that is damaged or gone while the edge runs takes nothing away, and is ordered anew',
  { skip },
  async t => {
    const { edge, serves, certificates } = await start(t, ['a.test', 'b.test'])
    const path = join(certificates, 'b.test.pem')
    const count = () => edge.lines.filter(isIssued('b.test')).length
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, 500))
    // Whatever has it read: a reload, or the other certificate's renewal.
    await edge.edge.reload()
    t.ok(await serves('b.test'), 'what was read before serves')
    t.equal(count(), 1)
    await edge.line(line => isIssued('b.test')(line) && line !== edge.lines.find(isIssued('b.test')))
    t.ok(await serves('b.test'))

    const thumbprint = edge.edge.keyring.answer().thumbprint
    rmSync(join(edge.folder, 'acme'), { recursive: true })
    await edge.edge.reload()
    t.same([await serves('a.test'), await serves('b.test')], [true, true], 'with the whole folder gone, too')
    const third = edge.lines.filter(isIssued('b.test')).length
    await edge.line(() => edge.lines.filter(isIssued('b.test')).length > third)
    const key = await new CertificateStore(edge.folder).accountKey(new Date(), () => {})
    t.equal(thumbprintOf(key), thumbprint, 'the account is still the one that the peer knows')
  }
)

t.test("what is on disk of one certificate keeps nobody's edge from starting", { skip }, async t => {
  const { edge, yaml, serves, certificates } = await start(t, ['a.test', 'b.test'])
  await edge.edge.stop()
  const spoilt = [
    '{"advice":{"about":"x","askAgainAt":"2026-11-22T00:00:00Z","window":5}}',
    '{"lastError":"x","failures":1}',
    '['
  ]
  for (const text of spoilt) {
    writeFileSync(join(certificates, 'b.test.json'), text)
    const again = await startEdge(t, yaml, edge.folder)
    t.same([await serves('a.test'), await serves('b.test')], [true, true], text)
    t.equal((await twinedge(['certs', '--socket', join(edge.folder, 'control.sock')])).code, 0)
    await again.edge.stop()
  }
  rmSync(join(certificates, 'b.test.json'))
  mkdirSync(join(certificates, 'b.test.json'))
  const again = await startEdge(t, yaml, edge.folder)
  t.same([await serves('a.test'), await serves('b.test')], [true, true], 'a folder in its place')
  await again.edge.stop()
  rmSync(join(edge.folder, 'acme', 'account.key'))
  mkdirSync(join(edge.folder, 'acme', 'account.key'))
  await startEdge(t, yaml, edge.folder)
  t.ok(await serves('a.test'), 'no account: nothing is ordered, everything is served')
  const health = await twinedge(['health', '--socket', join(edge.folder, 'control.sock')])
  t.match(health, { code: 0, out: /warning: nothing is ordered: EDGE_STATE_UNWRITABLE: .*account\.key/ })
})

t.test('what an import brings is what can be served, and no worse than what is there', async t => {
  const ports = await freePorts(2)
  const folder = await mkdtemp(join(tmpdir(), 'twinedge-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const issuer = await Issuer.make(folder)
  const edge = await startEdge(t, acmeYaml({ pebble: nowhere, ports }))
  const pairOf = ({ cert, key }: { cert: string; key: string }, source: string) => ({
    source,
    cert: readFileSync(cert, 'utf8'),
    key: readFileSync(key, 'utf8')
  })
  const bring = (one: ReturnType<typeof pairOf>) => edge.edge.keyring.import({ certificates: [one] })
  const good = pairOf(await issuer.files('good', ['localhost']), 'good')
  t.match(await bring(good), { certificates: [{ names: ['localhost'] }] })
  const early = pairOf(await issuer.files('early', ['localhost'], new Date(Date.now() + 30 * dayMs)), 'early')
  t.match(await bring(early), { certificates: [{ names: [], reason: /not valid before/ }] })
  const weak = pairOf(await selfSigned(folder, 'localhost', ['rsa:1024', '-days', '3000']), 'weak')
  await t.rejects(bring(weak), { code: 'TLS_CERTIFICATE_INVALID', detail: /OpenSSL refuses it/ })
  t.ok(await isTrusted(issuer.root.cert, 'localhost', ports[1]!))
})

t.test(
  'files of domains that are gone, or of an earlier grouping, are neither served nor told of',
  { skip },
  async t => {
    const { edge, yaml, ports, certificates } = await start(t, ['a.test', 'b.test'])
    edge.setYaml(yaml.replace('[a.test, b.test]', '[a.test]'))
    await edge.edge.reload()
    t.ok(existsSync(join(certificates, 'b.test.pem')))
    t.same(
      edge.edge.status().certificates.map(({ domains }) => domains),
      [['a.test']]
    )
    edge.setYaml(yaml.replace('mode: acme', 'mode: acme, grouping: together'))
    await edge.edge.reload()
    await edge.line(isIssued('a.test,b.test'))
    for (const domain of ['a.test', 'b.test']) {
      t.equal((await shownFor(domain, ports[1]!)).subjectaltname, 'DNS:a.test, DNS:b.test')
    }
  }
)

t.test("its own thumbprint is not the peer's", async t => {
  const edge = await startEdge(t, acmeYaml({ pebble: nowhere, ports: await freePorts(2) }))
  const socket = ['--socket', join(edge.folder, 'control.sock')]
  const own = edge.edge.keyring.answer().thumbprint
  edge.setYaml(acmeYaml({ pebble: nowhere, ports: [edge.httpPort, edge.httpsPort], tls: `peer-thumbprint: ${own}` }))
  await edge.edge.reload()
  t.match((await twinedge(['health', ...socket])).out, /tls\.peer-thumbprint is that of this edge itself/)
})
