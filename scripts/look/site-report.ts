import type { ServerLook } from '../../compose/laptop/look/server-look.ts'
import type { Reached } from '../../compose/laptop/look/servers.ts'
import { nextAt } from '../../compose/laptop/plan/commands.ts'
import type { StackStatus } from '../../compose/status/stack-status.ts'
import type { StatusAnswer } from '../../proxy/control/protocol.ts'
import { printable } from '../../proxy/record/terminal.ts'
import { changingLines, lastLine, memoryOf } from '../stack/status-report.ts'
import { cutTo, span, table } from '../terminal.ts'

const dayMs = 86_400_000
const imageWidth = 32
const head = ['SERVER', 'EDGE', 'UP', 'IN FLIGHT', 'LINK', 'CERTIFICATES', 'MEMORY FREE', 'DISK FREE']

/** `twinedge status` of a site: its servers, their slots, and whatever is not as it should be. */
export function siteReport(found: readonly Reached<ServerLook>[], nowMs: number): string {
  const servers = table([head, ...found.map(one => serverRow(one, nowMs))])
  const slots = found.flatMap(one => slotRows(one, nowMs))
  const lines = found.flatMap(one => linesOf(one, nowMs).map(line => `${one.server.name}: ${line}`))
  const slotHead = ['SLOT', 'SERVER', 'RELEASE', 'IMAGE', 'CONTAINER', 'STARTED', 'MEMORY', 'IN FLIGHT']
  const paragraphs = [servers, slots.length === 0 ? '' : table([slotHead, ...slots]), lines.map(printable).join('\n')]
  return paragraphs.filter(text => text !== '').join('\n\n')
}

/** Whether everybody could be asked, and said that he serves. */
export function isWhole(found: readonly Reached<ServerLook>[]): boolean {
  return found.every(({ answer }) => answer?.looked?.edge != null)
}

function serverRow({ server, answer }: Reached<ServerLook>, nowMs: number): string[] {
  const { name } = server
  if (answer === null) return [name, 'not reached', '-', '-', '-', '-', '-', '-']
  const { facts, looked, failure } = answer
  const disk = facts?.disks.find(one => one.path === server.folder)
  const room = [
    facts === null ? '-' : `${mb(facts.memory.available)} of ${mb(facts.memory.total)}`,
    disk === undefined ? '-' : `${gb(disk.free)} of ${gb(disk.total)}`
  ]
  const edge = looked?.edge ?? null
  if (edge === null) return [name, failure === null ? 'does not answer' : 'no tool', '-', '-', '-', '-', ...room]
  const up = span(nowMs - Date.parse(edge.startedAt))
  return [name, edge.version, up, `${edge.inFlight}`, linkWords(edge.link), daysLeft(edge, nowMs), ...room]
}

function linkWords(link: StatusAnswer['link']): string {
  if (link === null) return '-'
  if (link.state !== 'up') return link.state.toUpperCase()
  return link.roundTripMs === null ? 'up' : `up, ${Math.round(link.roundTripMs)} ms`
}

/** Of the one that ends first. */
function daysLeft({ certificates }: StatusAnswer, nowMs: number): string {
  if (certificates.length === 0) return 'none'
  const days = Math.min(...certificates.map(({ expiresAt }) => Math.floor((Date.parse(expiresAt) - nowMs) / dayMs)))
  return days < 0 ? 'EXPIRED' : `${days} d left`
}

function slotRows({ server, answer }: Reached<ServerLook>, nowMs: number): string[][] {
  const slots = answer?.looked?.stack?.slots ?? []
  return slots.map(({ service, release, image, container, isActive, edge }) => {
    const what = [`${service}${isActive === true ? ' (active)' : ''}`, server.name]
    const which = [...what, release === null ? '-' : `${release}`, cutTo(image ?? '-', imageWidth)]
    const inFlight = edge === null ? '-' : `${edge.inFlight}`
    if (container === null) return [...which, 'none', '-', '-', inFlight]
    const { state, health, exitCode, startedAt } = container
    const is = state === 'running' ? (health === 'none' ? state : health) : `${state} (${exitCode})`
    const started = startedAt === null ? 'never' : `${span(nowMs - Date.parse(startedAt))} ago`
    return [...which, is, started, memoryOf(container), inFlight]
  })
}

function linesOf({ server, answer, failure }: Reached<ServerLook>, nowMs: number): string[] {
  if (failure !== null) return failureLines(failure)
  const { looked } = answer
  if (looked === null) return failureLines(answer.failure!)
  return [...(looked.failure === null ? [] : failureLines(looked.failure)), ...stackLines(looked.stack, nowMs)].map(
    line => (line.includes('next: ') ? nextAt(server.name, line) : line)
  )
}

function failureLines({ code, detail, next }: { code: string; detail: string; next: string }): string[] {
  return [`${code}: ${detail.trim().replaceAll('\n', '; ')}`, `  next: ${next}`]
}

function stackLines(stack: StackStatus | null, nowMs: number): string[] {
  if (stack === null) return []
  const warnings = stack.disagreements.flatMap(({ said, next }) => [`WARNING: ${said}`, `  next: ${next}`])
  return [...stack.last.map(entry => lastLine(entry, nowMs)), ...changingLines(stack.changing, nowMs), ...warnings]
}

function mb(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MB`
}

function gb(bytes: number): string {
  return `${(bytes / 1_073_741_824).toFixed(1)} GB`
}
