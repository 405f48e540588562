// What a bootstrap does to the firewalls that servers have, each of them real, with WAN=long only: what is open is asked
// from outside, before and after, and again after a boot.
import t, { type Test } from 'tap'
import type { Outcome } from '../doubles/command.ts'
import type { Machine } from '../doubles/servers/machine.ts'
import { whyNoServers } from '../doubles/servers/missing.ts'
import { layServers, type Servers } from '../doubles/servers/servers.ts'
import type { FirewallOrders } from '../doubles/servers/site/firewall-steps.ts'
import { until } from '../doubles/wan/site/server.ts'

const skip = whyNoServers() || (process.env.WAN === 'long' ? false : 'takes long: WAN=long')
const program = new URL('../doubles/servers/site/firewall-steps.ts', import.meta.url).pathname
const asked = [22, 80, 443, 3000, 5432, 7443, 8000]
const all = asked.join(' ')
/** Long enough for a line of this ground; the server waits for as long as it takes to be sure of it. */
const patience = { backMs: 15_000, comeInMs: 4_000, backAgainMs: 25_000, betweenMs: 200, tryMs: 4_000 }

interface Bench extends Servers {
  bootstrap(server: 'frontend' | 'backend', orders?: Partial<FirewallOrders>): Promise<Outcome>
}

interface Somewhere {
  run(program: string, args: readonly string[]): Promise<Outcome>
}

async function bench(t: Test, wanted: { engine?: boolean } = {}): Promise<Bench> {
  const servers = await layServers(t, { ...wanted, laptop: { delayMs: 5 } })
  const { frontend, backend, laptop } = servers
  const addresses = { frontend: frontend.address, backend: backend.address }
  const bootstrap: Bench['bootstrap'] = (server, orders = {}) =>
    laptop.run(process.execPath, [program, JSON.stringify({ server, addresses, ...orders })], { timeoutMs: 200_000 })
  return { ...servers, bootstrap }
}

/** Something that answers on each port, also after a boot. */
async function putDoors(machine: Machine, ports: readonly number[]): Promise<void> {
  const listen = ports.map(port => `ListenStream=${port}\n`).join('')
  machine.write(
    '/etc/systemd/system/door.socket',
    `[Socket]\n${listen}Accept=yes\n[Install]\nWantedBy=sockets.target\n`
  )
  machine.write('/etc/systemd/system/door@.service', '[Service]\nExecStart=/bin/true\n')
  await orThrow(machine, 'systemctl daemon-reload && systemctl enable --now door.socket')
}

async function orThrow(machine: Machine, script: string): Promise<string> {
  const { code, out, err } = await machine.run('sh', ['-c', script], 180_000)
  if (code !== 0) throw new Error(`${script}: ${code}\n${out}${err}`)
  return out
}

function install(machine: Machine, ...names: string[]): Promise<string> {
  const apt = 'DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends'
  return orThrow(machine, `apt-get update -qq && ${apt} ${names.join(' ')}`)
}

/** Which of the ports are reached. */
async function open(from: Somewhere, { address }: Machine): Promise<string> {
  const each = `for port in ${asked.join(' ')}; do
  (timeout 2 bash -c "exec 3<>/dev/tcp/${address}/$port" 2>/dev/null && echo $port) &
done; wait`
  const { out } = await from.run('bash', ['-c', each])
  return out
    .split('\n')
    .filter(Boolean)
    .map(Number)
    .sort((a, b) => a - b)
    .join(' ')
}

/** As it is now, and as it will be after a boot. */
function state(machine: Machine): Promise<string> {
  return orThrow(
    machine,
    `nft -s list ruleset; iptables -S; cat /etc/ufw/ufw.conf /etc/ufw/user.rules 2>/dev/null
     find /etc/firewalld /etc/nftables.conf /etc/twinedge -type f -exec sha256sum {} + 2>/dev/null
     systemctl is-enabled ufw firewalld nftables; systemctl list-timers --all 'twinedge*' --no-legend; true`
  )
}

async function reboot(machine: Machine): Promise<void> {
  // The kernel of these servers is this host's, and would keep them.
  await orThrow(machine, 'nft flush ruleset')
  await machine.cutPower()
  await machine.boot()
}

/** From outside, and by a new connection. */
async function holds(
  t: Test,
  { laptop, ground, frontend, backend }: Bench,
  name: 'frontend' | 'backend',
  when: string
) {
  const [machine, peer] = name === 'frontend' ? [frontend, backend] : [backend, frontend]
  t.equal(await open(laptop, machine), '22 80 443', `from the laptop, ${when}`)
  t.equal(await open(ground.stranger, machine), '22 80 443', `from a stranger, ${when}`)
  t.equal(await open(peer, machine), '22 80 443 7443', `from the other server, ${when}`)
  t.equal((await laptop.run('ssh', [name, 'true'])).code, 0, `ssh, ${when}`)
}

