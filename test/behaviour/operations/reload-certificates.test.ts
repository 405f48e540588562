import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { readUntil, startEdge, yamlFor } from '../../doubles/edge.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'
import { dayMs, Issuer } from '../../fixtures/certificates.ts'

const get = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'

t.test('certificates from files are read again: new handshakes get the new one, old connections go on', async t => {
  const { edge, issuer, yaml } = await start(t)
  const before = await greet(edge.httpsPort)
  const serial = before.getPeerCertificate().serialNumber
  await issuer.files('one', ['localhost', 'example.test'])
  t.same((await edge.edge.reload()).changed, ['certificates'])
  t.same((await edge.edge.reload()).changed, [])
  const after = await greet(edge.httpsPort)
  t.not(after.getPeerCertificate().serialNumber, serial)
  before.write(get)
  await readUntil(before, 'hi')

  t.comment('a bad pair refuses the reload, and the settings that came with it')
  await writeFile(join(issuer.folder, 'one.key'), (await Issuer.make(issuer.folder)).root.key)
  edge.setYaml(`${yaml}\nlog: { level: warn }`)
  await t.rejects(edge.edge.reload(), { code: 'TLS_KEY_MISMATCH' })
  t.equal(edge.edge.status().logLevel, 'info')
  const still = await greet(edge.httpsPort)
  t.equal(still.getPeerCertificate().serialNumber, after.getPeerCertificate().serialNumber)
  still.write(get)
  await readUntil(still, 'hi')
})

t.test('a name that is added gets its certificate with the reload, and none before', async t => {
  const { edge, issuer, yaml } = await start(t)
  await t.rejects(greet(edge.httpsPort, 'new.test'))
  const wider = yaml.replace('example.test]', 'example.test, new.test]')
  edge.setYaml(wider)
  await t.rejects(edge.edge.reload(), { code: 'TLS_DOMAIN_UNCOVERED', detail: /new\.test/ })
  const files = await issuer.files('two', ['new.test'])
  edge.setYaml(wider.replace('certificates: [', `certificates: [{ cert: "${files.cert}", key: "${files.key}" }, `))
  t.same((await edge.edge.reload()).changed, ['domains', 'tls', 'certificates'])
  t.equal((await greet(edge.httpsPort, 'new.test')).getPeerCertificate().subjectaltname, 'DNS:new.test')
})

async function start(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'twinedge-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const web = await startRawUpstream(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')
  })
  const issuer = await Issuer.make(folder)
  // Yesterday's: what is told apart is when they end.
  const { cert, key } = await issuer.files('one', ['localhost', 'example.test'], new Date(Date.now() - dayMs))
  const tls = `tls: { mode: files, certificates: [{ cert: "${cert}", key: "${key}" }] }`
  const yaml = yamlFor({ web: web.origin }, tls)
  return { edge: await startEdge(t, yaml), issuer, yaml }
}

/** One full handshake: a resumed one would show the certificate of its first. */
async function greet(port: number, servername = 'localhost'): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
  const socket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false }, () => resolve(socket))
  socket.on('error', reject)
  return promise
}
