import t from 'tap'
import { parseSite } from '../../../../compose/laptop/plan/parse.ts'
import { type Part, serverOf, stackKindOf, standbyOf } from '../../../../compose/laptop/plan/site.ts'

const least = `
domains: example.com
servers:
  frontend: { ssh: root@203.0.113.7, address: 203.0.113.7 }
  backend: { ssh: ops@back, address: 198.51.100.4, env: ~/back.env, key: keys/id }
web: { source: ../app/web }
api: { source: ../app, args: "API_APP=excelmanus.api:app" }
`

t.test('paths are relative to the file, and what is left out has its default', async t => {
  const read = parseSite(least, '/home/me/site/deploy.yaml')
  if ('faults' in read) return t.fail(JSON.stringify(read.faults))
  const { site } = read
  t.match(site, {
    name: 'twinedge',
    domains: ['example.com'],
    ship: 'ssh',
    verify: ['/api/v1/health', '/'],
    folder: '/home/me/site'
  })
  t.match(site.servers[0], {
    name: 'frontend',
    folder: '/opt/twinedge',
    envFile: '/home/me/site/frontend.env',
    key: null
  })
  t.match(site.servers[1], { name: 'backend', key: '/home/me/site/keys/id', envFile: /\/back\.env$/ })
  t.notMatch(site.servers[1]?.envFile, /~/)
  t.match(site.parts.api, {
    source: '/home/me/app',
    args: { API_APP: 'excelmanus.api:app' },
    dockerfile: /images\/api\/Dockerfile$/
  })
  t.match(site.hooks, { before: null, after: null, failed: null })
  t.equal(serverOf(site, 'web').name, 'frontend')
  t.equal(serverOf(site, 'api').name, 'backend')
})

t.test('one server has both halves', async t => {
  const text = least.replace(/ {2}frontend:.*\n/, '').replace('backend:', 'single:')
  const read = parseSite(text, '/deploy.yaml')
  if ('faults' in read) return t.fail(JSON.stringify(read.faults))
  for (const part of ['web', 'api'] as Part[]) t.equal(serverOf(read.site, part).name, 'single')
})

t.test('a standby has the stack of a single server; one server alone has none', async t => {
  const read = parseSite(`${least}standby: backend\n`, '/deploy.yaml')
  if ('faults' in read) return t.fail(JSON.stringify(read.faults))
  t.equal(standbyOf(read.site)?.name, 'backend')
  t.same(read.site.servers.map(stackKindOf), ['frontend', 'single'])
  t.equal(serverOf(read.site, 'web').name, 'frontend', 'users get their pages where they got them before')
  const alone = parseSite(
    `${least.replace(/ {2}frontend:.*\n/, '').replace('backend:', 'single:')}standby: backend\n`,
    '/x'
  )
  t.match(alone, { faults: [{ path: 'standby', found: 'backend' }] })
})

t.test('every fault is told at once, with its line and what was expected', async t => {
  const read = parseSite(
    `
domains: exa mple
servers:
  frontend: { ssh: -oProxyCommand=evil, address: host, folder: /opt/../etc }
web: { sorce: . }
api: { source: . }
ship: registry
`,
    '/deploy.yaml'
  )
  if (!('faults' in read)) return t.fail('it was taken')
  const found = Object.fromEntries(read.faults.map(({ path, line, expected }) => [path, { line, expected }]))
  t.match(found, {
    domains: { line: 2 },
    servers: { line: 3, expected: 'frontend and backend, or single alone' },
    'servers.frontend.ssh': { line: 4, expected: /^what ssh takes/ },
    'servers.frontend.address': { expected: /IP address/ },
    'servers.frontend.folder': { expected: /folder on the server/ },
    'web.sorce': { line: 5 },
    'web.image': { expected: /^with ship: registry/ },
    'api.image': { line: 6 }
  })
  t.match(read.faults.find(({ path }) => path === 'web.sorce')?.nearest, 'source')
})

t.test('two servers are two machines', async t => {
  for (const [row, line] of Object.entries({
    ssh: '  backend: { ssh: root@203.0.113.7, address: 198.51.100.4 }',
    address: '  backend: { ssh: back, address: 203.0.113.7 }'
  })) {
    const read = parseSite(least.replace(/^ {2}backend:.*$/m, line), '/deploy.yaml')
    t.match(read, { faults: [{ path: `servers.backend.${row}`, line: 5, expected: /another one/ }] }, row)
  }
  const text = least.replaceAll(/ssh: \S+,/g, 'ssh: server,').replace('key:', 'ssh-config: own, key:')
  t.match(parseSite(text, '/deploy.yaml'), { site: {} }, 'a name means what its configuration says')
})
