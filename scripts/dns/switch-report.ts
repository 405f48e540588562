import { goodTtl, longestTtl } from '../../compose/laptop/dns/findings.ts'
import type { Safety } from '../../compose/laptop/dns/safety.ts'
import type { SwitchPlan } from '../../compose/laptop/dns/switch-plan.ts'
import { nextAt } from '../../compose/laptop/plan/commands.ts'
import type { ServerName, ServerPlan } from '../../compose/laptop/plan/site.ts'
import type { EntrySeen } from '../../compose/server/entry/records.ts'
import type { StandbyFinding } from '../../proxy/control/protocol.ts'
import type { EdgeError } from '../../proxy/errors.ts'
import { printable } from '../../proxy/record/terminal.ts'
import { table } from '../terminal.ts'

export interface SwitchReport {
  readonly target: ServerPlan
  readonly old: ServerPlan
  readonly seen: EntrySeen | EdgeError
  readonly oldSeen: EntrySeen | EdgeError
  readonly safety: Safety
  readonly plan: SwitchPlan
  readonly isAlone: boolean
  readonly now: Date
}

/** For who may be in a hurry: the word first, then the records, then the order of doing it. */
export function switchReport(report: SwitchReport): string {
  const parts = [
    verdict(report),
    recordLines(report),
    ...(report.plan.changes.length > 0 ? [steps(report), after(report)] : [])
  ]
  return parts.map(lines => lines.map(line => printable(line)).join('\n')).join('\n\n')
}

function verdict({ target, old, safety, isAlone }: SwitchReport): string[] {
  const { isGo, reasons, notes } = safety
  const how = isAlone ? `even without ${old.name}` : `while ${old.name} runs as well`
  const meaning = isGo
    ? `it is safe to point DNS at it now: it serves all domains, ${how}`
    : 'it is NOT safe to point DNS at it now'
  return [
    `${isGo ? 'GO' : 'NO-GO'}  ${target.name}: ${meaning}`,
    ...reasons.flatMap(one => linesOf('-', one, target.name)),
    ...notes.flatMap(one => linesOf('note:', one, target.name))
  ]
}

/** What that server says of itself, as it is said elsewhere. */
function linesOf(mark: string, { what, next }: StandbyFinding, name: ServerName): string[] {
  const told = next === null ? undefined : nextAt(name, next.replace(/^here: /, `on ${name}: `))
  return [`  ${mark} ${what.replaceAll('this server', name)}`, ...(told === undefined ? [] : [`    next: ${told}`])]
}

function recordLines({ target, plan }: SwitchReport): string[] {
  const followers = plan.following.map(({ domain, alias }) => `${domain} follows ${alias} by itself`)
  if (plan.changes.length === 0)
    return [`nothing to change: every domain leads to ${target.name}, ${target.address}`, ...followers]
  const rows = plan.changes.map(({ domain, type, found, wanted, ttl }) => [
    domain,
    type,
    found,
    wanted === '-' ? 'remove it' : wanted,
    ttl === null ? '-' : `${ttl} s`
  ])
  return [...table([['RECORD', 'TYPE', 'NOW', 'THEN', 'TTL NOW'], ...rows]).split('\n'), ...followers]
}

function steps({ target, old, safety, plan, now }: SwitchReport): string[] {
  const { ttl, waitFirst } = plan
  const not = safety.isGo
    ? []
    : [`NOT NOW: mend what stands above first. If there is no other way (${old.name} is dead), all the same:`]
  const change = `change them, as above, at your DNS provider, with a TTL of ${goodTtl} s`
  const watch = `twinedge dns watch ${target.name}`
  if (waitFirst === 0) {
    const last = ttl === null ? 'their TTL' : `${ttl} s`
    return [
      ...not,
      `1. ${capital(change)}.`,
      `2. ${watch}: for ${last} after the change somebody may go by the old ones.`
    ]
  }
  const until = new Date(now.getTime() + waitFirst * 1_000).toISOString().replace(/\.\d+Z$/, 'Z')
  return [
    ...not,
    `1. Set only their TTL to ${goodTtl} s, now; ${waitFirst} s is more than ${longestTtl} s.`,
    `2. Wait ${waitFirst} s, until ${until} if you set it at once: so long somebody may remember the old TTL.`,
    `3. twinedge dns switch-plan ${target.name}, once more; then ${change}.`,
    `4. ${watch}: for ${goodTtl} s after the change somebody may go by the old ones.`,
    `In a hurry: begin with step 3; for ${waitFirst} s after the change, some come to the old server.`
  ]
}

function after({ target, old, oldSeen }: SwitchReport): string[] {
  return [stragglers(target, old, oldSeen), `Back: twinedge dns switch-plan ${old.name}, and the same steps.`]
}

/** What an edge does with those who still come, once DNS leads elsewhere: what it has done before. */
function stragglers(target: ServerPlan, old: ServerPlan, oldSeen: EntrySeen | EdgeError): string {
  if ('code' in oldSeen) {
    return `Who still comes to ${old.name} gets no answer, if its edge is dead (${oldSeen.code}): until they ask DNS again.`
  }
  const { upstreams, link } = oldSeen.status
  const lent = upstreams.filter(({ isActive, origin }) => isActive && origin === 'peer').map(({ name }) => name)
  const own = upstreams.filter(({ isActive, origin }) => isActive && origin !== 'peer').map(({ name }) => name)
  const does = own.length > 0 ? `it serves ${own.join(' and ')} itself` : 'it has nothing of its own'
  if (link === null) return `Who still comes to ${old.name} is served by it as before: ${does}. There is no link.`
  const passes = lent.length > 0 ? `, and passes ${lent.join(' and ')} on to ${target.name} over the link` : ''
  const state = link.state === 'up' ? '' : ' (which is down now)'
  return `Who still comes to ${old.name} is served by it as before: ${does}${passes}${state}. What is open there goes on to its end. Leave it running.`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
