import t from 'tap'
import { describe } from '../../../../compose/laptop/bootstrap/actions.ts'
import type { FirewallPlan, NftChain, NftFacts, NftRule } from '../../../../compose/laptop/firewall/firewall.ts'
import { planFirewall } from '../../../../compose/laptop/firewall/plan.ts'
import { type FirewallWanted, oldPorts } from '../../../../compose/laptop/firewall/wanted.ts'
import { planNft } from '../../../../compose/laptop/nft/rules.ts'
import { factsOf } from '../../../fixtures/server-answers.ts'

const wanted: FirewallWanted = {
  ssh: [],
  open: [80, 443],
  link: { port: 7443, from: ['203.0.113.7'] },
  close: [],
  enable: false
}
const bootText =
  'flush ruleset\ntable inet filter {\n\tchain input { type filter hook input priority 0; policy drop; }\n}\n'

function facts(chains: readonly NftChain[], more: Partial<NftFacts> = {}): NftFacts {
  return { chains, file: '/etc/nftables.conf', fileText: bootText, fileMode: 0o755, kept: '', isEnabled: true, ...more }
}

function chain(family: string, rules: readonly NftRule[] = []): NftChain {
  return { family, table: 'filter', name: 'input', rules }
}

function own(handle: number, more: Partial<NftRule>): NftRule {
  return { handle, comment: 'twinedge', ports: [], from: null, verdict: 'accept', isPlain: true, ...more }
}

function lines(actions: FirewallPlan['actions'] | undefined): string[] {
  return (actions ?? []).flatMap(describe)
}

t.test('before what refuses, in one go; in a file of its own that the boot reads', async t => {
  const { firewall } = factsOf({}, 'nft')
  t.same(planFirewall(firewall, wanted).actions, [], 'all of it is let in')
  const nft = { ...firewall.nft!, fileMode: 0o600 }
  const { actions, risky } = planNft(nft, {
    ...wanted,
    open: [2222, 80, 39500],
    link: { port: 7443, from: ['198.51.100.4'] }
  })
  t.same(lines(actions), [
    `$ nft 'insert rule inet filter input tcp dport { 2222 } accept comment "twinedge"; insert rule inet filter input ip saddr 198.51.100.4 tcp dport 7443 accept comment "twinedge"'`,
    'new file /etc/twinedge/firewall.nft (0644)',
    '  + # Written by: twinedge bootstrap',
    '  + insert rule inet filter input tcp dport { 2222 } accept comment "twinedge"',
    '  + insert rule inet filter input ip saddr 198.51.100.4 tcp dport 7443 accept comment "twinedge"',
    '$ nft --check --file - </etc/nftables.conf, as it is going to be',
    'file /etc/nftables.conf (0600)',
    '  + include "/etc/twinedge/firewall.nft"'
  ])
  t.notOk(risky, 'it only lets in')
})

const forOld = 'insert rule inet filter input ip saddr 203.0.113.7 tcp dport 7443 accept comment "twinedge"'
const forWeb = 'insert rule inet filter input tcp dport { 80, 443 } accept comment "twinedge"'
const keptText = ['# Written by: twinedge bootstrap', forWeb, forOld, ''].join('\n')
const ownRules = [own(8, { ports: ['80', '443'] }), own(9, { ports: ['7443'], from: '203.0.113.7' })]
const included = `${bootText}include "/etc/twinedge/firewall.nft"\n`

