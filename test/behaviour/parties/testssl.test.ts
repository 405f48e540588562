import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startEdge, yamlFor } from '../../doubles/edge.ts'
import { Issuer } from '../../fixtures/certificates.ts'

interface Finding {
  readonly id: string
  readonly severity: string
  readonly finding: string
}

/** Nothing that an operator would have to look at. */
const fine = new Set(['OK', 'INFO', 'LOW'])

/** What is not the listener's doing, here on a loopback address with an authority made for this test. */
const unavoidable: Record<string, string> = {
  cert_revocation: 'the authority of this test has neither CRL nor OCSP',
  secure_renego: 'asked without a server name, to which the edge shows no certificate; asked with one below'
}

/** All sections but `-e` and `-c` (each cipher of openssl, and what old browsers would choose of them), which `-s` and `-P` cover. */
const sections = ['-p', '-s', '-f', '-P', '-S', '-h', '-U']

/** A site as its developers should have made it: what testssl asks of the site is not the edge's. */
async function startSite(t: Test): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeaders(
      new Map([
        ['content-type', 'text/html'],
        ['content-security-policy', "default-src 'self'; frame-ancestors 'none'"],
        ['referrer-policy', 'no-referrer'],
        ['x-content-type-options', 'nosniff'],
        ['x-frame-options', 'DENY']
      ])
    )
    response.end('<!doctype html><title>site</title>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close().closeAllConnections())
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

/** An edge on a certificate for two names, with every setting that makes it stricter. */
async function start(t: Test): Promise<{ port: number; folder: string; ca: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'twinedge-testssl-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const issuer = await Issuer.make(folder)
  const ca = join(folder, 'root.pem')
  await writeFile(ca, issuer.root.cert)
  const { cert, key } = await issuer.files('site', ['localhost', 'example.test'])
  const tls = `tls: { mode: files, certificates: [{ cert: "${cert}", key: "${key}" }] }`
  const hsts = 'hsts: { max-age: 365d, subdomains: true, preload: true }'
  const edge = await startEdge(t, yamlFor({ web: await startSite(t) }, `${tls}\n${hsts}`))
  return { port: edge.httpsPort, folder, ca }
}

/** Runs it to its end. @returns every finding */
/** Where the machine is so busy that its own connections fail, it says so, and looks once more. */
async function examine(edge: Awaited<ReturnType<typeof start>>): Promise<Finding[]> {
  const findings = await lookOver(edge, 'findings.json')
  const isWhole = !findings.some(({ finding }) => finding.includes('connect problem'))
  return isWhole ? findings : await lookOver(edge, 'second.json')
}

async function lookOver({ port, folder, ca }: Awaited<ReturnType<typeof start>>, file: string): Promise<Finding[]> {
  const json = join(folder, file)
  const quietly = ['--quiet', '--color', '0', '--warnings', 'off', '--nodns', 'none', '--jsonfile', json]
  const at = ['--ip', '127.0.0.1', '--add-ca', ca, `example.test:${port}`]
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn('testssl', [...quietly, ...sections, ...at], {
    env,
    cwd: folder,
    stdio: 'ignore',
    timeout: 100_000
  })
  await once(child, 'close')
  return JSON.parse(await readFile(json, 'utf8'))
}

const isHere = spawnSync('testssl', ['--version'], { stdio: 'ignore' }).error === undefined
const reason = 'testssl is not installed (Debian: testssl.sh)'

t.setTimeout(240_000)
t.test(
  'testssl.sh finds nothing above LOW that the edge could avoid',
  { skip: isHere ? false : reason, timeout: 210_000 },
  async t => {
    const findings = await examine(await start(t))
    const of = (id: string): Finding | undefined => findings.find(one => one.id === id)
    for (const { id, severity, finding } of findings) {
      if (fine.has(severity) || id in unavoidable) continue
      t.fail(`${severity} ${id}: ${finding}`)
    }
    // That it looked at all: each section has said something good.
    for (const id of [
      'TLS1_2',
      'TLS1_3',
      'cipherlist_STRONG',
      'PFS',
      'cipher_order',
      'cert_trust',
      'cert_chain_of_trust',
      'HSTS_time',
      'HSTS_subdomains',
      'HSTS_preload',
      'heartbleed',
      'BREACH',
      'LUCKY13'
    ]) {
      t.equal(of(id)?.severity, 'OK', id)
    }
    t.match(of('sessionresumption_ticket')?.finding, 'supported')
    for (const id of ['SSLv2', 'SSLv3', 'TLS1', 'TLS1_1']) t.match(of(id)?.finding, 'not offered', id)
  }
)

t.test('renegotiation, where a client asks for it by name, is secure (RFC 5746)', async t => {
  const { port } = await start(t)
  const client = spawn(
    'openssl',
    ['s_client', '-tls1_2', '-servername', 'example.test', '-connect', `127.0.0.1:${port}`],
    {
      stdio: ['ignore', 'pipe', 'ignore']
    }
  )
  let out = ''
  client.stdout.on('data', chunk => {
    out += chunk
  })
  await once(client, 'close')
  t.match(out, /Secure Renegotiation IS supported/)
})
