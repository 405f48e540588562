import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { CertificateStore, thumbprintOf } from '../../../proxy/acme/disk/store.ts'
import { type RunningEdge, startEdge, yamlFor } from '../../doubles/edge.ts'
import { until } from '../../doubles/edge-process.ts'
import { type Pebble, pebbleMissing, startPebble } from '../../doubles/pebble/pebble.ts'
import { freePorts } from '../../doubles/ports.ts'
import { acmeYaml, isTrusted } from '../../fixtures/acme-edge.ts'

const skip = pebbleMissing('debian')
const frontend = '127.0.0.1'
const backend = '127.0.0.2'

interface Pair {
  readonly pebble: Pebble
  readonly ports: readonly [number, number]
  yaml(address: string, peer: string | null): string
}

async function startPair(t: Test, env: Record<string, string> = {}): Promise<Pair> {
  const ports = (await freePorts(2)) as [number, number]
  const pebble = await startPebble(t, { httpPort: ports[0], tlsPort: ports[1], env })
  return {
    pebble,
    ports,
    yaml: (address, peer) => {
      const tls = peer === null ? '' : `peer-thumbprint: ${peer}`
      return acmeYaml({ pebble, ports, address, domains: ['site.test'], tls })
    }
  }
}

/** What `twinedge certs` shows, before a certificate has been ordered. */
async function startAlone(t: Test, pair: Pair, address: string): Promise<[string, RunningEdge]> {
  const edge = await startEdge(t, pair.yaml(address, null))
  return [edge.edge.keyring.answer().thumbprint!, edge]
}

/** A state folder with an account in it, as the start before has left it. */
async function makeAccount(t: Test): Promise<[thumbprint: string, folder: string]> {
  const folder = await mkdtemp(join(tmpdir(), 'twinedge-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return [thumbprintOf(await new CertificateStore(folder).accountKey(new Date(), () => {})), folder]
}

t.test('two edges, DNS at one: each gets its own certificate, and the standby is ready', { skip }, async t => {
  const pair = await startPair(t)
  const { pebble, ports } = pair
  await pebble.setDns('site.test', [frontend])
  const [ofFrontend, front] = await startAlone(t, pair, frontend)
  const [ofBackend, back] = await startAlone(t, pair, backend)
  t.not(ofFrontend, ofBackend, 'each has an account of its own')
  await front.line(line => line.message === 'certificate issued')
  // DNS points elsewhere: without the other's thumbprint the standby fails, as it always did.
  const refused = await back.line(line => line.message === 'certificate not renewed')
  t.match(refused, { code: 'ACME_DOMAIN_ELSEWHERE', next: /peer-thumbprint/ })
  for (const [edge, address, peer] of [
    [front, frontend, ofBackend],
    [back, backend, ofFrontend]
  ] as const) {
    edge.setYaml(pair.yaml(address, peer))
    t.same((await edge.edge.reload()).changed, ['tls.peer-thumbprint'])
  }
  await back.edge.keyring.renew({ names: [], force: true, dryRun: false, directory: null })
  await back.line(line => line.message === 'certificate issued')
  t.ok(await isTrusted(pebble.issuingRoot, 'site.test', ports[1], backend))
  // And the one that DNS points at has not lost the gift of renewing its own.
  const serial = front.edge.keyring.answer().renewals[0]!.expiresAt
  await front.edge.keyring.renew({ names: [], force: true, dryRun: false, directory: null })
  await front.line(line => line.message === 'certificate issued' && line !== front.lines[0] && line.until !== serial)
  t.ok(await isTrusted(pebble.issuingRoot, 'site.test', ports[1], frontend))
})

t.test(
  'DNS flips in the middle of an order: it is validated at the other edge, by the same answer',
  { skip },
  async t => {
    // The authority takes its time between being told and looking.
    const pair = await startPair(t, { PEBBLE_VA_NOSLEEP: '0', PEBBLE_VA_SLEEPTIME: '3' })
    const { pebble, ports } = pair
    const [ofFrontend, frontFolder] = await makeAccount(t)
    const [ofBackend, backFolder] = await makeAccount(t)
    await pebble.setDns('site.test', [frontend])
    const edges = [
      await startEdge(t, pair.yaml(frontend, ofBackend), frontFolder),
      await startEdge(t, pair.yaml(backend, ofFrontend), backFolder)
    ] as const
    const [from, to] = edges
    await until(() => from.edge.keyring.answer().renewals[0]!.state === 'ordering', 'the order is open')
    await pebble.setDns('site.test', [backend])
    for (const edge of edges) await edge.line(line => line.message === 'certificate issued')
    const asked = (edge: RunningEdge) => edge.lines.filter(line => `${line.path}`.includes('acme-challenge')).length
    t.same([asked(from) > 0, asked(to) > 0], [false, true], 'the authority came to the edge that DNS points at now')
    for (const address of [frontend, backend]) {
      t.ok(await isTrusted(pebble.issuingRoot, 'site.test', ports[1], address), address)
    }
  }
)

t.test('an edge that has certificates of another kind answers for its peer all the same', async t => {
  const peer = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'
  const token = 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0'
  const edge = await startEdge(t, yamlFor({ web: 'http://127.0.0.1:9' }))
  const ask = async () => {
    const answer = await fetch(`http://127.0.0.1:${edge.httpPort}/.well-known/acme-challenge/${token}`)
    return [answer.status, await answer.text()]
  }
  t.match(await ask(), [404])
  edge.setYaml(yamlFor({ web: 'http://127.0.0.1:9' }, `tls: { mode: local, peer-thumbprint: ${peer} }`))
  t.same((await edge.edge.reload()).changed, ['tls.peer-thumbprint'])
  t.same(await ask(), [200, `${token}.${peer}`])
})
