import { type Facts, isLocal } from '../facts/facts.ts'
import { type FirewallWanted, sshPorts } from './wanted.ts'

/** What a firewall there does not keep anybody from; where there is none, that is told of whatever listens. */
export function publishedNotes({ firewall, published }: Facts): string[] {
  if (firewall.kind === 'none' || published.length === 0) return []
  const all = published.map(({ container, port }) => `${container} :${port}`)
  return [
    `WARNING: Docker publishes ${all.join(', ')} by rules of its own, which come before those of ${firewall.kind}: ` +
      'open to the world, unless published on 127.0.0.1 alone (-p 127.0.0.1:PORT:PORT)'
  ]
}

/** In one line: what is open as far as the server goes, and what the provider's firewall is to let in. */
export function doorNote(facts: Facts, wanted: FirewallWanted): string {
  const { open, link } = wanted
  const everybody = `${[...new Set([...sshPorts(facts), ...open])].join(', ')} of everybody`
  const peer = link === null || link.from.length === 0 ? '' : `, ${link.port} of ${link.from.join(', ')}`
  return `${whatGuards(facts)}; the provider's firewall is to let in TCP ${everybody}${peer}, and nothing else`
}

function whatGuards(facts: Facts): string {
  const { kind } = facts.firewall
  if (kind === 'none') {
    return `WARNING: no firewall here refuses anything: whatever listens is open to the world (${listeners(facts)})`
  }
  if (kind === 'iptables') {
    return 'WARNING: its iptables rules are not ours, and were left alone: see that they let in what follows'
  }
  return `${kind} refuses here what it does not let in`
}

function listeners({ listening }: Facts): string {
  const all = listening.filter(({ protocol, address }) => protocol === 'tcp' && !isLocal(address))
  const names = all.sort((one, other) => one.port - other.port).map(({ port, program }) => `${program ?? '?'} :${port}`)
  return [...new Set(names)].join(', ') || 'nothing does yet'
}
