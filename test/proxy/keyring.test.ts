import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readConfig } from '../../proxy/config/load.ts'
import { Keyring } from '../../proxy/keyring.ts'
import { createLog } from '../../proxy/record/log.ts'
import { makeLeaf, makeRoot } from '../../proxy/tls/local-certificate.ts'
import { startEdge, yamlFor } from '../doubles/edge.ts'
import { until } from '../doubles/edge-process.ts'
import { freePorts } from '../doubles/ports.ts'
import { acmeYaml } from '../fixtures/acme-edge.ts'
import { type Script, startScripted } from './acme/ca/scripted-authority.ts'

const nowhere = { directory: 'https://127.0.0.1:9/dir', caFile: '/dev/null' }

/** An edge whose order gets no answer. */
async function startOrdering(t: Test) {
  const seen = { asked: 0, gone: 0 }
  const script: Script = {
    '/dir': request => {
      seen.asked++
      request.socket.once('close', () => seen.gone++)
    }
  }
  const { directory, ca } = await startScripted(t, script)
  const caFile = join(t.testdir(), 'ca.pem')
  await writeFile(caFile, ca)
  const ports = await freePorts(2)
  const yaml = (tls = '', more = '') => acmeYaml({ pebble: { directory, caFile }, ports, tls, more })
  const edge = await startEdge(t, yaml())
  await until(() => seen.asked === 1, 'the order is at the authority')
  return { edge, seen, yaml }
}

t.test('a reload to ACME orders at once; one away from it forgets what failed', async t => {
  const edge = await startEdge(t, yamlFor({ web: 'http://127.0.0.1:9' }))
  const ports = await freePorts(2)
  edge.setYaml(acmeYaml({ pebble: nowhere, ports }))
  await edge.edge.reload()
  await edge.line(({ code }) => code === 'ACME_DIRECTORY_UNREACHABLE')
  edge.setYaml(yamlFor({ web: 'http://127.0.0.1:9' }))
  await edge.edge.reload()
  t.match(edge.edge.keyring.answer(), { mode: 'local', renewals: [], thumbprint: null })
})

t.test('a reload that changes nothing of TLS leaves an order alone', async t => {
  const { edge, seen, yaml } = await startOrdering(t)
  edge.setYaml(yaml('', 'hsts: { max-age: 1d }'))
  t.same((await edge.edge.reload()).changed, ['hsts'])
  t.match(edge.edge.keyring.answer().renewals, [{ state: 'ordering' }])
  t.same(seen, { asked: 1, gone: 0 })
})

t.test('a reload that changes TLS ends the order of before', async t => {
  const { edge, seen, yaml } = await startOrdering(t)
  edge.setYaml(yaml('key-type: rsa'))
  await edge.edge.reload()
  await until(() => seen.gone === 1, 'the process that asked is gone')
})

t.test('what an edge has no domain for any more is not ordered after a reload', async t => {
  const ports = await freePorts(2)
  const edge = await startEdge(t, acmeYaml({ pebble: nowhere, ports }))
  edge.setYaml(acmeYaml({ pebble: nowhere, ports, domains: ['other.test'] }))
  await edge.edge.reload()
  t.match(edge.edge.keyring.answer().renewals, [{ name: 'other.test' }])
  await edge.line(line => line.message === 'certificate not renewed' && `${line.domains}` === 'other.test')
})

t.test('who asks for a renewal does not wait for the next look', async t => {
  const edge = await startEdge(t, acmeYaml({ pebble: nowhere, ports: await freePorts(2) }))
  const failed = () => edge.lines.filter(({ message }) => message === 'certificate not renewed').length
  await until(() => failed() === 1, 'the first order fails')
  const began = performance.now()
  await edge.edge.keyring.renew({ names: [], force: true, dryRun: false, directory: null })
  await until(() => failed() === 2, 'the second is tried')
  t.ok(performance.now() - began < 5_000)
})

t.test('what is stored between the two halves of a reload is served after it', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'te-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const text = `${acmeYaml({ pebble: nowhere, ports: [1, 2] })}\nstate: "${folder}"\n`
  const config = readConfig(text, join(folder, 'edge.yaml'), {})
  const keyring = await Keyring.open(config, createLog({ level: 'silent', pretty: false, destination: { write() {} } }))
  t.teardown(() => keyring.stop())
  const root = await makeRoot(new Date())
  const bring = async (days: number) => {
    const pair = await makeLeaf(root, ['localhost'], new Date(), days)
    await keyring.import({ certificates: [{ source: `${days}`, ...pair }] })
  }
  const daysServed = () => Math.round((Date.parse(keyring.status[0]!.expiresAt) - Date.now()) / 86_400_000)
  await bring(60)
  const prepared = await keyring.prepare({ ...config, graceMs: 5 })
  await bring(90)
  keyring.adopt(prepared)
  await until(() => daysServed() === 90, 'what is on disk is served')
})
