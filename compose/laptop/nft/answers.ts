import type { NftChain, NftRule } from '../firewall/firewall.ts'

/** As `nft -j list ruleset` has them (libnftables-json(5)); of each, what is asked for here. */
interface Listed {
  readonly chain?: ChainListed
  readonly rule?: RuleListed
}

interface ChainListed {
  readonly family: string
  readonly table: string
  readonly name: string
  readonly hook?: string
  readonly policy?: string
}

interface RuleListed {
  readonly family: string
  readonly table: string
  readonly chain: string
  readonly handle: number
  readonly comment?: string
  readonly expr: readonly Record<string, unknown>[]
}

interface Match {
  readonly op: string
  readonly left: {
    readonly payload?: { readonly protocol?: string; readonly field?: string }
    readonly ct?: { readonly key?: string }
  }
  readonly right: unknown
}

/** @returns the chains for what comes in that refuse what they do not accept; none, if it is not to be read */
export function parseChains(text: string): NftChain[] {
  const all = listed(text)
  const rules = all.flatMap(({ rule }) => rule ?? [])
  return all
    .flatMap(({ chain }) => (chain?.hook === 'input' && !isOfIptables(chain) ? chain : []))
    .map(chain => ({ chain, own: rules.filter(rule => isOf(rule, chain)) }))
    .filter(({ chain, own }) => chain.policy === 'drop' || endsRefusing(own))
    .map(({ chain: { family, table, name }, own }) => ({ family, table, name, rules: own.map(parseRule) }))
}

function listed(text: string): readonly Listed[] {
  try {
    return (JSON.parse(text) as { nftables: Listed[] }).nftables
  } catch {
    return []
  }
}

/** What `iptables` of today writes: its own commands change it, and nothing of nft's survives them. */
function isOfIptables({ family, table, name }: ChainListed): boolean {
  return name === 'INPUT' && table === 'filter' && family !== 'inet'
}

function isOf(rule: RuleListed, { family, table, name }: ChainListed): boolean {
  return rule.family === family && rule.table === table && rule.chain === name
}

function endsRefusing(rules: readonly RuleListed[]): boolean {
  const last = rules.at(-1)
  return last !== undefined && parseRule(last).verdict === 'refuse' && !last.expr.some(one => 'match' in one)
}

function parseRule({ handle, comment = '', expr }: RuleListed): NftRule {
  const matches = expr.flatMap(one => ('match' in one ? [one.match as Match] : []))
  const find = (protocols: string[], field: string): Match | undefined =>
    matches.find(
      ({ left, op }) => op === '==' && left.payload?.field === field && protocols.includes(left.payload.protocol ?? '')
    )
  const [ports, from] = [find(['tcp', 'th'], 'dport'), find(['ip', 'ip6'], 'saddr')]
  const isOwn = (match: unknown): boolean => match === ports || match === from || isOfNew(match as Match)
  const others = expr.filter(one => !('counter' in one) && !('accept' in one) && !('match' in one && isOwn(one.match)))
  return {
    handle,
    comment,
    ports: ports === undefined ? [] : itemsOf(ports.right),
    from: from === undefined ? null : itemsOf(from.right).join(','),
    verdict: verdictOf(expr),
    isPlain: others.length === 0
  }
}

/** `ct state new`, and with others: every connection begins so. */
function isOfNew({ left, right }: Match): boolean {
  return left.ct?.key === 'state' && itemsOf(right).includes('new')
}

function verdictOf(expr: readonly Record<string, unknown>[]): NftRule['verdict'] {
  if (expr.some(one => 'accept' in one)) return 'accept'
  return expr.some(one => 'drop' in one || 'reject' in one) ? 'refuse' : null
}

/** `22`, `{"set": [22, {"range": [80, 90]}]}`, `{"prefix": {"addr": "10.0.0.0", "len": 8}}`. */
function itemsOf(right: unknown): string[] {
  if (typeof right !== 'object' || right === null) return [String(right)]
  if (Array.isArray(right)) return right.flatMap(itemsOf)
  const { set, range, prefix } = right as { set?: unknown[]; range?: unknown[]; prefix?: { addr: string; len: number } }
  if (Array.isArray(set)) return set.flatMap(itemsOf)
  if (range !== undefined) return [range.join('-')]
  return prefix === undefined ? [JSON.stringify(right)] : [`${prefix.addr}/${prefix.len}`]
}
