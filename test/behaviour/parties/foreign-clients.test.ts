import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startDemoApi } from '../../../proxy/demo/api.ts'
import { startDemoWeb } from '../../../proxy/demo/web.ts'
import { command, type Outcome } from '../../doubles/command.ts'
import { type RunningEdge, startEdge, yamlFor } from '../../doubles/edge.ts'

const without = (program: string, debian: string): string =>
  existsSync(`/usr/bin/${program}`) ? '' : `no ${program} here: apt-get install ${debian}`

async function start(t: Test): Promise<RunningEdge & { readonly root: string }> {
  const api = await startDemoApi()
  const web = await startDemoWeb()
  t.teardown(() => Promise.all([api.close(), web.close()]))
  const edge = await startEdge(t, yamlFor({ web: web.origin, api: api.origin }))
  return { ...edge, root: join(edge.folder, 'local-ca', 'root.pem') }
}

const curlOn =
  (edge: RunningEdge & { readonly root: string }) =>
  (path: string, ...args: string[]): Promise<Outcome> =>
    command('curl', [
      '-sS',
      '--max-time',
      '30',
      '--cacert',
      edge.root,
      ...args,
      `https://localhost:${edge.httpsPort}${path}`
    ])

t.test('curl', { skip: without('curl', 'curl') }, async t => {
  t.test('gets the page over HTTP/1.1 and over HTTP/2, with a certificate that it verifies', async t => {
    const curl = curlOn(await start(t))
    for (const [flag, version] of [
      ['--http1.1', '1.1'],
      ['--http2', '2']
    ] as const) {
      const { code, out, err } = await curl('/', flag, '-w', '\n%{http_version} %{response_code}')
      t.same([code, err], [0, ''])
      t.match(out, /^<!doctype html>/i)
      t.ok(out.endsWith(`\n${version} 200`), version)
    }
  })

  t.test('uploads with Expect: 100-continue, with a length and in chunks, over both', async t => {
    const edge = await start(t)
    const curl = curlOn(edge)
    const file = join(edge.folder, 'upload.bin')
    const bytes = randomBytes(3_000_000)
    await writeFile(file, bytes)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const post = ['-X', 'POST', '-T', file, '-H', 'Expect: 100-continue', '--expect100-timeout', '10']
    for (const flag of ['--http1.1', '--http2']) {
      for (const framing of [[], ['-H', 'Transfer-Encoding: chunked']]) {
        // Without our 100 curl would wait ten seconds: HTTP/1.1 shows it in words.
        const { code, out, err } = await curl('/api/v1/upload', flag, '-v', ...post, ...framing)
        t.equal(code, 0, err)
        t.match(JSON.parse(out), { bytes: bytes.length, sha256 })
        if (flag === '--http1.1') t.match(err, 'HTTP/1.1 100 Continue')
      }
    }
  })

  t.test('sees tokens as they come, and an answer that was cut as one that was cut', async t => {
    const curl = curlOn(await start(t))
    for (const flag of ['--http1.1', '--http2']) {
      const stream = await curl(
        '/api/v1/chat/stream?n=5&ms=50',
        flag,
        '-N',
        '-d',
        '{}',
        '-w',
        '\n%{time_starttransfer}'
      )
      t.equal(stream.code, 0)
      t.equal(stream.out.match(/"token"/g)?.length, 5)
      t.ok(Number(stream.out.split('\n').at(-1)) < 0.25, 'the head came before the last token')
      const died = await curl('/api/v1/die?after=1000', flag)
      t.ok([18, 92].includes(died.code ?? 0), `${flag}: partial file or stream error: ${died.code}`)
    }
  })
})

t.test(
  'h2load: 2000 requests on ten connections, ten at a time each, none fails',
  { skip: without('h2load', 'nghttp2-client') },
  async t => {
    const edge = await start(t)
    const url = `https://localhost:${edge.httpsPort}/login`
    const { code, out } = await command('h2load', ['-n', '2000', '-c', '10', '-m', '10', url])
    t.equal(code, 0)
    t.match(out, '2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout')
    t.match(out, 'status codes: 2000 2xx')
    t.equal(edge.edge.status().inFlight, 0)
  }
)

t.test(
  'openssl: TLS 1.2 and 1.3 and nothing older; a name that is not ours gets no certificate',
  { skip: without('openssl', 'openssl') },
  async t => {
    const edge = await start(t)
    const shake = (...args: string[]): Promise<Outcome> => {
      const place = ['-connect', `127.0.0.1:${edge.httpsPort}`, '-CAfile', edge.root, '-verify_return_error']
      return command('openssl', ['s_client', ...place, ...args])
    }
    for (const version of ['-tls1_2', '-tls1_3']) {
      const { code, out } = await shake(version, '-servername', 'localhost', '-alpn', 'h2,http/1.1')
      t.equal(code, 0, version)
      t.match(out, /ALPN protocol: h2/)
      t.match(out, /Verify return code: 0 \(ok\)/)
    }
    const old = await shake('-tls1_1', '-cipher', 'ALL:@SECLEVEL=0', '-servername', 'localhost')
    t.not(old.code, 0, 'TLS 1.1')
    const stranger = await shake('-servername', 'elsewhere.example')
    t.not(stranger.code, 0)
    t.match(stranger.out, 'no peer certificate available')
  }
)
