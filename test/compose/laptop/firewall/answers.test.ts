import t from 'tap'
import { factsOf } from '../../../fixtures/server-answers.ts'

t.test('firewalld: its zone, now and after a reload', async t => {
  const { firewall } = factsOf({}, 'firewalld')
  t.equal(firewall.kind, 'firewalld')
  t.match(firewall.firewalld, {
    otherZones: [],
    zones: [
      {
        name: 'public',
        kept: {
          services: ['dhcpv6-client', 'ssh'],
          ports: ['3000/tcp', '80/tcp', '39000-40000/tcp'],
          richRules: ['rule family="ipv4" source address="203.0.113.7" port port="7443" protocol="tcp" accept'],
          target: 'default'
        }
      }
    ]
  })
  const [zone, ...more] = firewall.firewalld!.zones
  t.same(more, [])
  t.same(zone?.now, zone?.kept)
})

t.test('firewalld: whether it is on at boot, and whether Docker has found it', async t => {
  const running = (changed: Record<string, string>) =>
    factsOf({ firewalld: 'running', zone: 'dmz', ...changed }).firewall
  const zones =
    'docker\n  interfaces: docker0\ndmz\n  interfaces: eth0\nhome (active)\n  sources: 10.0.0.0/8\npublic (default)'
  const { firewalld } = running({ zones, engine: '26.1.5', firewalldstarts: 'enabled' })
  t.match(firewalld, { startsAtBoot: true, isUnknownToDocker: false })
  t.same(firewalld?.otherZones, ['home'], 'firewalld 2 lists the default one also when it has nothing')
  t.match(running({ zones: 'dmz\n  interfaces: eth0', engine: '26.1.5', firewalldstarts: 'disabled' }).firewalld, {
    otherZones: [],
    startsAtBoot: false,
    isUnknownToDocker: true
  })
  t.match(running({}).firewalld, { isUnknownToDocker: false }, 'there is no engine')
})

t.test('ufw: its rules as they were typed, whether it is on or off', async t => {
  const rules = ['allow 22/tcp', 'allow OpenSSH', 'allow 3000', 'allow from 203.0.113.7 to any port 7443 proto tcp']
  const on = factsOf({}, 'ufw').firewall
  t.match(on, { kind: 'ufw', ufw: { isActive: true, isClosed: true } })
  t.same(on.ufw?.rules, [...rules, 'allow 80,443/tcp'])
  const off = factsOf({}, 'ufwoff').firewall
  t.match(off, { kind: 'none', idle: ['firewalld', 'ufw', 'nft'], ufw: { isActive: false } })
  t.same(off.ufw?.rules, [...rules, 'allow 80,443/tcp'])
})

t.test('nft: the chain that refuses, and what each of its rules lets in', async t => {
  const { kind, nft } = factsOf({}, 'nft').firewall
  t.equal(kind, 'nft')
  t.match(nft, { file: '/etc/nftables.conf', fileText: /policy drop/ })
  const [chain, ...more] = nft!.chains
  t.same(more, [])
  t.match(chain, { family: 'inet', table: 'filter', name: 'input' })
  const ported = chain!.rules.filter(({ ports }) => ports.length > 0)
  t.match(ported, [
    { ports: ['22', '80', '443'], from: null, verdict: 'accept', isPlain: true },
    { ports: ['3000'], comment: 'the old frontend', isPlain: true },
    { ports: ['7443'], from: '203.0.113.7', isPlain: true },
    { ports: ['8000'], isPlain: true },
    { ports: ['39000-40000'] }
  ])
  t.notOk(chain!.rules.at(-1)!.isPlain, 'five pings a second')
})

t.test('the mode of the file that nft reads at boot, and a timer that is about to take something back', async t => {
  t.match(factsOf({ nftfilemode: '600' }, 'nft').firewall, { isPending: false, nft: { fileMode: 0o600 } })
  t.match(factsOf({ firewallback: 'active' }, 'nft').firewall, { isPending: true, nft: { fileMode: null } })
})

t.test('rules of iptables alone, and nothing at all', async t => {
  t.equal(factsOf({ iptables: '-P INPUT DROP\n-A INPUT -p tcp --dport 22 -j ACCEPT' }).firewall.kind, 'iptables')
  t.equal(factsOf({ iptables: '-P INPUT ACCEPT' }).firewall.kind, 'none')
  t.match(factsOf({ firewalld: 252 }).firewall, { kind: 'none', idle: ['firewalld'] })
})
