// Two bare servers become a site, with WAN=long only: one of them has an nginx in the way, the other a firewall.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { project } from '../doubles/command.ts'
import type { Machine } from '../doubles/servers/machine.ts'
import { whyNoServers } from '../doubles/servers/missing.ts'
import { layServers, type Servers } from '../doubles/servers/servers.ts'

const missing = whyNoServers()
const isLong = process.env.WAN === 'long'
const whenLong = { skip: isLong ? false : 'takes long: WAN=long' }

const nginx = `server {
  listen 80; listen 443 ssl;
  server_name site.test old.test;
  ssl_certificate /etc/nginx/site.pem;
  ssl_certificate_key /etc/nginx/site.key;
  location / { return 200 "the old way"; }
}
`
const firewall = `#!/usr/sbin/nft -f
flush ruleset
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iif "lo" accept
		icmp type echo-request accept
		tcp dport 22 accept
		tcp dport 8000 accept
	}
}
`

t.setTimeout(400_000)
t.test('from two bare servers to a site', { skip: missing || whenLong.skip, timeout: 300_000 }, async t => {
  const servers = await layServers(t, { laptop: { delayMs: 5 } })
  const { frontend, backend, laptop, ground } = servers
  const folder = siteFolder(t, servers)
  const bootstrap = (...args: string[]) => laptop.twinedge(['bootstrap', ...args], { folder, timeoutMs: 200_000 })
  const page = async (path: string) =>
    (
      await ground.clients.run('curl', [
        '-sk',
        '-m',
        '10',
        '--resolve',
        `site.test:443:${frontend.address}`,
        `https://site.test${path}`
      ])
    ).out
  await Promise.all([putNginx(t, frontend), putFirewall(backend)])

  t.test('a server whose ports are taken is told so, with what the taker serves', async t => {
    const { code, err } = await bootstrap('frontend')
    t.match({ code, err }, { code: 1, err: /^SERVER_PORT_TAKEN: .*nginx \(process \d+\) listens on :80/ })
    t.match(err, /it serves site\.test, old\.test\nwith the certificates \/etc\/nginx\/site\.pem\nnext: .*--take-over/)
  })

  t.test('--dry-run says all that would be done, and does none of it', async t => {
    const before = [listing(frontend), listing(backend)]
    const { code, out, err } = await bootstrap('--dry-run', '--take-over')
    t.equal(code, 0, err)
    t.match(
      out,
      /frontend: {3}\$ env DEBIAN_FRONTEND=noninteractive apt-get .* install docker\.io docker-cli docker-compose/
    )
    t.match(out, /frontend: {3}\$ systemctl stop nginx && docker compose up -d edge && systemctl disable nginx/)
    t.match(out, /backend: {3}new file \/etc\/twinedge\/firewall\.nft/)
    t.match(out, /backend: {5}\+ EXCELMANUS_JWT_SECRET=…/)
    t.notMatch(out, secret)
    t.match(out, /nothing was changed/)
    t.same([listing(frontend), listing(backend)], before)
  })

  t.test('an edge that does not come up leaves the ports to the nginx that had them', whenLong, async t => {
    const file = join(folder, 'frontend.env')
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replace('TLS_MODE=acme', 'TLS_MODE=files'))
    const { code, out, err } = await bootstrap('frontend', '--take-over')
    t.match({ code, err }, { code: 1, err: /^SERVER_EDGE_DOWN: frontend: edge:\n[\s\S]*what remains: / }, out)
    t.match(out, /nginx serves again/)
    t.match((await frontend.run('systemctl', ['is-enabled', 'nginx'])).out, /^enabled/)
    t.equal(await page('/'), 'the old way')
    t.match(recordOf(await frontend.run('cat', [recordFile])), {
      step: 'edge',
      outcome: 'failed',
      code: 'SERVER_EDGE_DOWN'
    })
    writeFileSync(file, text)
  })

  t.test('an image that cannot be pulled stops nothing', whenLong, async t => {
    const file = join(folder, 'frontend.env')
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, `${text}EDGE_IMAGE=registry.test/edge:7\n`)
    const { code, out, err } = await bootstrap('frontend', '--take-over')
    t.match({ code, err }, { code: 1, err: /^SERVER_IMAGE_MISSING: frontend: edge image:/ }, out)
    t.equal(await page('/'), 'the old way')
    writeFileSync(file, text)
  })

  t.test('a laptop that dies when nginx has just been stopped leaves something that serves', whenLong, async t => {
    const child = laptop.spawn(join(project, 'scripts/twinedge'), ['bootstrap', 'frontend', '--take-over'], { folder })
    let out = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text
    })
    await until(() => out.includes('nginx is stopped'), 120_000)
    laptop.crash()
    t.match(out, /frontend: {3}nobody is going to serve old\.test here/)
    // The site is dark now, and nobody is there but the server itself.
    await until(async () => (await frontend.run('cat', ['/opt/twinedge/site/bring-up/code'])).out !== '', 120_000)
    t.match((await frontend.run('cat', ['/opt/twinedge/site/bring-up/code'])).out, /^0/)
    t.match(await page('/'), /EDGE_UPSTREAM_DOWN/, 'the edge, to which nothing is deployed yet')
    t.match((await frontend.run('systemctl', ['is-enabled', 'nginx'])).out, /^disabled/)
  })

  t.test('what another has begun keeps it out, and nothing is changed', whenLong, async t => {
    const about = { id: 'x', who: 'li@other', host: 'other', pid: '7', verb: 'deploy', step: 'swaps api', since: 'now' }
    const lock = JSON.stringify({ token: 'x', pid: 1, until: Date.now() + 25_000, about })
    frontend.write('/opt/twinedge/site/lock.json', lock, 0o600)
    const before = listing(frontend)
    const { code, err } = await bootstrap('frontend')
    t.match({ code, err }, { code: 1, err: /^DEPLOY_LOCKED: frontend: li@other has been at "deploy"/ })
    t.same(listing(frontend), before)
    await frontend.run('rm', ['/opt/twinedge/site/lock.json'])
  })

  t.test('then it does it, and the two know each other', async t => {
    const { code, out, err } = await bootstrap('--take-over')
    t.equal(code, 0, out + err)
    t.notMatch(out, secret)
    t.match(out, /link: the two servers know each other; it is up/)
    t.match((await frontend.run('systemctl', ['is-active', 'nginx'])).out, /inactive/)
    // The edge serves, by the certificate that nginx had; of the site itself nothing is deployed yet.
    t.match(await page('/'), /EDGE_|503|502/)
    const { out: peer } = await ground.clients.run('sh', [
      '-c',
      `openssl s_client -connect ${frontend.address}:443 -servername site.test </dev/null | openssl x509 -noout -issuer`
    ])
    t.match(peer, /the old authority/)
    t.match((await frontend.run('twinedge', ['--version'])).out, /^twinedge \d/)
    t.match((await backend.run('stat', ['-c', '%a', '/opt/twinedge/.env'])).out, '600')
    t.match(recordOf(await backend.run('cat', [recordFile])), { outcome: 'done' })
    if (isLong) t.match(out, /frontend: engine: done already/, 'it goes on where it stopped')
    t.match(
      out,
      /certificates of frontend: site\.test: [\s\S]*\nfrontend and backend: set up\nnext: twinedge deploy\n$/
    )
    t.notMatch(out, /thumbprint/)
  })

  t.test('an edge that does not come up gives way to the one that served', whenLong, async t => {
    const file = join(folder, 'frontend.env')
    const text = readFileSync(file, 'utf8')
    const before = (await frontend.run('cat', ['/opt/twinedge/.env'])).out
    writeFileSync(file, text.replace('TLS_MODE=acme', 'TLS_MODE=files'))
    const { code, out, err } = await bootstrap('frontend')
    t.match({ code, err }, { code: 1, err: /^SERVER_EDGE_DOWN: frontend: edge:\n/ }, out)
    t.match(out, /the edge of before serves again/)
    t.match(await page('/'), /EDGE_UPSTREAM_DOWN/)
    t.equal((await frontend.run('cat', ['/opt/twinedge/.env'])).out, before)
    t.match((await frontend.run('ls', ['/opt/twinedge/site'])).out, /^(?!.*before)/s)
    writeFileSync(file, text)
    const again = await bootstrap('frontend')
    t.equal(again.code, 0, again.out + again.err)
  })

  t.test('an nginx that a killed take-over has left enabled does not come back at a boot', whenLong, async t => {
    await frontend.run('systemctl', ['enable', 'nginx'])
    const { code, out } = await bootstrap('frontend')
    t.match({ code, out }, { code: 0, out: /nginx does not run, but would start[\s\S]*\$ systemctl disable nginx/ })
    t.match((await frontend.run('systemctl', ['is-enabled', 'nginx'])).out, /^disabled/)
  })

  t.test('the firewall lets in ssh, the web and the peer, and 8000 no longer', async t => {
    const { out } = await backend.run('nft', ['list', 'chain', 'inet', 'filter', 'input'])
    t.match(out, /tcp dport \{ 80, 443 \} accept comment "twinedge"/)
    t.match(out, new RegExp(`ip saddr ${frontend.address} tcp dport 7443 accept comment "twinedge"`))
    t.match(out, /tcp dport 22 accept/)
    t.notMatch(out, /8000/)
    t.match((await backend.run('nft', ['--check', '--file', '/etc/nftables.conf'])).code, 0, 'nor does a boot fail')
  })

  t.test('a second time there is nothing to do', async t => {
    const before = listing(frontend)
    const { code, out, err } = await bootstrap()
    t.equal(code, 0, out + err)
    t.match(out, /nothing had to be changed\n$/)
    t.same(listing(frontend), before)
  })
})

