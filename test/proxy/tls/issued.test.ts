import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { CertificateStore } from '../../../proxy/acme/disk/store.ts'
import { readConfig } from '../../../proxy/config/load.ts'
import { Certificates, issuedFolder } from '../../../proxy/tls/certificates.ts'
import { makeLeaf, makeRoot } from '../../../proxy/tls/local-certificate.ts'
import { acmeYaml } from '../../fixtures/acme-edge.ts'

const dayMs = 86_400_000
const now = new Date()
const root = await makeRoot(new Date(now.getTime() - dayMs))
const nowhere = { directory: 'https://127.0.0.1:9/dir', caFile: '/dev/null' }

async function start(t: Test, domains: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'te-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const yaml = `${acmeYaml({ pebble: nowhere, ports: [1, 2], domains })}\nstate: "${folder}"\n`
  const config = readConfig(yaml, join(folder, 'edge.yaml'), {})
  const load = () => Certificates.load(config, now, () => {})
  return { config, store: new CertificateStore(folder), folder: issuedFolder(folder), load }
}

const daysOf = (certificates: Certificates, domain: string): number => {
  const found = certificates.status.find(({ domains }) => domains.includes(domain))
  return Math.round((Date.parse(found!.expiresAt) - now.getTime()) / dayMs)
}

t.test('with ACME a file that is damaged is told of, at a reload too, and takes down no other domain', async t => {
  const { store, folder, load } = await start(t, ['a.test', 'b.test'])
  await store.write('a.test', await makeLeaf(root, ['a.test'], now, 80))
  await writeFile(join(folder, 'b.test.pem'), 'cut in the mid')
  await writeFile(join(folder, 'a.test.json'), '{}')
  const certificates = await load()
  t.equal(daysOf(certificates, 'a.test'), 80)
  t.equal(daysOf(certificates, 'b.test'), 90, 'of the local authority')
  t.same(
    certificates.status.map(({ domains, isLocal }) => [domains, isLocal]),
    [
      [['a.test'], false],
      [['b.test'], true]
    ]
  )
  t.match(certificates.warningsAt(now), [/^TLS_.*b\.test\.pem/])
  t.equal(certificates.warningsAt(now).length, 1)
})

t.test('of two that are good for a domain the one that lasts longer serves', async t => {
  const { store, load } = await start(t, ['a.test', 'b.test'])
  await store.write('a.test', await makeLeaf(root, ['a.test', 'b.test'], now, 30))
  await store.write('b.test', await makeLeaf(root, ['a.test', 'b.test'], now, 60))
  for (const domain of ['a.test', 'b.test']) t.equal(daysOf(await load(), domain), 60, domain)
})

t.test('a wildcard that was imported serves, though a domain beside it has none and gets the local one', async t => {
  const { store, load } = await start(t, ['x.a.test', 'b.test'])
  await store.write('x.a.test', await makeLeaf(root, ['*.a.test'], now, 30))
  const certificates = await load()
  t.equal(daysOf(certificates, 'x.a.test'), 30)
  t.equal(daysOf(certificates, 'b.test'), 90)
})

t.test('from the local mode to ACME: what serves meanwhile is the local one still, and is told to be', async t => {
  const { config, load } = await start(t, ['a.test'])
  const local = await Certificates.load({ ...config, tls: { mode: 'local' } }, now, () => {})
  t.same(local.makeshift, [])
  const after = await Certificates.load(config, now, () => {}, { before: local })
  t.same([after.makeshift, (await load()).makeshift], [['a.test'], ['a.test']])
})
