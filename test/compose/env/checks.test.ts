import t from 'tap'
import { faultsOf } from '../../../compose/env/checks.ts'
import { type Environment, type Server, servers } from '../../../compose/env/environment.ts'
import { filled } from './filled.ts'

/** `NAME: expected …` of each fault of a filled-in example with these changes. */
function told(server: Server, changes: Environment): string[] {
  return faultsOf(filled(server, changes), server).map(({ name, expected }) => `${name}: ${expected}`)
}

t.test('a fresh server needs no variable at all, and a trial no secret', async t => {
  for (const server of servers) {
    const own = server === 'single' ? { SERVER: 'single' } : {}
    t.same(faultsOf(own, server), [], server)
    t.same(faultsOf({ ...own, DOMAINS: '[a.test, app.localhost]' }, server), [], server)
  }
})

const refused: readonly [Server, Environment, RegExp][] = [
  ['frontend', { DOMAINS: 'site.cn, www.site.cn' }, /^DOMAINS: brackets: \[site\.cn, www\.site\.cn\]$/],
  ['frontend', { DOMAINS: 'https://site.cn' }, /^DOMAINS: a name without a scheme/],
  ['frontend', { DOMAINS: '[site.cn, -a.cn]' }, /^DOMAINS: names such as/],
  ['frontend', { DOMAINS: '[site.cn, www.example.org]' }, /^DOMAINS: your site's own names$/],
  ['frontend', { TLS_MODE: 'acem' }, /^TLS_MODE: one of local, acme, files; probably acme$/],
  ['frontend', { TLS_MODE: '' }, /^TLS_MODE: acme: browsers refuse a local certificate/],
  ['frontend', { DOMAINS: 'localhost' }, /^TLS_MODE: local, for nobody certifies localhost/],
  ['frontend', { ACME_EMAIL: 'ops at site.cn' }, /^ACME_EMAIL: an e-mail address/],
  ['frontend', { ACME_EMAIL: 'ops@example.com' }, /^ACME_EMAIL: an address of your own, or nothing$/],
  ['frontend', { ACME_DIRECTORY: 'http://ca.site.cn/dir' }, /^ACME_DIRECTORY: https:/],
  ['frontend', { PEER_THUMBPRINT: 'abc' }, /^PEER_THUMBPRINT: a thumbprint of 43/],
  [
    'frontend',
    { API_ORIGIN: '' },
    /^API_ORIGIN: peer, with LINK_PEER; or the .* edge, such as https:\/\/backend\.site\.cn$/
  ],
  [
    'backend',
    { WEB_ORIGIN: '' },
    /^WEB_ORIGIN: peer, with LINK_PEER; or the .* edge, such as https:\/\/frontend\.site\.cn$/
  ],
  ['frontend', { API_ORIGIN: 'http://203.0.113.7:8001' }, /^API_ORIGIN: peer, with LINK_PEER; or the other server's/],
  ['frontend', { API_ORIGIN: 'Peer' }, /^API_ORIGIN: .*http:\/\/Peer/],
  ['backend', { API_ELSE: 'https://a.cn' }, /^API_ELSE: peer$/],
  ['frontend', { LINK_PEER: '' }, /^LINK_PEER: the other server's address: API_ORIGIN needs it$/],
  ['backend', { LINK_PEER: '' }, /^LINK_PEER: the other server's address: WEB_ORIGIN needs it$/],
  ['backend', { LINK_PEER: '', WEB_ORIGIN: 'https://a.cn', API_ELSE: 'peer' }, /^LINK_PEER: .*: API_ELSE needs it$/],
  ['single', { LINK_PEER: '', LINK_FROM: '10.0.0.7' }, /^LINK_PEER: .*: LINK_FROM needs it$/],
  ['single', { LINK_PEER: '', LINK_PORT: '7500' }, /^LINK_PEER: .*: LINK_PORT needs it$/],
  ['frontend', { LINK_PEER: 'https://backend.site.cn' }, /^LINK_PEER: a host without a scheme/],
  ['frontend', { LINK_PEER: 'backend.example.net' }, /^LINK_PEER: the other server's own address$/],
  ['frontend', { LINK_PEER: '198.51.100.4' }, /^LINK_PEER: the other server's own address$/],
  ['frontend', { LINK_PEER: 'WWW.site.cn:7443' }, /^LINK_PEER: its address, or a name .*: DOMAINS follow DNS/],
  ['frontend', { LINK_PEER: '127.0.0.1' }, /^LINK_PEER: the other server: this is the link of this one$/],
  ['frontend', { LINK_PEER: '[::1]:7500', LINK_PORT: '7500' }, /^LINK_PEER: the other server: this is the link/],
  ['frontend', { LINK_FROM: '10.0.0.0/33' }, /^LINK_FROM: an address or a block .*; several as \[a, b\]$/],
  ['frontend', { LINK_PORT: '443' }, /^LINK_PORT: another port than that of HTTPS_PORT$|^HTTPS_PORT: another/],
  ['frontend', { API_ORIGIN: '10.0.0.7:8001' }, /^API_ORIGIN: its scheme as well/],
  ['frontend', { API_ORIGIN: 'http://10.0.0.7:8001/' }, /^API_ORIGIN: an origin alone/],
  ['frontend', { COMPOSE_PROFILES: 'web-bleu' }, /^COMPOSE_PROFILES: .*; probably web-blue$/],
  ['backend', { COMPOSE_PROFILES: 'postgres', POSTGRES_PASSWORD: 'q8Zr1mT0vXw6Yb3K' }, /: api-blue or api-green among/],
  ['single', { COMPOSE_PROFILES: 'api-blue' }, /^COMPOSE_PROFILES: web-blue or web-green among/],
  ['single', { COMPOSE_PROFILES: 'web-blue' }, /^COMPOSE_PROFILES: api-blue or api-green among/],
  ['frontend', { COMPOSE_PROJECT_NAME: 'My Site' }, /^COMPOSE_PROJECT_NAME: lower-case/],
  ['single', { SERVER: '' }, /^SERVER: single, with both compose files$/],
  ['frontend', { SERVER: 'backend' }, /^SERVER: frontend, or nothing$/],
  ['frontend', { SERVER: 'frontnd' }, /^SERVER: one of single, frontend, backend; probably frontend$/],
  ['frontend', { HTTPS_PORT: '70000' }, /^HTTPS_PORT: a whole number from 1 to 65535$/],
  ['frontend', { MONITOR_PORT: '0' }, /^MONITOR_PORT: a whole number from 1 to 65535$/],
  ['frontend', { WEB_BLUE_PORT: '443' }, /^WEB_BLUE_PORT: another port than that of HTTPS_PORT$/],
  ['frontend', { HTTP_PORT: '3002' }, /^HTTP_PORT: another port than that of WEB_GREEN_PORT$/],
  ['single', { WEB_BLUE_PORT: '8001' }, /^WEB_BLUE_PORT: another port than that of API_BLUE_PORT$/],
  ['frontend', { WEB_MEMORY: '384' }, /^WEB_MEMORY: its unit as well: 384m/],
  ['frontend', { WEB_IMGAE: 'a/web:1' }, /^WEB_IMGAE: probably WEB_IMAGE$/],
  ['frontend', { WEB_ADDRESS: '0.0.0.0' }, /^WEB_ADDRESS: a private one: .* past the firewall$/],
  ['frontend', { WEB_ADDRESS: '8.8.8.8' }, /^WEB_ADDRESS: /],
  ['frontend', { WEB_FROM: 'artefact' }, /^WEB_FROM: .*probably artifact$/],
  ['frontend', { DOMAINS: '[localhost, site.cn]', API_ORIGIN: '' }, /^API_ORIGIN: /],
  ['frontend', { DOMAINS: '[a.internal, site.cn]', TLS_MODE: 'local' }, /^TLS_MODE: acme: browsers refuse/],
  ['backend', { POSTGRES_MEMORY: '192' }, /^POSTGRES_MEMORY: its unit as well/],
  ['backend', { API_ADDRESS: '0.0.0.0' }, /^API_ADDRESS: a private one: .* past the firewall$/],
  ['backend', { EXCELMANUS_AUTH_ENABLED: 'ture' }, /^EXCELMANUS_AUTH_ENABLED: true or false$/]
]

t.test('what is wrong is refused by its name, with what to write instead, and nothing else is', async t => {
  for (const [server, changes, line] of refused) {
    const all = told(server, changes)
    t.ok(
      all.some(one => line.test(one)),
      `${server} ${JSON.stringify(changes)}: ${all.join(' | ')}`
    )
    // The CORS list goes by DOMAINS; a trial has neither.
    const [name = ''] = Object.keys(changes)
    if (name !== 'DOMAINS') t.equal(all.length, 1, `${name}: ${all.join(' | ')}`)
  }
})

const taken: readonly [Server, Environment][] = [
  ['frontend', { DOMAINS: 'site.cn' }],
  ['frontend', { DOMAINS: '["bücher.example.cn", \'www.site.cn\']' }],
  ['frontend', { DOMAINS: 'edge.test', ACME_DIRECTORY: 'https://ca.test/dir' }],
  ['frontend', { DOMAINS: 'app.internal', TLS_MODE: 'local' }],
  ['frontend', { API_ORIGIN: 'https://api.site.cn' }],
  ['frontend', { API_ORIGIN: 'https://api.site.cn', LINK_PEER: '' }],
  ['frontend', { LINK_PEER: 'backend.site.cn', LINK_FROM: '[10.0.0.7, fd00::/8]' }],
  ['frontend', { LINK_PEER: '2001:db8::7' }],
  ['frontend', { LINK_PEER: '127.0.0.1:7500' }],
  ['backend', { API_ELSE: 'peer' }],
  ['single', { LINK_PEER: '10.0.0.7', API_ELSE: 'peer' }],
  ['frontend', { LINK_PEER: '', API_ORIGIN: 'https://api.site.cn', HTTPS_PORT: '7443' }],
  ['frontend', { COMPOSE_PROFILES: 'web-green' }],
  ['frontend', { SAMPLE_API_PORT: '3001' }],
  ['single', { COMPOSE_PROFILES: 'web-blue,web-green,api-green' }],
  ['frontend', { SERVER: 'frontend' }],
  ['frontend', { API_BLUE_PORT: '3001', API_MEMORY: 'much', EXCELMANUS_AUTH_ENABLED: 'perhaps' }]
]

t.test('what is right, or means nothing on this server, passes', async t => {
  for (const [server, changes] of taken) t.same(told(server, changes), [], JSON.stringify(changes))
})

t.test('a trial may have a link as well, and its mistakes are those of any other', async t => {
  const trial = { DOMAINS: 'a.test', API_ORIGIN: 'peer' }
  const faults = (more: Environment): string[] => faultsOf({ ...trial, ...more }, 'frontend').map(({ name }) => name)
  t.same(faults({ LINK_PEER: '127.0.0.1:7500' }), [])
  for (const LINK_PEER of ['', '127.0.0.1', 'a.test']) t.same(faults({ LINK_PEER }), ['LINK_PEER'], LINK_PEER)
})

t.test('an internal site is no trial: it needs its secret, but no public certificate', async t => {
  const all = told('backend', { DOMAINS: 'app.internal', TLS_MODE: 'local', EXCELMANUS_JWT_SECRET: '' })
  t.match(all, [/^EXCELMANUS_JWT_SECRET: a secret/, /^EXCELMANUS_CORS_ALLOW_ORIGINS: https:\/\/app\.internal as well/])
  t.equal(all.length, 2)
})

t.test('everything is told at once', async t => {
  const all = told('single', {
    DOMAINS: 'x.cn',
    TLS_MODE: 'x',
    HTTP_PORT: 'x',
    API_MEMORY: 'x',
    EXCELMANUS_JWT_SECRET: ''
  })
  const names = new Set(all.map(line => line.split(':')[0]))
  const cors = 'EXCELMANUS_CORS_ALLOW_ORIGINS'
  t.same([...names], ['TLS_MODE', 'HTTP_PORT', 'API_MEMORY', 'EXCELMANUS_JWT_SECRET', cors])
})
