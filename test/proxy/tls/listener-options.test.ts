import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createSecureServer } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import t from 'tap'
import { Certificates } from '../../../proxy/tls/certificates.ts'
import { tlsOptions } from '../../../proxy/tls/listener-options.ts'
import { Issuer, selfSigned, tlsConfig } from '../../fixtures/certificates.ts'
import { greet, listen, portOf } from '../../fixtures/tls-peer.ts'

const issuer = await Issuer.make(t.testdir())
const load = (domains: string[], certificates: Awaited<ReturnType<Issuer['files']>>[]) => {
  const config = tlsConfig({ domains, tls: { mode: 'files', certificates }, stateFolder: '' })
  return Certificates.load(config, new Date(), message => t.fail(message))
}
const pairs = [await issuer.files('a', ['a.test']), await selfSigned(issuer.folder, 'rsa.test', ['rsa:2048'])]
const certificates = await load(['a.test', 'rsa.test'], pairs)
const alertBytes = 7

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  for (const [what, name] of Object.entries({
    'a name that is not ours': { servername: 'evil.test' },
    'no name': {}
  })) {
    t.test(`over ${version}, ${what} gets an alert and not one byte of a certificate`, async t => {
      const server = await listen(t, () => certificates)
      const seen = await greet(server, { ...name, minVersion: version, maxVersion: version })
      t.match(seen.failure, /ALERT_HANDSHAKE_FAILURE/)
      t.equal(seen.bytes, alertBytes)
      t.equal(seen.names, undefined)
      t.match(await greet(server, { servername: 'a.test' }), { failure: null }, 'and the listener goes on')
    })
  }

  t.test(
    `${version} is spoken, with a certificate of either kind, and resumed by a ticket on any listener`,
    async t => {
      const range = { minVersion: version, maxVersion: version, ca: [issuer.root.cert] }
      const [server, other] = [await listen(t, () => certificates), await listen(t, () => certificates)]
      const rsa = await greet(server, { ...range, servername: 'rsa.test', rejectUnauthorized: false })
      t.match(rsa, { failure: null, protocol: version, names: 'DNS:rsa.test' })
      const first = await greet(server, { ...range, servername: 'a.test' })
      t.match(first, { failure: null, protocol: version, names: 'DNS:a.test', isResumed: false })
      if (first.session === undefined) return t.fail('no ticket came')
      const resumed = await greet(other, { ...range, servername: 'a.test', session: first.session })
      t.match(resumed, { failure: null, isResumed: true })
    }
  )
}

t.test('TLS 1.1 is refused with an alert', async t => {
  const server = await listen(t, () => certificates)
  const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const
  const seen = await greet(server, { ...old, servername: 'a.test' })
  t.match(seen.failure, /ALERT_PROTOCOL_VERSION/)
  t.equal(seen.bytes, alertBytes)
})

t.test('TLS 1.2 without forward secrecy or without authenticated encryption is refused', async t => {
  const server = await listen(t, () => certificates)
  for (const ciphers of ['AES128-GCM-SHA256', 'ECDHE-RSA-AES128-SHA', 'DHE-RSA-AES128-GCM-SHA256']) {
    const seen = await greet(server, { servername: 'rsa.test', maxVersion: 'TLSv1.2', ciphers })
    t.match(seen.failure, /ALERT_HANDSHAKE_FAILURE/, ciphers)
  }
})

t.test('ChaCha20 goes to the client that puts it first, our order to all others', async t => {
  const server = await listen(t, () => certificates)
  const [aes256, aes128, chacha] = ['AES256-GCM-SHA384', 'AES128-GCM-SHA256', 'CHACHA20-POLY1305'].map(
    suite => `ECDHE-ECDSA-${suite}`
  ) as [string, string, string]
  const cipherFor = async (...order: string[]) => {
    const seen = await greet(server, { servername: 'a.test', maxVersion: 'TLSv1.2', ciphers: order.join(':') })
    return seen.cipher
  }
  t.equal(await cipherFor(aes256, aes128), aes128)
  t.equal(await cipherFor(chacha, aes128), chacha)
  t.equal(await cipherFor(aes256, chacha), aes256)
})

