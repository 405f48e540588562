import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { EdgeConfig } from '../../../proxy/config/config.ts'
import { loadConfig } from '../../../proxy/config/load.ts'
import { least } from './written.ts'

const examples = fileURLToPath(new URL('../../../docs/examples', import.meta.url))

/** What section 6 of the manual asks of either server. */
function manual(config: EdgeConfig): object {
  return {
    server: config.server,
    domains: config.domains,
    ports: [...config.listen.http, ...config.listen.https],
    tls: config.tls,
    origins: [...config.upstreams].map(([name, { slots, health }]) => [
      name,
      [...slots.values()],
      health?.path,
      health?.body
    ]),
    routes: config.routes.map(({ path, upstream, stream, learn, idleMs, bodyLimitBytes }) => [
      ...[path, upstream, stream || learn !== null],
      ...[idleMs, bodyLimitBytes]
    ]),
    trusted: config.trustedProxies,
    link: config.link
  }
}

const both = {
  domains: ['example.com', 'www.example.com'],
  ports: [
    { host: '::', port: 80 },
    { host: '::', port: 443 }
  ],
  routes: [
    ['/api/v1/chat/stream', 'api', true, 600_000, 104_857_600],
    ['/api/v1/chat/subscribe', 'api', true, 600_000, 104_857_600],
    ['/api/v1/jobs/', 'api', true, 600_000, 104_857_600],
    ['/api/', 'api', false, 300_000, 104_857_600],
    ['/', 'web', false, 300_000, 104_857_600]
  ],
  trusted: []
}

const acme = {
  mode: 'acme',
  email: 'ops@example.com',
  directory: 'https://acme-v02.api.letsencrypt.org/directory',
  directoryCa: null,
  profile: null,
  grouping: 'per-domain',
  keyType: 'ecdsa',
  challenges: ['http-01', 'tls-alpn-01'],
  eab: null
}

const linkTo = (host: string): object => ({
  listen: [{ host: '::', port: 7443 }],
  peer: { host, port: 7443 },
  from: []
})

t.test("what the examples have in comments is the manual's set-up, without a link", async t => {
  const plain = async (server: string): Promise<unknown> => {
    const text = await readFile(`${examples}/${server}.yaml`, 'utf8')
    const file = `${t.testdir()}/${server}.yaml`
    await writeFile(
      file,
      text
        .replace(/^link:\n.*\n/m, '')
        .replace(/origin: peer/, '')
        .replace(/# (origin|health):/g, '$1:')
    )
    const { link, upstreams } = await loadConfig(file, {})
    return [
      link,
      ...[...upstreams.values()].flatMap(({ name, slots, health }) => [name, slots.get('only'), health?.path])
    ]
  }
  const [api, health] = ['http://203.0.113.7:8000', '/api/v1/health']
  t.strictSame(await plain('frontend'), [null, 'api', api, health, 'web', undefined, '/login'])
  t.strictSame(await plain('backend'), [null, 'api', undefined, health, 'web', 'http://198.51.100.4:3000', '/login'])
})

t.test('the example of the frontend server sends /api across and keeps the rest', async t => {
  t.strictSame(manual(await loadConfig(`${examples}/frontend.yaml`, {})), {
    ...both,
    server: 'frontend',
    tls: acme,
    origins: [
      ['api', ['peer'], undefined, undefined],
      ['web', ['http://127.0.0.1:3001', 'http://127.0.0.1:3002'], '/login', null]
    ],
    link: linkTo('203.0.113.7')
  })
})

t.test('the example of the backend server is its mirror image', async t => {
  t.strictSame(manual(await loadConfig(`${examples}/backend.yaml`, {})), {
    ...both,
    server: 'backend',
    tls: acme,
    origins: [
      ['api', ['http://127.0.0.1:8001', 'http://127.0.0.1:8002'], '/api/v1/health', '"status":"ok"'],
      ['web', ['peer'], undefined, undefined]
    ],
    link: linkTo('198.51.100.4'),
    // And what is asked about a stream, by its name.
    routes: both.routes.toSpliced(2, 0, ['/api/v1/chat/', 'api', false, 300_000, 104_857_600])
  })
})

t.test('the environment is written over the file', async t => {
  const config = await loadConfig(`${examples}/backend.yaml`, { EDGE_LISTEN_HTTPS: '127.0.0.1:8443' })
  t.strictSame(config.listen.https, [{ host: '127.0.0.1', port: 8443 }])
})

t.test('a file that is not there, or is a folder, is CONFIG_MISSING', async t => {
  await t.rejects(loadConfig(`${examples}/nowhere.yaml`, {}), {
    code: 'CONFIG_MISSING',
    detail: /nowhere\.yaml: there is no such file/
  })
  await t.rejects(loadConfig(examples, {}), { code: 'CONFIG_MISSING', detail: /it is a folder/ })
})

t.test('a wrong file is CONFIG_INVALID, with every fault as the terminal shows it', async t => {
  const file = `${t.testdir()}/edge.yaml`
  await writeFile(file, `${least}grace: 5 parsecs\nlimits: { head: x }\n`)
  await t.rejects(loadConfig(file, {}), {
    code: 'CONFIG_INVALID',
    detail:
      /edge\.yaml:5 {2}grace {8}found "5 parsecs", expected a duration.*\n.*edge\.yaml:6 {2}limits\.head {2}found "x"/
  })
})
