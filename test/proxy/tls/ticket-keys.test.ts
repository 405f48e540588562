import { once } from 'node:events'
import { type ConnectionOptions, connect } from 'node:tls'
import t from 'tap'
import { Certificates } from '../../../proxy/tls/certificates.ts'
import { tlsOptions } from '../../../proxy/tls/listener-options.ts'
import { TicketKeys } from '../../../proxy/tls/ticket-keys.ts'
import { type Listening, startHttps } from '../../doubles/listening.ts'
import { Issuer, tlsConfig } from '../../fixtures/certificates.ts'

const hourMs = 3_600_000
const issuer = await Issuer.make(t.testdir())
const certificates = await Certificates.load(
  tlsConfig({
    domains: ['a.test'],
    tls: { mode: 'files', certificates: [await issuer.files('a', ['a.test'])] },
    stateFolder: ''
  }),
  new Date(),
  message => t.fail(message)
)

interface Visit {
  readonly isResumed: boolean
  readonly answer: string
  readonly session: Buffer | undefined
}

/** A handshake and a request. */
async function visit({ listener }: Listening, options: ConnectionOptions): Promise<Visit> {
  const at = { port: listener.port, host: '127.0.0.1', servername: 'a.test', ca: issuer.root.cert }
  const client = connect({ ...at, ...options })
  let session: Buffer | undefined
  let answer = ''
  client.on('session', ticket => (session = ticket))
  client.on('data', chunk => {
    answer += chunk
  })
  await once(client, 'secureConnect')
  const isResumed = client.isSessionReused()
  client.write('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')
  await once(client, 'close')
  return { isResumed, answer, session }
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  t.test(
    `over ${version}, a ticket is good until the keys have had their time; then it costs a full handshake`,
    async t => {
      let now = 0
      const keys = new TicketKeys(() => now)
      const tls = (handshakeMs: number) => tlsOptions(() => certificates, handshakeMs, keys)
      const [one, other] = [await startHttps(t, { tls }), await startHttps(t, { tls })]
      const range = { minVersion: version, maxVersion: version }
      const first = await visit(one, range)
      t.match(first, { isResumed: false, session: Buffer })
      const ticket = first.session === undefined ? {} : { session: first.session }
      now = 12 * hourMs - 1
      for (const listening of [one, other]) {
        t.match(await visit(listening, { ...range, ...ticket }), { isResumed: true, answer: /^HTTP\/1\.1 200 / })
      }
      now = 12 * hourMs
      for (const listening of [one, other]) {
        t.match(await visit(listening, { ...range, ...ticket }), { isResumed: false, answer: /^HTTP\/1\.1 200 / })
      }
      const second = await visit(one, range)
      const next = second.session === undefined ? {} : { session: second.session }
      t.match(await visit(other, { ...range, ...next }), { isResumed: true })
    }
  )
}

t.test('keys are the same buffer until their time is over, and never come again', async t => {
  let now = 0
  const keys = new TicketKeys(() => now)
  const seen = new Set<string>()
  for (let turn = 0; turn < 10; turn++) {
    const { current } = keys
    t.equal(current.length, 48)
    t.equal(keys.current, current)
    seen.add(current.toString('hex'))
    now += 12 * hourMs
  }
  t.equal(seen.size, 10)
})
