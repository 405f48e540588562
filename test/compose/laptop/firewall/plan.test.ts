import t from 'tap'
import { describe } from '../../../../compose/laptop/bootstrap/actions.ts'
import { doorNote, publishedNotes } from '../../../../compose/laptop/firewall/doors.ts'
import type { FirewallPlan } from '../../../../compose/laptop/firewall/firewall.ts'
import { planFirewall } from '../../../../compose/laptop/firewall/plan.ts'
import { type FirewallWanted, oldPorts, sshPorts } from '../../../../compose/laptop/firewall/wanted.ts'
import { type Captured, factsOf } from '../../../fixtures/server-answers.ts'

const wanted: FirewallWanted = {
  ssh: [22],
  open: [80, 443],
  link: { port: 7443, from: ['203.0.113.7'] },
  close: [],
  enable: false
}
const closing: FirewallWanted = { ssh: [], open: [], link: null, close: oldPorts, enable: false }

function planned(captured: Captured, what: Partial<FirewallWanted> = {}): FirewallPlan {
  return planFirewall(factsOf({}, captured).firewall, { ...wanted, ...what })
}

function lines({ actions }: { readonly actions: FirewallPlan['actions'] }): string[] {
  return actions.flatMap(describe)
}

t.test('firewalld: what is missing, now and for good, with no reload', async t => {
  t.same(lines(planned('firewalld')), [
    '$ firewall-cmd --permanent -q --zone=public --add-port=443/tcp',
    '$ firewall-cmd -q --zone=public --add-port=443/tcp'
  ])
  const moved = planned('firewalld', { open: [2222, 39100], link: { port: 7443, from: ['2001:db8::7'] } })
  t.match(lines(moved), [
    /--permanent .*--add-port=2222\/tcp/,
    /--add-port=2222/,
    /--permanent .*--add-rich-rule=rule family="ipv6" source address="2001:db8::7" port port="7443" protocol="tcp" accept/
  ])
  t.equal(moved.actions.length, 4, '39100 is within 39000-40000')
  t.notOk(moved.risky, 'it only lets in')
  const { actions, risky } = planned('firewalld', closing)
  t.same(actions, [])
  t.match(lines(risky!), [/--permanent .*--remove-port=3000\/tcp/, /--remove-port=3000\/tcp/])
  t.match(risky!.back.map(String), [/--permanent,.*--add-port=3000\/tcp/, /--add-port=3000\/tcp/])
})

t.test('ufw: what no rule lets in', async t => {
  t.match(planned('ufw'), { actions: [], risky: null }, 'all of it is let in')
  const more = planned('ufw', { open: [2222], link: { port: 7443, from: ['198.51.100.4'] } })
  t.same(lines(more), ['$ ufw allow 2222/tcp', '$ ufw allow proto tcp from 198.51.100.4 to any port 7443'])
  const { actions, risky } = planned('ufw', closing)
  t.same(actions, [])
  t.same(lines(risky!), ['$ ufw delete allow 3000'])
  t.same(risky!.back, [['ufw', 'allow', '3000']])
})

t.test('ufw: rules with words about them, and rules about more', async t => {
  const ufwrules =
    "ufw allow 3000/tcp comment 'the old frontend'\nufw allow 80,443,8000/tcp\nufw limit 22/tcp comment 'x'"
  const facts = factsOf({ ufw: 'Status: active', ufwrules, ufwstarts: 'ENABLED=yes' }).firewall
  const { risky, notes } = planFirewall(facts, closing)
  t.same(lines(risky!), ['$ ufw delete allow 3000/tcp'])
  t.same(risky!.back, [['ufw', 'allow', '3000/tcp', 'comment', 'the old frontend']])
  t.same(notes, [
    `ufw's rule "allow 80,443,8000/tcp" is about other ports as well, and is left alone: see what it opens`
  ])
  t.same(lines(planFirewall(facts, { ...wanted, open: [22, 80], link: null })), [], 'limit lets in')
})

t.test('ufw: one that was left half-way as it was turned on is brought to its end first', async t => {
  const { firewall } = factsOf({ ufw: 'Status: active', ufwstarts: 1 })
  const [first, second] = lines(planFirewall(firewall, wanted))
  t.equal(first, '$ systemctl -q enable ufw; ENABLED=yes in /etc/ufw/ufw.conf')
  t.equal(second, '$ ufw allow 80/tcp', 'before that, ufw would write it down and do nothing')
})