t.test('the key exchange resists quantum computers where the client can, and costs others no round trip', async t => {
  const server = await listen(t, () => certificates)
  t.equal((await greet(server, { servername: 'a.test' })).group, 'X25519MLKEM768')
  const classic = await greet(server, { servername: 'a.test', ecdhCurve: 'X25519' })
  t.match(classic, { failure: null, group: /x25519/i })
  // It offers a key for X25519 alone: asking it for the other would be a round trip more (a HelloRetryRequest).
  const both = await greet(server, { servername: 'a.test', ecdhCurve: '*X25519:X25519MLKEM768' })
  t.match(both, { failure: null, group: /^x25519$/i })
})

t.test('ALPN chooses h2 before http/1.1, http/1.1 alone, nothing when not asked, and refuses the rest', async t => {
  const server = await listen(t, () => certificates)
  const alpnFor = (ALPNProtocols: string[]) => greet(server, { servername: 'a.test', ALPNProtocols })
  t.equal((await alpnFor(['http/1.1', 'h2'])).alpn, 'h2')
  t.equal((await alpnFor(['http/1.1'])).alpn, 'http/1.1')
  t.equal((await greet(server, { servername: 'a.test' })).alpn, false)
  t.match((await alpnFor(['spdy/1'])).failure, /ALERT_NO_APPLICATION_PROTOCOL/)
})

t.test('the same options serve HTTP/2 and, beside it, HTTP/1.1', async t => {
  const server = createSecureServer({ ...tlsOptions(() => certificates, 5_000), allowHTTP1: true })
  server.on('request', (request, response) => response.end(request.httpVersion))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  for (const [flag, version] of [
    ['--http2', '2.0'],
    ['--http1.1', '1.1']
  ] as const) {
    const at = `a.test:${(server.address() as { port: number }).port}`
    const curl = spawn('curl', ['-sSk', flag, '--connect-to', `${at}:127.0.0.1:`, `https://${at}/`])
    let answer = ''
    for (const output of [curl.stdout, curl.stderr]) {
      output.on('data', chunk => {
        answer += chunk
      })
    }
    await once(curl, 'close')
    t.equal(answer, version)
  }
})

t.test('a reload is seen by the next handshake, on the same listener', async t => {
  let current = certificates
  const server = await listen(t, () => current)
  t.match(await greet(server, { servername: 'new.test' }), { failure: /HANDSHAKE_FAILURE/ })
  current = await load(['new.test'], [await issuer.files('new', ['new.test'])])
  t.match(await greet(server, { servername: 'new.test' }), { failure: null, names: 'DNS:new.test' })
  t.match(await greet(server, { servername: 'a.test' }), { failure: /HANDSHAKE_FAILURE/ })
})

t.test('a failure while a certificate is looked up costs one handshake, not the process', async t => {
  let isBroken = true
  const server = await listen(t, () => {
    if (isBroken) throw new Error('a bug')
    return certificates
  })
  t.match(await greet(server, { servername: 'a.test' }), { failure: /.+/, names: undefined })
  isBroken = false
  t.match(await greet(server, { servername: 'a.test' }), { failure: null })
})

t.test('a client that never finishes its handshake is cut', async t => {
  const server = await listen(t, () => certificates, 50)
  const failed = once(server, 'tlsClientError') as Promise<[NodeJS.ErrnoException]>
  const silent = connectTcp(portOf(server), '127.0.0.1').resume()
  silent.on('error', () => {})
  const closed = once(silent, 'close')
  const [error] = await failed
  t.equal(error.code, 'ERR_TLS_HANDSHAKE_TIMEOUT')
  await closed
})

t.test('a client cannot renegotiate', async t => {
  const server = await listen(t, () => certificates)
  server.removeAllListeners('secureConnection')
  server.on('secureConnection', socket => socket.on('error', () => {}))
  const at = ['-servername', 'a.test', '-connect', `127.0.0.1:${portOf(server)}`]
  const client = spawn('openssl', ['s_client', '-tls1_2', ...at], { stdio: 'pipe' })
  client.stdin.on('error', () => {})
  let output = ''
  let hasAsked = false
  for (const stream of [client.stdout, client.stderr]) {
    stream.on('data', chunk => {
      output += chunk
      if (hasAsked || !output.includes('Extended master secret')) return
      hasAsked = true
      client.stdin.write('R\n')
    })
  }
  await once(client, 'close') // the refusal ends it
  t.match(output, /RENEGOTIATING/)
  t.match(output, /no renegotiation/)
})
