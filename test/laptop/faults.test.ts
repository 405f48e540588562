// What goes wrong on either of two servers, planted one by one; doctor.test.ts has what does between them.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeLeaf, makeRoot } from '../../proxy/tls/local-certificate.ts'
import { pebbleMissing } from '../doubles/pebble/pebble.ts'
import { whyNoServers } from '../doubles/servers/missing.ts'
import { Patient, sh } from '../doubles/servers/site/patient.ts'
import { laySite } from '../doubles/servers/site.ts'
import { engineMissing } from '../doubles/stack/engine.ts'

const skip =
  whyNoServers() ||
  pebbleMissing('debian') ||
  engineMissing ||
  (process.env.WAN === 'long' ? false : 'takes long: WAN=long')

const certificates = '/var/lib/docker/volumes/twinedge_edge-state/_data/acme/certificates'
/** As PM2 has it: it calls itself that, and its own children run. */
const daemon = `process.title = 'PM2 v5.4.2: God Daemon (/root/.pm2)'
require('child_process').spawn('sleep', ['600'])`

const lateClock = `const Right = Date
globalThis.Date = class extends Right {
  constructor(...args) { args.length > 0 ? super(...args) : super(Right.now() - 600_000) }
  static now() { return Right.now() - 600_000 }
}`