t.test('firewalld: the interface of this laptop is in a zone of its own', async t => {
  const { firewall } = factsOf({}, 'firewalld')
  const [zone] = firewall.firewalld!.zones
  const none = { services: ['ssh'], ports: ['8000/tcp'], richRules: [], target: 'default' }
  const facts = {
    ...firewall,
    firewalld: { ...firewall.firewalld!, zones: [zone!, { name: 'dmz', now: none, kept: none }] }
  }
  t.match(
    lines(planFirewall(facts, { ...wanted, open: [80] })),
    [
      '$ firewall-cmd --permanent -q --zone=dmz --add-port=80/tcp',
      '$ firewall-cmd -q --zone=dmz --add-port=80/tcp',
      /--zone=dmz '--add-rich-rule=.*203\.0\.113\.7/,
      /--zone=dmz '--add-rich-rule/
    ],
    'the other server may come by either of them'
  )
  const zones = [{ name: 'dmz', now: none, kept: { ...none, ports: ['80/tcp'] } }]
  const half = { ...facts, firewalld: { ...facts.firewalld, zones } }
  t.same(
    lines(planFirewall(half, { ...wanted, open: [80], link: null })),
    ['$ firewall-cmd -q --zone=dmz --add-port=80/tcp'],
    'for good it is let in'
  )
  const { risky } = planFirewall(facts, closing)
  t.match(lines(risky!), [/public --remove-port=3000/, /public/, /dmz --remove-port=8000/, /dmz/])
  t.equal(risky!.back.length, 4)
})

t.test('firewalld: one that runs, and not at boot', async t => {
  const { firewall } = factsOf({}, 'firewalld')
  const facts = { ...firewall, firewalld: { ...firewall.firewalld!, startsAtBoot: false, otherZones: ['dmz'] } }
  t.match(planFirewall(facts, wanted), {
    lasting: [],
    notes: [/zone dmz has rules of its own/, /stays off at the next boot; with --enable-firewall/]
  })
  const told = planFirewall(facts, { ...wanted, enable: true })
  t.same(lines({ actions: told.lasting! }), ['$ systemctl enable firewalld'])
  t.equal(told.notes?.length, 1)
  t.same(planned('firewalld', { enable: true }).lasting, [], 'it is')
  const unknown = { ...firewall, firewalld: { ...firewall.firewalld!, isUnknownToDocker: true } }
  t.match(planFirewall(unknown, wanted), { lasting: [], notes: [/Docker has been running since before/] })
  const restarted = planFirewall(unknown, { ...wanted, enable: true })
  t.same(lines({ actions: restarted.lasting! }), ['$ systemctl try-restart docker'])
  const wide = { ...firewall, firewalld: { ...firewall.firewalld!, otherZones: ['dmz'] } }
  t.same(planFirewall(wide, { ...closing, close: [39500] }).notes, [
    "39000-40000/tcp of firewalld's zone public is about other ports as well, and is left alone: see what it opens"
  ])
})

t.test(
  'one that is off stays off, unless told; then ssh is let in first, and it lasts once ssh has come in',
  async t => {
    const { actions, notes } = planned('ufwoff')
    t.same(actions, [])
    t.match(notes, [/ufw is installed, and off; with --enable-firewall/])
    const ufw = planned('ufwoff', { ssh: [2222, 22], open: [80, 8443], enable: true })
    t.same(lines(ufw), ['$ ufw allow 2222/tcp', '$ ufw allow 8443/tcp'], '22 and 80 are let in, as is the peer')
    const noting = (value: string): string => `sed -i 's/^ENABLED=.*/ENABLED=${value}/' /etc/ufw/ufw.conf`
    t.match(ufw.risky!.actions, [{ run: ['sh', '-c', `ufw --force enable && ${noting('no')}`] }], 'a boot finds it off')
    t.match(lines(ufw.risky!), [/^\$ ufw --force enable; but ENABLED=no/])
    t.same(ufw.risky!.back, [['ufw', '--force', 'disable']])
    t.match(ufw.lasting, [{ run: ['sh', '-c', `${noting('yes')} && systemctl -q enable ufw`] }])
    const firewalld = planFirewall(factsOf({ firewalld: 252 }).firewall, { ...wanted, enable: true })
    t.equal(lines(firewalld)[0], '$ firewall-offline-cmd --add-port=22/tcp')
    t.same(lines(firewalld.risky!), ['$ systemctl start firewalld'])
    t.same(firewalld.risky!.back, [['systemctl', 'stop', 'firewalld']])
    t.same(lines({ actions: firewalld.lasting! }), ['$ systemctl enable firewalld', '$ systemctl try-restart docker'])
    t.match(firewalld.notes, [/Docker is started again/])
  }
)

