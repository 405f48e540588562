import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { connectRaw, readUntil, startEdge } from '../../doubles/edge.ts'
import { pebbleMissing, startPebble } from '../../doubles/pebble/pebble.ts'
import { freePorts } from '../../doubles/ports.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'
import { acmeYaml, isTrusted, shownFor } from '../../fixtures/acme-edge.ts'

const skip = pebbleMissing('debian')

t.test('the first start with no certificate', { skip }, async t => {
  const ports = await freePorts(2)
  const [httpPort, httpsPort] = ports as [number, number]
  const pebble = await startPebble(t, { httpPort, tlsPort: httpsPort })
  const upstream = await startRawUpstream(t, socket => {
    const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
    socket.write(`${head}6\r\nfirst\n\r\n`)
  })
  const domains = ['localhost', 'shop.test']
  const edge = await startEdge(t, acmeYaml({ pebble, ports, domains, origin: upstream.origin }))

  const before = await shownFor('localhost', httpsPort)
  t.match(before.issuer.CN, /^twinedge local authority/, 'the local one is served at once')
  // A connection and a request that the change must not notice.
  const open = await connectRaw(edge)
  open.write('GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await readUntil(open, 'first')

  for (const domain of domains) {
    await edge.line(line => line.message === 'certificate issued' && `${line.domains}` === domain)
    t.ok(
      await isTrusted(pebble.issuingRoot, domain, httpsPort),
      `${domain} is served with a certificate of the authority`
    )
  }
  t.equal((await shownFor('shop.test', httpsPort)).subjectaltname, 'DNS:shop.test', 'one for each domain')
  upstream.connections[0]!.write('7\r\nsecond\n\r\n0\r\n\r\n')
  await readUntil(open, 'second')
  t.pass('what was open goes on')

  t.match(edge.edge.status().renewals, [
    { name: 'localhost', state: 'waiting', failures: 0, issuer: /Pebble/, lastError: null },
    { name: 'shop.test', state: 'waiting' }
  ])
  const pem = readFileSync(join(edge.folder, 'acme', 'certificates', 'localhost.pem'), 'utf8')
  t.match(pem, /BEGIN CERTIFICATE[\s\S]*BEGIN CERTIFICATE[\s\S]*BEGIN PRIVATE KEY/)
  const said = JSON.stringify(edge.lines)
  t.notMatch(said, /PRIVATE KEY|BEGIN CERT/, 'no key in the log')

  await edge.edge.stop()
  const again = await startEdge(t, acmeYaml({ pebble, ports, domains, origin: upstream.origin }), edge.folder)
  t.ok(await isTrusted(pebble.issuingRoot, 'localhost', httpsPort), 'the next start serves them from the first moment')
  t.equal(again.lines.filter(line => line.message === 'certificate issued').length, 0)
})

t.test('several domains in one certificate, over port 443 alone', { skip }, async t => {
  const ports = await freePorts(2)
  const [httpPort, httpsPort] = ports as [number, number]
  const pebble = await startPebble(t, { httpPort, tlsPort: httpsPort })
  const tls = 'grouping: together, challenges: tls-alpn-01, key-type: rsa'
  const edge = await startEdge(t, acmeYaml({ pebble, ports, domains: ['localhost', 'shop.test'], tls }))
  await edge.line(line => line.message === 'certificate issued')
  const shown = await shownFor('shop.test', httpsPort)
  t.equal(shown.subjectaltname, 'DNS:localhost, DNS:shop.test')
  t.equal(shown.bits, 2048)
  t.notMatch(JSON.stringify(edge.lines), /acme-challenge/, 'nobody came to port 80')
})