t.setTimeout(560_000)
t.test('each fault of a server, planted, is named with its mend', { skip, timeout: 540_000 }, async t => {
  const site = await laySite(t, { domain: 'site.cn' })
  const { frontend, backend, authority, folder, visitor, twinedge, at } = site
  t.match(await twinedge('deploy'), { code: 0 })
  const patient = new Patient(site)
  const findAndMend: Patient['findAndMend'] = (...args) => patient.findAndMend(...args)

  t.test('a 500 of the backend: the API answers, and not as it should; both edges have seen it', async t => {
    const target = at(frontend)
    for (const _ of Array(5)) await visitor.ask('request', { target, path: '/api/v1/status/500' })
    const wanted = { severity: 'fault', what: /^api: 5 of/, seen: /500 5 times; last GET \/api\/v1\/status\/500/ }
    const all = await findAndMend(
      t,
      'answers-fail',
      { ...wanted, mend: /^twinedge logs api --since 10m;/ },
      async () => {
        t.match(await twinedge('logs', 'api', '--since', '10m'), { out: /GET \/api\/v1\/status\/500 HTTP\/1.1" 500/ })
        return twinedge('restart', 'api')
      }
    )
    t.same(
      all.filter(({ id }) => id === 'answers-fail').map(({ server }) => server),
      ['frontend', 'backend']
    )
  })

  t.test('a 502 of the frontend: the web app has stopped', async t => {
    await sh(frontend, 'docker stop -t 2 twinedge-web-green-1')
    const wanted = { severity: 'fault', server: 'frontend', seen: /exited, exit code/, mend: 'twinedge restart web' }
    const all = await findAndMend(t, 'web-down', wanted)
    t.match(
      all.find(({ id }) => id === 'page-fails'),
      { server: 'frontend', what: /^\/ is a 50\d/ }
    )
  })

  t.test('memory that is all but gone, with its swap', async t => {
    const low = 's/^\\(MemAvailable\\|SwapFree\\):.*/\\1: 40000 kB/; s/^SwapTotal:.*/SwapTotal: 999999 kB/'
    await sh(frontend, `sed '${low}' /proc/meminfo >/run/meminfo && mount --bind /run/meminfo /proc/meminfo`)
    const wanted = { severity: 'fault', server: 'frontend', seen: /^39 MB of/, mend: /-- ps -eo rss,args/ }
    const all = await findAndMend(t, 'memory-short', wanted, async found => {
      await patient.carryOut(t, found)
      await sh(frontend, 'umount /proc/meminfo')
    })
    t.match(
      all.filter(({ id }) => /^(?:swap-full|no-room-for-swap)$/.test(id)),
      [
        { id: 'swap-full', mend: /ps -eo/ },
        { id: 'no-room-for-swap', server: 'frontend', mend: /^twinedge deploy --hold/ }
      ]
    )
  })

  t.test('a disk without room, and one without inodes', async t => {
    const wanted = {
      severity: 'fault',
      server: 'backend',
      what: '/var/tmp is all but full',
      mend: /docker image prune -f/
    }
    await sh(backend, 'mount -t tmpfs -o size=9m tmpfs /var/tmp')
    await findAndMend(t, 'disk-full', wanted, async found => {
      await patient.carryOut(t, found)
      await sh(backend, 'umount /var/tmp')
    })
    await sh(backend, 'mount -t tmpfs -o size=90g,nr_inodes=20 tmpfs /var/tmp && cd /var/tmp && touch $(seq 19)')
    const inodes = { severity: 'fault', what: '/var/tmp has hardly any inodes left', seen: /100 % of its inodes/ }
    await findAndMend(t, 'disk-full', inodes, () => sh(backend, 'umount /var/tmp'))
  })

  t.test('a certificate that ends in days, as none can be had any more', async t => {
    const begun = new Date(Date.now() - 87 * 86_400_000)
    const pair = await makeLeaf(await makeRoot(begun), ['site.cn'], begun, 90)
    frontend.write('/run/old.pem', `${pair.cert.trim()}\n${pair.key.trim()}\n`)
    const door = ['OUTPUT', '-p', 'tcp', '--dport', new URL(authority.directory).port, '-j', 'REJECT']
    await frontend.place.run('iptables', ['-I', ...door])
    await sh(frontend, `cat /run/old.pem >${certificates}/site.cn.pem && docker restart twinedge-edge-1`)
    const wanted = { what: /site\.cn ends in [23] days$/, mend: 'twinedge certs renew --force --server frontend' }
    await patient.findAndMend(
      t,
      'renewal-fails',
      { server: 'frontend', seen: /failures? in a row; ACME_/ },
      async () => {
        const found = (await patient.findings()).find(({ id }) => id === 'certificate-ends')
        t.match(found, { ...wanted, severity: 'fault', server: 'frontend' })
        await frontend.place.run('iptables', ['-D', ...door])
        await patient.carryOut(t, found!)
      }
    )
    t.notOk((await patient.findings()).some(({ id }) => /^certificate/.test(id)))
  })

  t.test('a clock that is wrong: of one server, and of this machine', async t => {
    frontend.write('/usr/local/bin/date', `#!/bin/sh\nexec /usr/bin/date -d '1 hour ago' "$@"\n`, 0o755)
    const wanted = { server: 'frontend', seen: /^3[56]\d\d\.\d s behind/, mend: /-- (?:timedatectl|apt-get install)/ }
    const all = await findAndMend(t, 'clock-off', wanted, () => sh(frontend, 'rm /usr/local/bin/date'))
    t.match(
      all.find(({ id }) => id === 'clocks-differ'),
      { seen: /^frontend is 3[56]\d\d\.\d s behind/, mend: wanted.mend }
    )
    const file = join(folder, 'late.mjs')
    writeFileSync(file, lateClock)
    const clocks = (await patient.findings({ NODE_OPTIONS: `--import=${file}` })).filter(({ id }) => /^clock/.test(id))
    t.match(clocks, [{ id: 'clock-off', what: /of this machine/, mend: /^here: / }])
    t.equal(clocks.length, 1)
  })

  t.test('what ran the site before: PM2, nginx, certbot', async t => {
    frontend.write('/opt/old/pm2.js', daemon)
    const [node, library] = ['bin/node', 'lib'].map(name => `/opt/twinedge/tool/node_modules/.${name}`)
    await sh(frontend, `systemd-run --unit=pm2 --setenv=LD_LIBRARY_PATH=${library} ${node} /opt/old/pm2.js`)
    const pm2 = { server: 'frontend', seen: /^below PM2: sleep 600$/, mend: /-- pm2 ls; then pm2 delete NAME/ }
    await findAndMend(t, 'old-edge-left', pm2, () => sh(frontend, 'systemctl stop pm2'))
    backend.write('/etc/systemd/system/certbot.timer', '[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n')
    backend.write('/etc/systemd/system/certbot.service', '[Service]\nExecStart=true\n')
    await sh(backend, 'systemctl daemon-reload && systemctl enable --now certbot.timer')
    await findAndMend(t, 'old-edge-left', { server: 'backend', seen: /certbot\.timer is enabled/ })
    await sh(frontend, 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nginx-light')
    await findAndMend(t, 'old-edge-left', { server: 'frontend', seen: /^nginx is enabled/ })
  })

  t.test('an engine that is down, one that does not start at boot, and one that is too old', async t => {
    await sh(backend, 'systemctl stop docker.socket docker.service')
    await findAndMend(t, 'engine-down', { severity: 'fault', server: 'backend', seen: 'docker version' })
    await sh(backend, 'systemctl disable docker')
    await findAndMend(t, 'engine-sleeps', { severity: 'warning', server: 'backend' })
    const old = '#!/bin/sh\n[ "$1" = version ] && echo 20.10.24 && exit\nexec /usr/bin/docker "$@"\n'
    frontend.write('/usr/local/bin/docker', old, 0o755)
    const wanted = {
      server: 'frontend',
      seen: /^engine 20\.10\.24/,
      mend: /-- apt-get install -y --only-upgrade docker\.io/
    }
    await findAndMend(t, 'engine-old', wanted, async found => {
      await patient.carryOut(t, found)
      await sh(frontend, 'rm /usr/local/bin/docker')
    })
  })

  t.test('an edge of another version, and no tool or another one', async t => {
    await sh(
      frontend,
      `cd /tmp && docker create --name older localhost/twinedge/proxy:local && docker cp older:/app/package.json . &&
sed -i 's/"version": ".*"/"version": "0.0.9"/' package.json && docker cp package.json older:/app/package.json &&
docker commit --change 'LABEL twinedge.tool=older' older localhost/twinedge/proxy:local && docker rm older &&
cd /opt/twinedge && docker compose up -d edge && cp -a "$(readlink -f tool)" tool-000000000000 && ln -sfn tool-000000000000 tool`
    )
    const wanted = { severity: 'warning', seen: /^frontend 0\.0\.9, backend \d/, mend: 'twinedge bootstrap frontend' }
    const all = await findAndMend(t, 'edges-differ', wanted)
    t.match(
      all.find(({ id }) => id === 'tool-differs'),
      { server: 'frontend', seen: /tool-000000000000/, mend: 'twinedge bootstrap frontend' }
    )
    t.notOk((await patient.findings()).some(({ id }) => id === 'tool-differs'))
    await sh(backend, 'rm /opt/twinedge/tool')
    await findAndMend(t, 'tool-missing', { severity: 'fault', server: 'backend', mend: 'twinedge bootstrap backend' })
  })

  t.test('no .env, and nobody that ssh gets to', async t => {
    await sh(backend, 'rm -rf /opt/twinedge/.env /opt/twinedge/site/before')
    await findAndMend(t, 'env-missing', { severity: 'fault', server: 'backend', mend: 'twinedge bootstrap backend' })
    await sh(frontend, 'systemctl stop ssh.socket ssh.service')
    const wanted = { severity: 'fault', server: 'frontend', seen: /^SSH_UNREACHABLE/ }
    await findAndMend(t, 'server-unreachable', wanted, () => sh(frontend, 'systemctl start ssh'))
  })

  t.test('at the end nothing is left of it', async t => {
    const left = (await patient.findings()).filter(({ severity }) => severity === 'fault')
    t.same(left, [])
  })
})