async function until(isTrue: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
  for (const lateMs = performance.now() + withinMs; !(await isTrue()); await pause(200)) {
    if (performance.now() > lateMs) throw new Error('it does not come')
  }
}

const recordFile = '/opt/twinedge/site/bootstrap.json'

function recordOf({ out }: { readonly out: string }): unknown {
  return JSON.parse(out)
}

const secret = 'b2f1c07d9a4e43f68d4c9e51a7b30c92f0aa41de'

function siteFolder(t: Test, { frontend, backend }: Servers): string {
  const folder = mkdtempSync(join(tmpdir(), 'te-site-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const env = (...lines: string[]): string =>
    ['DOMAINS=[site.test]', 'TLS_MODE=acme', 'ACME_DIRECTORY=https://10.99.0.9:14000/dir', ...lines, ''].join('\n')
  writeFileSync(join(folder, 'frontend.env'), env(`LINK_PEER=${backend.address}`, 'API_ORIGIN=peer'))
  const app = [
    'EXCELMANUS_AUTH_ENABLED=true',
    `EXCELMANUS_JWT_SECRET=${secret}`,
    'EXCELMANUS_CORS_ALLOW_ORIGINS=https://site.test'
  ]
  writeFileSync(join(folder, 'backend.env'), env(`LINK_PEER=${frontend.address}`, 'WEB_ORIGIN=peer', ...app))
  writeFileSync(
    join(folder, 'deploy.yaml'),
    `domains: [site.test]
servers:
  frontend: { ssh: frontend, address: ${frontend.address} }
  backend: { ssh: ops@backend, address: ${backend.address} }
web: { source: . }
api: { source: . }
`
  )
  return folder
}

async function putNginx(t: Test, machine: Machine): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'te-cert-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [cert, key] = ['site.pem', 'site.key'].map(name => join(folder, name)) as [string, string]
  const about = ['-subj', '/CN=the old authority', '-addext', 'subjectAltName=DNS:site.test', '-days', '60']
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      key,
      '-out',
      cert,
      ...about
    ],
    { stdio: 'pipe' }
  )
  for (const file of [cert, key]) machine.write(`/etc/nginx/${file.split('/').at(-1)}`, readFileSync(file, 'utf8'))
  machine.write('/etc/nginx/conf.d/site.conf', nginx)
  const { code, err } = await machine.run('sh', ['-c', install('nginx-light')], 120_000)
  t.equal(code, 0, err)
}

async function putFirewall(machine: Machine): Promise<void> {
  await machine.run('sh', ['-c', install('nftables')], 120_000)
  machine.write('/etc/nftables.conf', firewall, 0o755)
  await machine.run('systemctl', ['enable', '--now', 'nftables'])
}

function install(name: string): string {
  return `apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ${name}`
}

/** What is on its disk, by name, size and content; less what changes with the time of day. */
function listing(machine: Machine): string {
  const script = `cd '${machine.folder}/upper' && find etc opt usr home root var/lib -type f ! -path 'var/lib/systemd/*' -exec sha256sum {} + | sort -k 2`
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' })
}
