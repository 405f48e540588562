import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { makeLeaf, makeRoot } from '../../../proxy/tls/local-certificate.ts'
import { failureOfConnect } from '../../../proxy/upstream/connector.ts'

const DAY_MS = 86_400_000
const run = promisify(execFile)
const folder = join(import.meta.dirname, '../../../proxy')

/** Sends one GET, as the edge would, from a process of its own: Node reads NODE_EXTRA_CA_CERTS once, when it starts. */
const script = `
  import { Deadlines } from '${folder}/deadlines.ts'
  import { connectorTo } from '${folder}/upstream/connector.ts'
  import { Pool } from '${folder}/upstream/pool.ts'
  const pool = new Pool(connectorTo(process.argv[1], 5_000), 4_000, 0, new Deadlines())
  let text = ''
  const connection = pool.take()
  connection.send('GET / HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n', 'GET', false, {
    onInform() {}, onWritable() {}, onUpgrade() {}, onReadEnd() {},
    onHead(head) { text += head.status + ' ' },
    onBodyData(chunk) { text += chunk.toString() },
    onBodyEnd() { console.log(text); process.exit() },
    onFailure(error) { console.log(error.code); process.exit() }
  })
  connection.endRequest([])
`

const root = await makeRoot(new Date(Date.now() - 400 * DAY_MS))
const rootFile = join(t.testdir({}), 'root.pem')
await writeFile(rootFile, root.cert)

/** Counts what it was asked. */
async function startSecure(t: Test, names: readonly string[], issuedAt = new Date()) {
  const { cert, key } = await makeLeaf(root, names, issuedAt)
  const asked: string[] = []
  const server = createServer({ cert, key }, (request, answer) => {
    asked.push(request.url!)
    answer.end(`by HTTP/${request.httpVersion}`)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { origin: `https://localhost:${(server.address() as AddressInfo).port}`, asked }
}

async function get(origin: string, extraCa?: string): Promise<string> {
  const { NODE_OPTIONS: _, NODE_EXTRA_CA_CERTS: __, ...env } = process.env
  const trust = extraCa === undefined ? {} : { NODE_EXTRA_CA_CERTS: extraCa }
  const args = ['--input-type=module', '--eval', script, origin]
  const { stdout } = await run(process.execPath, args, { env: { ...env, ...trust }, timeout: 20_000 })
  return stdout.trim()
}

t.test('an https upstream answers when its certificate is trusted', async t => {
  const { origin } = await startSecure(t, ['localhost'])
  t.equal(await get(origin, rootFile), '200 by HTTP/1.1')
})

const bad = {
  'from an issuer that is not trusted': [['localhost'], new Date(), undefined],
  'for another name': [['other.example'], new Date(), rootFile],
  'that is over': [['localhost'], new Date(Date.now() - 365 * DAY_MS), rootFile]
} as const
for (const [what, [names, issuedAt, trusted]] of Object.entries(bad)) {
  t.test(`an https upstream with a certificate ${what} is a failure, and is sent nothing`, async t => {
    const { origin, asked } = await startSecure(t, names, issuedAt)
    t.equal(await get(origin, trusted), 'EDGE_UPSTREAM_TLS')
    t.strictSame(asked, [])
  })
}

t.test('an upstream that does not speak TLS is a failure of TLS', async t => {
  const { startRawUpstream } = await import('../../doubles/raw-upstream.ts')
  const upstream = await startRawUpstream(t, socket => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
  t.equal(await get(`https://127.0.0.1:${upstream.port}`), 'EDGE_UPSTREAM_TLS')
})

t.test('what stopped a connection has a name of ours', async t => {
  const failure = (code: string, message = 'said the kernel') =>
    failureOfConnect(Object.assign(new Error(message), { code }))
  t.match(failure('ECONNREFUSED'), { code: 'EDGE_UPSTREAM_REFUSED', detail: 'said the kernel' })
  t.match(failure('ETIMEDOUT'), { code: 'EDGE_UPSTREAM_CONNECT_TIMEOUT' })
  for (const code of ['ENETUNREACH', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'ECONNRESET']) {
    t.match(failure(code), { code: 'EDGE_UPSTREAM_UNREACHABLE' }, code)
  }
  for (const code of ['ERR_TLS_CERT_ALTNAME_INVALID', 'SELF_SIGNED_CERT_IN_CHAIN', 'CERT_HAS_EXPIRED', 'EPROTO']) {
    t.match(failure(code), { code: 'EDGE_UPSTREAM_TLS' }, code)
  }
  t.match(failure('ECONNREFUSED', ''), { detail: 'ECONNREFUSED' }, 'all addresses of a name: no message of its own')
  t.match(failureOfConnect(null), { code: 'EDGE_UPSTREAM_UNREACHABLE', detail: 'closed while connecting' })
})
