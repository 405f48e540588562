import type { Answers } from '../facts/answers.ts'
import { parseChains } from '../nft/answers.ts'
import type { FirewalldFacts, FirewallFacts, NftFacts, UfwFacts, ZoneFacts } from './firewall.ts'

export function parseFirewall(answers: Answers): FirewallFacts {
  const [firewalld, ufw, nft] = [parseFirewalld(answers), parseUfw(answers), parseNft(answers)]
  const idle = (['firewalld', 'ufw', 'nft'] as const).filter(name => isIdle(answers, name))
  const isPending = answers.text('firewallback') === 'active'
  const iptables = answers.lines('iptables')
  return { kind: kindOf(answers, { firewalld, ufw, nft }), idle, isPending, firewalld, ufw, nft, iptables }
}

type Found = Pick<FirewallFacts, 'firewalld' | 'ufw' | 'nft'>

/** firewalld and ufw write rules for the kernel themselves, which are then seen as nft's or those of iptables, too. */
function kindOf(answers: Answers, { firewalld, ufw, nft }: Found): FirewallFacts['kind'] {
  if (firewalld !== null) return 'firewalld'
  if (ufw?.isActive) return 'ufw'
  if (nft !== null && nft.chains.length > 0) return 'nft'
  return isRefusing(answers.lines('iptables')) ? 'iptables' : 'none'
}

/** firewall-cmd(1) */
const notRunning = 252

function isIdle(answers: Answers, name: 'firewalld' | 'ufw' | 'nft'): boolean {
  if (name === 'firewalld') return answers.get('firewalld')?.code === notRunning
  if (name === 'ufw') return /^Status: inactive/m.test(answers.text('ufw'))
  return answers.text('nftfile') !== '' && answers.text('nftstarts') !== 'enabled'
}

function parseFirewalld(answers: Answers): FirewalldFacts | null {
  if (answers.text('firewalld') !== 'running') return null
  const [now, kept] = [answers.every('zonenow'), answers.every('zonekept')]
  const zones = answers.every('zone').map((name, at) => ({
    name,
    now: parseZone(now[at] ?? ''),
    kept: parseZone(kept[at] ?? '')
  }))
  // `public (default)` since firewalld 2, which lists that one also when it has nothing.
  const active = [...answers.text('zones').matchAll(/^(\S+).*\n +(?:interfaces|sources): \S/gm)].map(
    ([, name]) => name!
  )
  return {
    zones,
    otherZones: active.filter(name => name !== 'docker' && !zones.some(one => one.name === name)),
    startsAtBoot: answers.text('firewalldstarts') === 'enabled',
    isUnknownToDocker: answers.text('engine') !== '' && !active.includes('docker')
  }
}

/** @param text of `firewall-cmd --list-all` */
function parseZone(text: string): ZoneFacts {
  const words = (name: string): string[] =>
    (new RegExp(`^ +${name}: (.*)$`, 'm').exec(text)?.[1] ?? '').split(' ').filter(Boolean)
  const [, rules = ''] = text.split(/^ +rich rules: *$/m)
  return {
    services: words('services'),
    ports: words('ports'),
    richRules: rules.split('\n').flatMap(line => line.trim() || []),
    target: words('target')[0] ?? 'default'
  }
}

function parseUfw(answers: Answers): UfwFacts | null {
  if (!answers.has('ufw')) return null
  const status = answers.text('ufw')
  const rules = answers.lines('ufwrules').flatMap(line => /^ufw (.+)$/.exec(line)?.[1] ?? [])
  const policy = /^Default: (\w+) \(incoming\)/m.exec(status)?.[1] ?? 'deny'
  return {
    isActive: /^Status: active/m.test(status),
    isClosed: policy !== 'allow',
    startsAtBoot: answers.text('ufwstarts') !== '',
    rules
  }
}

function parseNft(answers: Answers): NftFacts | null {
  if (answers.get('nft')?.code !== 0) return null
  return {
    chains: parseChains(answers.text('nft')),
    file: answers.text('nftfile') || null,
    fileText: answers.text('nftfileholds'),
    fileMode: Number.parseInt(answers.text('nftfilemode'), 8) || null,
    kept: answers.text('nftkept'),
    isEnabled: answers.text('nftstarts') === 'enabled'
  }
}

function isRefusing(rules: readonly string[]): boolean {
  return rules.includes('-P INPUT DROP') || rules.some(rule => /^-A INPUT -j (?:DROP|REJECT)/.test(rule))
}
