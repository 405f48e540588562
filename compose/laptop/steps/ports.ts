import { readEnvFile } from '../../env/env-file.ts'
import { effective } from '../../env/environment.ts'
import type { Step, Work } from '../bootstrap/step.ts'
import { listenerOn } from '../facts/facts.ts'
import { doorNote, publishedNotes } from '../firewall/doors.ts'
import { planFirewall } from '../firewall/plan.ts'
import { withRetreat } from '../firewall/retreat.ts'
import { type FirewallWanted, oldPorts, sshPorts } from '../firewall/wanted.ts'

export const openPorts: Step = {
  name: 'firewall',
  remains: 'ports that were opened stay open',
  async plan(work) {
    return withRetreat(work, planFirewall(work.facts.firewall, wantedOf(work)))
  }
}

/** What the site ran over until now: only once it runs over the link. */
export const closePorts: Step = {
  name: 'old ports',
  remains: 'ports that were closed stay closed; nothing of this site uses them',
  async plan(work) {
    const used = [...sshPorts(work.facts), ...edgePorts(work), linkOf(work)?.port]
    const close = oldPorts.filter(port => !used.includes(port))
    const wanted = { ssh: [], open: [], link: null, close, enable: false }
    const plan = planFirewall(work.facts.firewall, wanted)
    const notes = [...(plan.notes ?? []), ...(plan.risky == null ? [] : listenersOn(work, close))]
    return withRetreat(work, { ...plan, notes })
  }
}

/** At the end: what the operator has to do where no command of ours gets, at the provider's. */
export const tellDoors: Step = {
  name: 'doors',
  remains: '',
  async plan(work) {
    return { actions: [], notes: [doorNote(work.facts, wantedOf(work)), ...publishedNotes(work.facts)] }
  }
}

function listenersOn({ facts }: Work, ports: readonly number[]): string[] {
  return ports.flatMap(port => {
    const one = listenerOn(facts, port)
    // It stays open: publishedNotes.
    if (one === null || facts.published.some(each => each.port === port)) return []
    return `${one.program ?? 'something'} listens on :${port}, which is closed to everybody else: this site needs it no more`
  })
}

/** What this site needs to be let in there. */
export function wantedOf(work: Work): FirewallWanted {
  const { facts, orders } = work
  return {
    ssh: sshPorts(facts),
    open: edgePorts(work),
    link: linkOf(work),
    close: [],
    enable: orders.enableFirewall
  }
}

/** Of `.env`, as the compose files read it. */
export function edgePorts({ env, server }: Pick<Work, 'env' | 'server'>): number[] {
  const read = readEnvFile(env, server.envFile).env
  return [Number(effective(read, 'HTTP_PORT')), Number(effective(read, 'HTTPS_PORT'))]
}

function linkOf({ env, server, site }: Work) {
  const read = readEnvFile(env, server.envFile).env
  if (!read.LINK_PEER) return null
  const others = site.servers.filter(({ name }) => name !== server.name).map(({ address }) => address)
  const more = (read.LINK_FROM ?? '')
    .replace(/^\[(.*)\]$/, '$1')
    .split(',')
    .map(text => text.trim())
    .filter(Boolean)
  return { port: Number(effective(read, 'LINK_PORT')), from: [...new Set([...others, ...more])] }
}
