// What goes wrong between two servers, and around them, planted one by one; faults.test.ts has what does on each of them.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Verdict } from '../../compose/laptop/doctor/finding.ts'
import { pebbleMissing } from '../doubles/pebble/pebble.ts'
import { whyNoServers } from '../doubles/servers/missing.ts'
import { Patient, sh } from '../doubles/servers/site/patient.ts'
import { laySite } from '../doubles/servers/site.ts'
import { engineMissing } from '../doubles/stack/engine.ts'
import { until } from '../doubles/wan/site/server.ts'

const skip =
  whyNoServers() ||
  pebbleMissing('debian') ||
  engineMissing ||
  (process.env.WAN === 'long' ? false : 'takes long: WAN=long')

t.setTimeout(560_000)
t.test('each fault of two servers, planted, is named with its mend', { skip, timeout: 540_000 }, async t => {
  const site = await laySite(t, { domain: 'site.cn' })
  const { frontend, backend, authority, folder, ground, laptop, twinedge } = site
  const { code, out, err } = await twinedge('deploy')
  t.equal(code, 0, `${out}${err}`)

  const patient = new Patient(site)
  const findings = () => patient.findings()
  const findAndMend: Patient['findAndMend'] = (...args) => patient.findAndMend(...args)

  t.test('of a site that is well there is no fault', async t => {
    t.same(
      (await findings()).filter(({ severity }) => severity === 'fault'),
      []
    )
  })

  t.test('the API has stopped: a 503 on both servers, by the link', async t => {
    await sh(backend, 'docker stop -t 2 twinedge-api-green-1')
    await findAndMend(t, 'api-down', { server: 'backend', mend: 'twinedge restart api' })
    await until(
      async () => (await findings()).every(({ id }) => id !== 'backend-down'),
      () => 'the frontend has seen it'
    )
  })

  t.test("the other server's edge has stopped: the link is down", async t => {
    await sh(backend, 'docker stop -t 2 twinedge-edge-1')
    await findAndMend(t, 'link-down', { severity: 'fault', server: 'frontend' }, async () => {
      const down = (await findings()).find(({ id }) => id === 'edge-down')
      t.match(down, { server: 'backend', mend: 'twinedge restart edge --server backend' })
      return twinedge('restart', 'edge', '--server', 'backend')
    })
  })

  t.test('a key that was forgotten: the link is down, and a bootstrap pairs anew', async t => {
    await sh(
      backend,
      `key=$(docker exec twinedge-edge-1 twinedge link | sed -n 's/^the other server *\\(SHA256:[^ ]*\\).*/\\1/p')
docker exec twinedge-edge-1 twinedge link pair --forget "$key"`
    )
    await findAndMend(t, 'link-down', { seen: /LINK_(?:UNPAIRED|KEY_UNKNOWN)/ }, () => twinedge('bootstrap'))
  })

  t.test('DNS at a third address', async t => {
    await authority.setDns('site.cn', ['10.99.0.66'])
    const wanted = { severity: 'fault', server: null, seen: /10\.99\.0\.66/, mend: /site\.cn A 10\.99\.0\.1/ }
    await findAndMend(t, 'dns-elsewhere', wanted, () => authority.setDns('site.cn', [frontend.address]))
  })

  t.test('DNS at both servers, and a name that the edges have no certificate for', async t => {
    await authority.setDns('site.cn', [frontend.address, backend.address])
    const wanted = { severity: 'warning', seen: /10\.99\.0\.1, 10\.99\.0\.2/, mend: /leave one of them/ }
    await findAndMend(t, 'dns-both', wanted, () => authority.setDns('site.cn', [frontend.address]))
    const file = join(folder, 'deploy.yaml')
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replace(/^domains: .*$/m, 'domains: [site.cn, www.site.cn]'))
    const uncovered = {
      server: 'frontend',
      what: /for www\.site\.cn/,
      seen: 'the edge serves site.cn',
      mend: /DOMAINS/
    }
    await findAndMend(t, 'name-uncovered', uncovered, async () => writeFileSync(file, text))
  })

  t.test('a port of before that is still open', async t => {
    // No `$`: that would be systemd's.
    const listen = 'our @all = IO::Socket::INET->new(LocalPort => 8000, Listen => 1); sleep 600;'
    await sh(backend, `systemd-run --unit=old perl -MIO::Socket::INET -e '${listen}'`)
    const wanted = { severity: 'fault', server: 'backend', seen: /10\.99\.0\.2:8000/, mend: /8000\/tcp to nobody/ }
    await findAndMend(t, 'port-open', wanted, () => sh(backend, 'systemctl stop old'))
  })

  t.test('a firewall that drops what comes to a port', async t => {
    const rule = ['INPUT', '-p', 'tcp', '--dport', '443', '-s', laptop.place.address, '-j', 'DROP']
    await frontend.place.run('iptables', ['-I', ...rule])
    const wanted = { severity: 'fault', server: 'frontend', mend: /firewall/ }
    await findAndMend(t, 'port-closed', wanted, () => frontend.place.run('iptables', ['-D', ...rule]))
  })

  t.test('a line that loses packets', async t => {
    await ground.wan.loss(0.08)
    await findAndMend(t, 'line-lossy', { severity: 'warning', server: 'frontend' }, () => ground.wan.loss(0))
  })

  t.test('a line that takes its time', async t => {
    await ground.wan.delay(600)
    const wanted = { severity: 'warning', server: 'frontend', seen: /1[2-9]\d\d ms/, mend: /providers/ }
    await findAndMend(t, 'line-lossy', wanted, () => ground.wan.delay(20))
  })

  t.test('origins in .env that are not the site, and files of another version', async t => {
    await sh(
      backend,
      `sed -i 's|^EXCELMANUS_CORS_ALLOW_ORIGINS=.*|EXCELMANUS_CORS_ALLOW_ORIGINS=*|' /opt/twinedge/.env`
    )
    await sh(frontend, 'echo "# mine" >>/opt/twinedge/docker-compose.frontend.yml')
    const wanted = { severity: 'fault', server: 'backend', what: /CORS_ALLOW_ORIGINS/ }
    await findAndMend(t, 'env-fault', wanted, () => twinedge('bootstrap', 'backend'))
    await findAndMend(t, 'files-differ', { server: 'frontend', mend: 'twinedge bootstrap frontend' })
  })

  t.test('a certificate that no browser knows', async t => {
    // A laptop that does not trust the authority is such a browser.
    const { out } = await laptop.twinedge(['doctor', '--json'], { folder, timeoutMs: 60_000 })
    const found = (JSON.parse(out) as Verdict).findings.filter(({ id }) => id === 'certificate-distrusted')
    t.same(
      found.map(({ server }) => server),
      ['frontend', 'backend']
    )
    t.ok((await findings()).every(({ id }) => id !== 'certificate-distrusted'))
  })
})
