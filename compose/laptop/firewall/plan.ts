import { isIPv6 } from 'node:net'
import { planNft } from '../nft/rules.ts'
import { quoted } from '../ssh/quote.ts'
import type { FirewallFacts, FirewallPlan } from './firewall.ts'
import { enableFirewalld, planFirewalld } from './firewalld.ts'
import { enableUfw, planUfw } from './ufw.ts'
import { type FirewallWanted, hasPort } from './wanted.ts'

/** What is to be opened and closed in whichever firewall decides there. Pure. */
export function planFirewall(facts: FirewallFacts, wanted: FirewallWanted): FirewallPlan {
  const { kind, firewalld, ufw, nft } = facts
  if (kind === 'firewalld' && firewalld !== null) return planFirewalld(firewalld, wanted)
  if (kind === 'ufw' && ufw !== null) return planUfw(ufw, wanted)
  if (kind === 'nft' && nft !== null) return planNft(nft, wanted)
  if (kind === 'iptables') return { actions: [], notes: iptablesNotes(facts.iptables, wanted) }
  return planIdle(facts, wanted)
}

const byHand =
  "its firewall is iptables with rules of somebody's own, which are left alone; type as root, and keep over a boot"

/** The lines that remain to be typed. */
function iptablesNotes(rules: readonly string[], { open, link, close }: FirewallWanted): string[] {
  const all = rules.flatMap(rule => parseAccept(rule) ?? [])
  const has = (port: number, peer: string | null): boolean =>
    all.some(({ ports, from }) => from === peer && ports.some(one => hasPort(one, port)))
  const accept = (program: string, rest: readonly string[]): string =>
    `  ${quoted([program, '-I', 'INPUT', ...rest, '-j', 'ACCEPT'])}`
  const missing = open
    .filter(port => !has(port, null))
    .map(port => accept('iptables', ['-p', 'tcp', '--dport', `${port}`]))
  const peers = (link?.from ?? [])
    .filter(from => !has(link!.port, from))
    .map(from => {
      const program = isIPv6(from.replace(/\/.*$/, '')) ? 'ip6tables' : 'iptables'
      return accept(program, ['-s', from, '-p', 'tcp', '--dport', `${link!.port}`])
    })
  const old = all
    .filter(({ ports, from }) => from === null && ports.length === 1 && close.some(port => ports[0] === `${port}`))
    .map(({ rule }) => `  iptables ${rule.replace(/^-A/, '-D')}`)
  const lines = [...missing, ...peers, ...old]
  return lines.length === 0 ? [] : [`${byHand}:`, ...lines]
}

interface Accepting {
  readonly rule: string
  readonly ports: readonly string[]
  /** null: anybody. */
  readonly from: string | null
}

/** @param rule of `iptables -S` @returns null: it is about something else, or about more than ports and a source */
function parseAccept(rule: string): Accepting | null {
  const plain = rule
    .replace(/ -m comment --comment (?:"[^"]*"|\S+)/, '')
    .replace(/ -m (?:state --state|conntrack --ctstate) \S*NEW\S*/, '')
  const said = /^-A INPUT(?: -s (\S+))? -p tcp(?: -m (?:tcp|multiport))? --dports? (\S+) -j ACCEPT$/.exec(plain)
  return said && { rule, ports: said[2]!.split(','), from: said[1]?.replace(/\/(?:32|128)$/, '') ?? null }
}

/** One that is off stays off: whoever turns it on should know what else runs there. */
function planIdle({ idle, ufw }: FirewallFacts, wanted: FirewallWanted): FirewallPlan {
  const found = (['ufw', 'firewalld'] as const).find(name => idle.includes(name))
  if (found === undefined) return { actions: [] }
  if (wanted.enable) return found === 'ufw' ? enableUfw(ufw, wanted) : enableFirewalld(wanted)
  const off = `${found} is installed, and off; with --enable-firewall it is turned on, with ssh let in`
  return { actions: [], notes: wanted.close.length > 0 ? [] : [off] }
}