/** What every firewall of a server's own promises, once it lets in what it let in on the old days. */
async function promises(t: Test, bench: Bench, name: 'frontend' | 'backend', orders: Partial<FirewallOrders> = {}) {
  const machine = bench[name]
  const before = await state(machine)
  const dry = await bench.bootstrap(name, { ...orders, dryRun: true })
  t.equal(dry.code, 0, dry.out + dry.err)
  t.match(dry.out, /firewall: would be done/)
  t.equal(await state(machine), before, '--dry-run changes nothing')
  const done = await bench.bootstrap(name, orders)
  t.equal(done.code, 0, done.out + done.err)
  t.comment(done.out)
  for (const line of dry.out.split('\n').filter(line => /^ {2}\$ (?:ufw|firewall-cmd|nft insert) /.test(line))) {
    t.ok(done.out.includes(line), `--dry-run has said it: ${line}`)
  }
  await holds(t, bench, name, 'after it')
  const after = await state(machine)
  const again = await bench.bootstrap(name)
  t.match(again.out, /^firewall: done already\n[\s\S]*^old ports: done already\n0 things\n$/m)
  t.equal(await state(machine), after, 'a second time nothing is changed')
  await reboot(machine)
  await holds(t, bench, name, 'after a boot')
  return { dry, done, again }
}

t.setTimeout(900_000)
t.test('no firewall, and ufw: off, turned on, on', { skip, timeout: 420_000 }, async t => {
  const site = await bench(t)
  const { backend, frontend, laptop, bootstrap } = site
  await Promise.all([frontend, backend].map(one => putDoors(one, asked.slice(1))))

  t.test('without one nothing is done, and what is open is told', async t => {
    const { code, out } = await bootstrap('backend')
    t.equal(code, 0, out)
    t.match(out, /^firewall: done already\ndoors:\n {2}WARNING: no firewall here refuses anything: .*systemd :8000/)
    t.match(out, /old ports: done already\n0 things/)
    t.equal(await open(laptop, backend), all)
  })

  await Promise.all([frontend, backend].map(one => install(one, 'ufw', 'nftables')))

  t.test('one that is off stays off, and that is said', async t => {
    const { out } = await bootstrap('backend')
    t.match(out, /firewall:\n {2}ufw is installed, and off; with --enable-firewall/)
    t.equal(await open(laptop, backend), all)
  })

  t.test('one that would shut ssh out is taken back, and the operator is told', async t => {
    await orThrow(backend, `ufw deny from ${laptop.place.address}`)
    const before = await orThrow(backend, 'cat /etc/ufw/ufw.conf')
    const { code, out } = await bootstrap('backend', { enableFirewall: true, patience })
    t.equal(code, 1, out)
    t.match(out, /^SERVER_SSH_SHUT: .*it was taken back .*, and ssh comes in again$/m)
    t.equal((await laptop.run('ssh', ['backend', 'true'])).code, 0)
    t.equal(await orThrow(backend, 'cat /etc/ufw/ufw.conf'), before)
    t.match(await orThrow(backend, 'ufw status'), /inactive/)
  })

  t.test('so it is when the laptop dies meanwhile; and a server that boots then has it off', async t => {
    const dying = async (): Promise<void> => {
      const run = bootstrap('backend', { enableFirewall: true, patience: { ...patience, comeInMs: 60_000 } })
      await until(
        async () => (await orThrow(backend, 'ufw status')).includes('Status: active'),
        () => 'ufw is on'
      )
      laptop.crash()
      await run
    }
    await dying()
    await until(
      async () => (await laptop.run('ssh', ['-o', 'ConnectTimeout=1', 'backend', 'true'])).code === 0,
      () => 'the timer has taken it back'
    )
    await dying()
    await reboot(backend)
    t.equal((await laptop.run('ssh', ['backend', 'true'])).code, 0)
    t.match(await orThrow(backend, 'ufw status'), /inactive/)
    await orThrow(backend, `ufw delete deny from ${laptop.place.address}`)
  })

  t.test('turned on, with ssh let in', async t => {
    await promises(t, site, 'backend', { enableFirewall: true })
  })

  t.test('one that is on', async t => {
    await orThrow(
      frontend,
      `ufw allow OpenSSH && ufw allow 8000/tcp && ufw allow 3000/tcp comment 'the old frontend' && ufw --force enable`
    )
    t.equal(await open(laptop, frontend), '22 3000 8000')
    const { done } = await promises(t, site, 'frontend')
    t.match(done.out, /ufw delete allow 3000\/tcp/)
  })
})