t.test('rules of iptables alone are told, and left', async t => {
  const { actions, notes } = planFirewall(factsOf({ iptables: '-P INPUT DROP' }).firewall, wanted)
  t.same(actions, [])
  t.match(notes?.join('\n'), /iptables -I INPUT -s 203\.0\.113\.7 -p tcp --dport 7443 -j ACCEPT/)
  t.same(planFirewall(factsOf().firewall, wanted), { actions: [] })
  const closing = { ...wanted, open: [], link: null, close: [3000] }
  t.same(planFirewall(factsOf({ iptables: '-P INPUT DROP' }).firewall, closing), { actions: [], notes: [] })
})

t.test('of the rules of iptables, those that are missing, and those that should go', async t => {
  const iptables = `-P INPUT DROP
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m state --state NEW -m tcp --dport 80 -j ACCEPT
-A INPUT -i eth1 -p tcp -m tcp --dport 443 -j ACCEPT
-A INPUT -s 203.0.113.7/32 -p tcp -m tcp --dport 7443 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 3000 -m comment --comment "the old frontend" -j ACCEPT
-A INPUT -p tcp -m multiport --dports 8000,8888 -j ACCEPT`
  const { firewall } = factsOf({ iptables })
  const peers = { port: 7443, from: ['203.0.113.7', '2001:db8::7'] }
  t.same(planFirewall(firewall, { ...wanted, link: peers }).notes?.slice(1), [
    '  iptables -I INPUT -p tcp --dport 443 -j ACCEPT',
    '  ip6tables -I INPUT -s 2001:db8::7 -p tcp --dport 7443 -j ACCEPT'
  ])
  t.same(planFirewall(firewall, closing).notes?.slice(1), [
    '  iptables -D INPUT -p tcp -m tcp --dport 3000 -m comment --comment "the old frontend" -j ACCEPT'
  ])
  t.same(planFirewall(firewall, { ...wanted, open: [80], link: null }), { actions: [], notes: [] })
})

t.test('what Docker publishes is told as open, whatever firewall there is', async t => {
  const published =
    'old-api\t0.0.0.0:8000->8000/tcp, [::]:8000->8000/tcp, 127.0.0.1:9000->9000/tcp, 0.0.0.0:53->53/udp\n' +
    'db\t10.0.0.4:5432-5433->5432-5433/tcp\nedge\t\nweb\t3000/tcp'
  const facts = factsOf({ published }, 'ufw')
  t.match(publishedNotes(facts), [
    /^WARNING: Docker publishes old-api :8000, db :5432, db :5433 by .* those of ufw: open/
  ])
  t.same(publishedNotes(factsOf({ published })), [], 'without one, all that listens is told')
  t.same(publishedNotes(factsOf({}, 'ufw')), [])
})

t.test('what is open, and what the provider is to let in, is one line', async t => {
  const listening = [
    'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=612,fd=3))',
    'tcp LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=612,fd=4))',
    'tcp LISTEN 0 128 127.0.0.1:631 0.0.0.0:* users:(("cupsd",pid=7,fd=3))',
    'tcp LISTEN 0 128 *:5432 *:* users:(("postgres",pid=8,fd=3))',
    'udp UNCONN 0 0 *:53 *:* users:(("named",pid=9,fd=3))'
  ].join('\n')
  t.equal(
    doorNote(factsOf({ listening }), wanted),
    'WARNING: no firewall here refuses anything: whatever listens is open to the world (sshd :22, postgres :5432); ' +
      "the provider's firewall is to let in TCP 22, 80, 443 of everybody, 7443 of 203.0.113.7, and nothing else"
  )
  const alone = { ...wanted, link: null }
  t.match(
    doorNote(factsOf({ iptables: '-P INPUT DROP' }), alone),
    /^WARNING: its iptables rules are not ours, .*22, 80, 443 of everybody, and nothing else$/
  )
  t.match(doorNote(factsOf({}, 'ufw'), wanted), /^ufw refuses here what it does not let in; the provider's/)
})

t.test('the port by which the laptop has come is always one of those let in', async t => {
  t.same(sshPorts(factsOf({ connection: '198.51.100.9 50414 203.0.113.7 2222' })), [2222, 22])
  t.same(sshPorts(factsOf({ connection: '', listening: '' })), [22])
})
