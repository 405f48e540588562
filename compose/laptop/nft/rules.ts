import { isIPv6 } from 'node:net'
import type { Action } from '../bootstrap/step.ts'
import type { FirewallPlan, NftChain, NftFacts, NftRule } from '../firewall/firewall.ts'
import { type FirewallWanted, hasPort } from '../firewall/wanted.ts'
import { type ChainLines, placeOf, planFiles, planRemoval, sameLines, textOf } from './boot-file.ts'

const mark = 'twinedge'
/** Of the running system: gone with it, as the rules are that it would bring back. */
const savedFile = '/run/twinedge-firewall-back.nft'

/** Before what is there, in each chain that refuses: what comes first counts. */
export function planNft(facts: NftFacts, wanted: FirewallWanted): FirewallPlan {
  return wanted.close.length > 0 ? planClosing(facts, wanted) : planOpening(facts, wanted)
}

function planOpening(facts: NftFacts, wanted: FirewallWanted): FirewallPlan {
  const all = facts.chains.map(chain => ({ chain, lines: linesFor(chain, wanted) }))
  const isKept = sameLines(textOf(facts, all), facts.kept)
  const stale = all.filter(({ chain, lines }) => !isKept || ownRules(chain).length !== lines.length)
  const changes = stale.flatMap(({ chain, lines }) => [...ownRules(chain).map(rule => remove(chain, rule)), ...lines])
  const { actions: lasting, notes } = planFiles(facts, all)
  const isTaking = stale.some(({ chain }) => ownRules(chain).length > 0)
  if (!isTaking) return { actions: [...atOnce(changes), ...lasting], notes }
  return { ...risking(stale, changes), lasting, notes }
}

function planClosing(facts: NftFacts, { close }: FirewallWanted): FirewallPlan {
  const open = facts.chains.flatMap(chain =>
    chain.rules
      .filter(({ verdict, from, ports }) => verdict === 'accept' && from === null && close.some(hasOf(ports)))
      .map(one => ({ chain, one }))
  )
  const old = open.filter(({ one }) => one.isPlain && close.some(port => isOf(one.ports, port)))
  const among = open
    .filter(one => !old.includes(one))
    .map(
      ({ chain, one }) =>
        `a rule of ${placeOf(chain)} for ${one.ports.join(', ')} is about more than that, and is left alone: see what it opens`
    )
  if (old.length === 0) return { actions: [], notes: among }
  const changes = old.map(({ chain, one }) => remove(chain, one))
  const { actions: lasting, notes } = planRemoval(facts, old)
  return { ...risking(old, changes), lasting, notes: [...notes, ...among] }
}

function hasOf(ports: readonly string[]): (port: number) => boolean {
  return port => ports.some(one => hasPort(one, port))
}

/** All of it or nothing: at no time is something shut that was open before and is afterwards. */
function atOnce(changes: readonly string[]): Action[] {
  return changes.length === 0 ? [] : [{ run: ['nft', changes.join('; ')] }]
}

/** The chains are put down as they are, in a file that is tried before anything is taken out of them. */
function risking(
  of: readonly { readonly chain: NftChain }[],
  changes: readonly string[]
): Pick<FirewallPlan, 'actions' | 'risky'> {
  const places = [...new Set(of.map(({ chain }) => placeOf(chain)))]
  const saving = places.map(place => `echo 'flush chain ${place}' && nft -s list chain ${place}`).join(' && ')
  return {
    actions: [{ run: ['sh', '-c', `{ ${saving}; } >${savedFile} && nft --check --file ${savedFile}`] }],
    risky: { actions: atOnce(changes), back: [['nft', '--file', savedFile]] }
  }
}

/** What a chain lacks; an address of the other family has no place in one that is of ip or ip6 alone. */
function linesFor(chain: NftChain, { open, link }: FirewallWanted): string[] {
  const others = chain.rules.filter(({ comment }) => comment !== mark)
  const ports = open.filter(port => !others.some(one => isOpening(one, port)))
  const peers = (link?.from ?? []).filter(
    from => fits(chain, from) && !others.some(one => isPeerRule(one, from, link!.port))
  )
  const insert = (what: string): string => `insert rule ${placeOf(chain)} ${what} accept comment "${mark}"`
  return [
    ...(ports.length > 0 ? [insert(`tcp dport { ${ports.join(', ')} }`)] : []),
    ...peers.map(from => insert(`${familyOf(from)} saddr ${from} tcp dport ${link!.port}`))
  ]
}

function fits({ family }: ChainLines['chain'], from: string): boolean {
  return family === 'inet' || family === familyOf(from)
}

function familyOf(from: string): 'ip' | 'ip6' {
  return isIPv6(from.replace(/\/.*$/, '')) ? 'ip6' : 'ip'
}

function isOpening({ ports, from, verdict, isPlain }: NftRule, port: number): boolean {
  return isPlain && from === null && verdict === 'accept' && ports.some(one => hasPort(one, port))
}

function isPeerRule({ ports, from, verdict, isPlain }: NftRule, peer: string, port: number): boolean {
  return isPlain && from === peer && verdict === 'accept' && ports.some(one => hasPort(one, port))
}

function isOf(ports: readonly string[], port: number): boolean {
  return ports.length === 1 && ports[0] === `${port}`
}

function ownRules({ rules }: NftChain): NftRule[] {
  return rules.filter(({ comment }) => comment === mark)
}

function remove(chain: NftChain, { handle }: NftRule): string {
  return `delete rule ${placeOf(chain)} handle ${handle}`
}
