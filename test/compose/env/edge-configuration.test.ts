import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Environment, type Server, servers } from '../../../compose/env/environment.ts'
import type { EdgeConfig } from '../../../proxy/config/config.ts'
import { parseConfig } from '../../../proxy/config/parse.ts'
import { project } from '../../doubles/command.ts'
import { filled } from './filled.ts'

const files = { frontend: ['frontend'], backend: ['backend'], single: ['frontend', 'backend'] } as const

/** `${A}`, `${A:-b}` and `${A:+b}`, the innermost first: as Compose puts values in, where empty is not set. */
function interpolated(text: string, env: Environment): string {
  const innermost = /\$\{(\w+)(?::([-+])([^${}]*))?\}/
  for (let found = innermost.exec(text); found !== null; found = innermost.exec(text)) {
    const [all, name = '', sign, other = ''] = found
    const value = env[name] || undefined
    text = text.replace(all, () => (sign === '+' ? value && other : (value ?? other)) ?? '')
  }
  return text
}

/** What the edge's container of these compose files runs on. */
function configOf(server: Server, env: Environment): EdgeConfig {
  const own: Record<string, string> = {}
  for (const side of files[server]) {
    const text = readFileSync(join(project, `docker-compose.${side}.yml`), 'utf8')
    for (const [, name = '', value = ''] of text.matchAll(/^ {6}(EDGE_\w+): (.*?)(?: #.*)?$/gm))
      own[name] = interpolated(value.replace(/^""$/, ''), env)
  }
  const text = readFileSync(join(project, `images/proxy/${server}.yaml`), 'utf8')
  const parsed = parseConfig(text, { file: `${server}.yaml`, folder: '/etc/twinedge', env: own })
  if ('faults' in parsed) throw new Error(JSON.stringify(parsed.faults))
  return parsed.config
}

function originsOf({ upstreams }: EdgeConfig, name: string): string[] {
  return [...(upstreams.get(name)?.slots.values() ?? [])]
}

for (const server of servers) {
  t.test(`${server}: nothing said is no link, and no port for one`, async t => {
    const config = configOf(server, { LINK_PORT: '7500', LINK_FROM: '10.0.0.7', API_ELSE: 'peer' })
    t.equal(config.link, null)
    t.notOk([...config.upstreams.values()].some(({ hasElse }) => hasElse))
  })

  t.test(`${server}: its example, filled in, is what its edge runs on`, async t => {
    const config = configOf(server, filled(server))
    t.strictSame(config.domains, ['site.cn', 'www.site.cn'])
    t.equal(config.link === null, server === 'single')
  })
}

t.test("with a link, what a server lacks is the other one's, and so are its pages while they are down", async t => {
  const env = { LINK_PEER: '10.0.0.7', LINK_PORT: '7500', LINK_FROM: '[10.0.0.8, fd00::/8]' }
  const frontend = configOf('frontend', { ...env, API_ORIGIN: 'peer' })
  t.strictSame(frontend.link, {
    listen: [{ host: '::', port: 7500 }],
    peer: { host: '10.0.0.7', port: 7500 },
    from: ['10.0.0.8/32', 'fd00::/8']
  })
  t.same([originsOf(frontend, 'api'), frontend.upstreams.get('web')?.hasElse], [['peer'], true])
  const backend = configOf('backend', { ...env, WEB_ORIGIN: 'peer' })
  t.same([originsOf(backend, 'web'), backend.upstreams.get('api')?.hasElse], [['peer'], false])
  const single = configOf('single', { LINK_PEER: '[fd00::7]:7443' })
  t.same([single.upstreams.get('web')?.hasElse, single.upstreams.get('api')?.hasElse], [true, false])
  for (const server of ['backend', 'single'] as const) {
    const both = configOf(server, {
      LINK_PEER: 'us.site.cn',
      API_ELSE: 'peer',
      WEB_ORIGIN: server === 'single' ? '' : 'peer'
    })
    t.ok(
      both.upstreams.get('api')?.hasElse,
      'the API of another server has other data, unless it is said that it has not'
    )
  }
})

t.test('with a link, an origin is one as before', async t => {
  const config = configOf('frontend', { LINK_PEER: '10.0.0.7', API_ORIGIN: 'https://api.site.cn' })
  t.same(originsOf(config, 'api'), ['https://api.site.cn'])
  t.ok(config.upstreams.get('api')?.health, 'which is probed from here')
})
