import { once } from 'node:events'
import { globSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { loadConfig } from '../../../proxy/config/load.ts'
import { startDemoApi } from '../../../proxy/demo/api.ts'
import { startDemoWeb } from '../../../proxy/demo/web.ts'
import { Edge } from '../../../proxy/edge.ts'
import { createLog } from '../../../proxy/record/log.ts'
import { project, twinedge } from '../../doubles/command.ts'
import { readAll, readUntil } from '../../doubles/edge.ts'
import { until } from '../../doubles/edge-process.ts'
import { Issuer } from '../../fixtures/certificates.ts'

const examples = globSync('docs/examples/*.yaml', { cwd: project }).sort()

t.test('there is one example for each server', async t => {
  t.same(
    examples.map(file => basename(file)),
    ['backend.yaml', 'frontend.yaml']
  )
})

for (const file of examples) {
  t.test(`${file} serves the whole site, with nothing changed but ports, addresses and certificates`, async t => {
    const { edge, port, root, env } = await start(t, file)
    await until(() => edge.status().upstreams.some(({ health }) => health === 'up'), 'what is here is healthy')
    for (const host of ['example.com', 'www.example.com']) {
      const ask = async (line: string): Promise<string> => {
        const client = await connect(port, host, root)
        client.write(`${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
        return readAll(client)
      }
      t.match(await ask('GET /login'), /^HTTP\/1\.1 200 .*x-demo-server: demo-web/s)
      t.match(await ask('GET /api/v1/health'), /^HTTP\/1\.1 200 .*x-demo-server: demo-api.*\{"status":"ok"\}/s)
      const client = await connect(port, host, root)
      const post = 'POST /api/v1/chat/stream?ms=5 HTTP/1.1\r\nAccept-Encoding: gzip\r\nContent-Length: 2'
      client.write(`${post}\r\nHost: ${host}\r\n\r\n{}`)
      t.match(await readUntil(client, '"token"'), /^HTTP\/1\.1 200 .*content-type: text\/event-stream/s)
      client.destroy()
    }
    await t.rejects(connect(port, 'elsewhere.example', root))
    const counts = /ok \(2 domains, 2 upstreams, [56] routes, a link to 127\.0\.0\.1:9\)/
    t.match(await twinedge(['check', file], env), { code: 0, out: counts })
  })
}

async function start(t: Test, file: string) {
  const folder = await mkdtemp(join(tmpdir(), 'twinedge-'))
  const [api, web] = await Promise.all([startDemoApi(), startDemoWeb()])
  const issuer = await Issuer.make(folder)
  const { cert, key } = await issuer.files('site', ['example.com', 'www.example.com'])
  const env = {
    EDGE_LISTEN_HTTP: '127.0.0.1:0',
    EDGE_LISTEN_HTTPS: '127.0.0.1:0',
    EDGE_STATE: folder,
    // Where nothing answers: what is the other server's is reached as the manual has it.
    EDGE_LINK: '{ peer: "127.0.0.1:9", listen: "127.0.0.1:0" }',
    EDGE_TLS: `{ mode: files, certificates: [{ cert: "${cert}", key: "${key}" }] }`,
    [file.includes('backend') ? 'EDGE_UPSTREAMS_API_SLOTS_BLUE' : 'EDGE_UPSTREAMS_API_ORIGIN']: api.origin,
    [file.includes('frontend') ? 'EDGE_UPSTREAMS_WEB_SLOTS_BLUE' : 'EDGE_UPSTREAMS_WEB_ORIGIN']: web.origin
  }
  const log = createLog({ level: 'info', pretty: false, destination: { write: () => {} } })
  const load = (): ReturnType<typeof loadConfig> => loadConfig(join(project, file), env)
  const edge = await Edge.start({ load, log, configFile: file, version: '0.0.0' })
  t.teardown(async () => {
    await edge.stop()
    await Promise.all([api.close(), web.close()])
    await rm(folder, { recursive: true, force: true })
  })
  return { edge, port: edge.port('https'), root: issuer.root.cert, env }
}

async function connect(port: number, servername: string, ca: string): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', servername, ca })
  await once(socket, 'secureConnect')
  return socket.on('error', () => {})
}