t.test(
  'another peer: the old rules go and the new ones come at once, and ssh is seen to come in before it lasts',
  async t => {
    const before = facts([chain('inet', ownRules)], { kept: keptText, fileText: included })
    t.same(planNft(before, wanted), { actions: [], notes: [] }, 'the same peer: nothing to do')
    const { actions, risky, lasting } = planNft(before, { ...wanted, link: { port: 7443, from: ['198.51.100.4'] } })
    const forNew = forOld.replace('203.0.113.7', '198.51.100.4')
    t.same(risky?.actions, [
      {
        run: [
          'nft',
          `delete rule inet filter input handle 8; delete rule inet filter input handle 9; ${forWeb}; ${forNew}`
        ]
      }
    ])
    t.match(lines(actions), [
      /flush chain inet filter input.* nft -s list chain inet filter input; .*nft --check --file/
    ])
    t.equal(actions.length, 1)
    t.match(risky?.back, [['nft', '--file', /^\/run\//]])
    t.match(lines(lasting), ['file /etc/twinedge/firewall.nft (0644)', /- .*203\.0\.113\.7/, /\+ .*198\.51\.100\.4/])
    t.equal(lasting?.length, 1, 'it is included already')
  }
)

t.test('rules that a reboot or somebody has taken away come back', async t => {
  const half = facts([chain('inet', ownRules.slice(0, 1))], { kept: keptText, fileText: included })
  t.match(planNft(half, wanted).risky?.actions, [{ run: ['nft', /handle 8; insert .*; insert/] }])
  const gone = facts([chain('inet')], { kept: keptText, fileText: included })
  t.same(planNft(gone, wanted), { actions: [{ run: ['nft', `${forWeb}; ${forOld}`] }], notes: [] })
})

t.test('chains of ip and of ip6 get the addresses of their own', async t => {
  const link = { port: 7443, from: ['203.0.113.7', '2001:db8::/32'] }
  const [action] = planNft(facts([chain('ip'), chain('ip6'), chain('inet')]), { ...wanted, link }).actions
  t.same((action as { run: string[] }).run[1]?.split('; '), [
    'insert rule ip filter input tcp dport { 80, 443 } accept comment "twinedge"',
    'insert rule ip filter input ip saddr 203.0.113.7 tcp dport 7443 accept comment "twinedge"',
    'insert rule ip6 filter input tcp dport { 80, 443 } accept comment "twinedge"',
    'insert rule ip6 filter input ip6 saddr 2001:db8::/32 tcp dport 7443 accept comment "twinedge"',
    forWeb,
    forOld,
    'insert rule inet filter input ip6 saddr 2001:db8::/32 tcp dport 7443 accept comment "twinedge"'
  ])
})

t.test('a chain that needs nothing is no reason to begin again', async t => {
  const open = own(3, { comment: 'of theirs', ports: ['80', '443'] })
  const all = facts([chain('inet', ownRules), chain('ip6', [open])], { kept: keptText, fileText: included })
  t.same(planNft(all, wanted).actions, [])
})

t.test('a boot file that does not make the chain is left alone, and told', async t => {
  const strange: readonly (readonly [Partial<NftFacts>, RegExp])[] = [
    [{ fileText: 'flush ruleset\n' }, /as \/etc\/nftables\.conf does not make inet filter input; .*insert rule/],
    [{ fileText: '# table inet filter { chain input {\n' }, /does not make/],
    [{ fileText: 'table inet filter { chain input-more { } }\n' }, /does not make/],
    [{ fileText: 'table ip filter { chain input { } }\n' }, /does not make/],
    [{ fileText: '' }, /as \/etc\/nftables\.conf cannot be read/],
    [{ file: null, fileText: '' }, /as there is no file of nft's that makes inet filter input/]
  ]
  for (const [more, why] of strange) {
    const { actions, notes } = planNft(facts([chain('inet')], more), wanted)
    t.match(lines(actions), [
      /insert rule/,
      'new file /etc/twinedge/firewall.nft (0644)',
      /Written/,
      /\+ # now, not at boot: insert/
    ])
    t.equal(actions.length, 2)
    t.match(notes?.join(), why)
    const text = (actions[1] as { text: string }).text
    const after = facts([chain('inet', ownRules)], { ...more, kept: text })
    t.same(planNft(after, wanted).actions, [], 'and then it is done')
  }
  const short = facts([chain('ip')], {
    fileText: 'table filter {\n chain input { type filter hook input priority 0; }\n}\n'
  })
  t.match(
    lines(planNft(short, wanted).actions),
    [/./, /./, /./, /\+ insert rule ip filter/],
    'ip is what nft means by none'
  )
})

t.test('a boot file that cannot be read just now does not make what lasts go', async t => {
  const unread = facts([chain('inet', ownRules)], { kept: keptText, fileText: '' })
  t.same(planNft(unread, wanted).actions, [])
  const { lasting } = planNft(unread, { ...wanted, link: null })
  t.match(lasting, [{ text: /^insert rule/m }])
  const modeless = facts([chain('inet')], { fileMode: null })
  t.notMatch(lines(planNft(modeless, wanted).actions).join(), /include/)
})

t.test('old ports are closed in one go, with a way back', async t => {
  const { firewall } = factsOf({}, 'nft')
  const closing = { ssh: [], open: [], link: null, close: oldPorts, enable: false }
  const { risky, notes } = planFirewall(firewall, closing)
  t.same(lines(risky?.actions), [
    "$ nft 'delete rule inet filter input handle 7; delete rule inet filter input handle 9'"
  ])
  t.match(risky?.back, [['nft', '--file', /^\/run\//]])
  t.match(notes, [/3000: \/etc\/nftables\.conf may open it again/, /8000/])
})

const closing = { ssh: [], open: [], link: null, close: oldPorts, enable: false }
const open3000 = own(4, { comment: 'the old one', ports: ['3000'] })

t.test('its line goes out of the file that is read at boot, if it is the only one that says so', async t => {
  const bootOf = (...rules: string[]): string =>
    bootText.replace('policy drop; }', `policy drop;\n${rules.join('\n')}\n}`)
  const lasting = (fileText: string) => planNft(facts([chain('inet', [open3000])], { fileText }), closing)
  for (const line of [
    '\ttcp dport 3000 accept',
    ' ct state { new, related } tcp dport { 3000 } counter accept; # old'
  ]) {
    t.match(lines(lasting(bootOf(' tcp dport 22 accept', line)).lasting), [
      '$ nft --check --file - </etc/nftables.conf, as it is going to be',
      'file /etc/nftables.conf (0755)',
      new RegExp(`  - ${RegExp.escape(line)}$`)
    ])
    const forward = `chain forward {\n${line}\n}`
    const both = bootOf(line).replace(/\}\n$/, `${forward}\n}\n`)
    t.match(lasting(both).lasting?.[1], { text: both.replace(`${line}\n`, '') }, 'what forwards stays')
    const plan = lasting(bootOf(line).trimEnd())
    t.same(plan.notes, [])
    t.match(plan.lasting?.[1], { text: /\n$/ }, 'ssh brings it without, and nft refuses an include that ends so')
  }
  const unclear = [
    bootOf(),
    bootOf('tcp dport 3000 accept', 'tcp dport 3000 accept comment "again"'),
    bootOf('iif eth1 tcp dport 3000 accept'),
    bootOf('tcp dport { 3000, 8888 } accept'),
    'table ip filter {\n chain input {\n tcp dport 3000 accept\n}\n}\n',
    bootOf().replace(/\}\n$/, 'chain forward {\n tcp dport 3000 accept\n}\n}\n')
  ]
  for (const text of unclear) {
    const { lasting: actions, notes } = lasting(text)
    t.same(actions, [], text)
    t.match(notes, [/3000: \/etc\/nftables\.conf may open it again; take its line out there/])
  }
})

t.test('a rule for new connections is closed as well; one about more is told', async t => {
  const expr = (right: unknown, ...more: unknown[]) => [
    ...more,
    { match: { op: 'in', left: { ct: { key: 'state' } }, right } },
    { match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: 3000 } },
    { accept: null }
  ]
  const rule = (handle: number, expr: unknown) => ({
    rule: { family: 'inet', table: 'filter', chain: 'input', handle, expr }
  })
  const base = { family: 'inet', table: 'filter', name: 'input', hook: 'input', policy: 'drop' }
  const nft = JSON.stringify({
    nftables: [
      { chain: base },
      rule(1, expr('new')),
      rule(2, expr(['established', 'new'])),
      rule(3, expr('established')),
      rule(4, expr('new', { match: { op: '==', left: { meta: { key: 'iifname' } }, right: 'eth1' } }))
    ]
  })
  const { risky, notes } = planFirewall(factsOf({ nft }).firewall, closing)
  t.same(risky?.actions, [
    { run: ['nft', 'delete rule inet filter input handle 1; delete rule inet filter input handle 2'] }
  ])
  t.equal(notes?.filter(note => /for 3000 is about more than that, and is left alone/.test(note)).length, 2)
})