t.test('firewalld, with Docker beside it', { skip, timeout: 420_000 }, async t => {
  const site = await bench(t, { engine: true })
  const { frontend, backend, laptop, bootstrap } = site
  const image = 'tar -C / -c bin/busybox | docker import - door'
  const run = (name: string, options: string): string =>
    `docker run -d --restart=always --name ${name} ${options} door /bin/busybox httpd -f -p 8000`
  await Promise.all([frontend, backend].map(one => install(one, 'busybox-static', 'nftables')))
  await Promise.all([frontend, backend].map(one => orThrow(one, image)))
  await Promise.all([putDoors(frontend, asked.slice(1)), putDoors(backend, asked.slice(1))])
  /** Out of a container, to the world. */
  const out = (machine: Machine, to: Machine): Promise<string> =>
    orThrow(machine, `sleep 1 | docker exec -i old /bin/busybox nc -w 3 ${to.address} 22 2>/dev/null | head -c 7`)

  t.test('one that is on: the interface is in a zone of its own', async t => {
    await install(frontend, 'firewalld')
    await orThrow(frontend, run('old', ''))
    await orThrow(
      frontend,
      `firewall-cmd --permanent --zone=dmz --change-interface=net0 && firewall-cmd --reload &&
       for port in 3000 8000; do
         firewall-cmd --zone=dmz --add-port=$port/tcp && firewall-cmd --permanent --zone=dmz --add-port=$port/tcp
       done`
    )
    t.equal(await open(laptop, frontend), '22 3000 8000')
    t.match((await bootstrap('frontend', { dryRun: true })).out, /Docker has been running since before firewalld/)
    await orThrow(frontend, 'systemctl restart docker')
    await promises(t, site, 'frontend')
    await orThrow(frontend, 'firewall-cmd --reload')
    await holds(t, site, 'frontend', 'after a reload')
    t.equal(await out(frontend, backend), 'SSH-2.0')
  })

  t.test('one that is turned on', async t => {
    await install(backend, 'firewalld')
    await orThrow(backend, `systemctl disable --now firewalld && systemctl restart docker && ${run('old', '')}`)
    t.equal(await open(laptop, backend), all)
    const shut = await bootstrap('backend')
    t.match(shut.out, /firewalld is installed, and off; with --enable-firewall/)
    t.equal(await out(backend, frontend), 'SSH-2.0')
    await promises(t, site, 'backend', { enableFirewall: true })
    t.equal(await out(backend, frontend), 'SSH-2.0', 'containers have the world, as before')
    t.match(await orThrow(backend, 'systemctl is-enabled firewalld'), /^enabled/)
  })

  t.test('what Docker publishes comes past it, and is told', async t => {
    await orThrow(backend, `systemctl stop door.socket && ${run('published', '-p 8000:8000')}`)
    t.equal(await open(laptop, backend), '22 8000', 'past every rule')
    const { out } = await bootstrap('backend')
    t.match(out, /WARNING: Docker publishes published :8000 by rules of its own, which come before those of firewalld/)
  })
})

t.test("nft with rules of the operator's own, and those of iptables", { skip, timeout: 420_000 }, async t => {
  const site = await bench(t)
  const { frontend, backend, laptop, bootstrap } = site
  await Promise.all([frontend, backend].map(one => putDoors(one, asked.slice(1))))
  await Promise.all([install(frontend, 'nftables'), install(backend, 'iptables')])

  t.test('nft', async t => {
    frontend.write(
      '/etc/nftables.conf',
      `#!/usr/sbin/nft -f
flush ruleset
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iif "lo" accept
		tcp dport 22 accept
		ct state new tcp dport 3000 accept
		tcp dport 8000 accept comment "the old backend"
	}
}
`,
      0o755
    )
    await orThrow(frontend, 'systemctl enable --now nftables')
    t.equal(await open(laptop, frontend), '22 3000 8000')
    await promises(t, site, 'frontend')
    await orThrow(frontend, 'systemctl reload nftables')
    await holds(t, site, 'frontend', 'after a reload')
  })

  t.test('iptables: what is told is what is missing, and nothing is done', async t => {
    await orThrow(
      backend,
      `iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT && iptables -A INPUT -i lo -j ACCEPT &&
       for port in 22 80 8000; do iptables -A INPUT -p tcp -m tcp --dport $port -j ACCEPT; done && iptables -P INPUT DROP`
    )
    t.equal(await open(laptop, backend), '22 80 8000')
    const { code, out } = await bootstrap('backend')
    t.equal(code, 0, out)
    const lines = out.split('\n').filter(line => line.startsWith('    iptables '))
    t.same(
      lines.map(line => line.trim()),
      [
        'iptables -I INPUT -p tcp --dport 443 -j ACCEPT',
        `iptables -I INPUT -s ${frontend.address} -p tcp --dport 7443 -j ACCEPT`,
        'iptables -D INPUT -p tcp -m tcp --dport 8000 -j ACCEPT'
      ]
    )
    t.equal(await open(laptop, backend), '22 80 8000')
    await orThrow(backend, lines.join('\n'))
    await holds(t, site, 'backend', 'when that was typed')
    const again = await bootstrap('backend')
    t.match(again.out, /^firewall: done already\n[\s\S]*^old ports: done already\n0 things\n$/m)
  })
})
