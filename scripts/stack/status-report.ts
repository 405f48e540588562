import type { Entry } from '../../compose/record/journal.ts'
import type { Changing } from '../../compose/status/changing.ts'
import type { Room } from '../../compose/status/room.ts'
import type { SlotStatus } from '../../compose/status/slot-status.ts'
import type { StackStatus } from '../../compose/status/stack-status.ts'
import { printable } from '../../proxy/record/terminal.ts'
import { cutTo, span, table } from '../terminal.ts'
import { releaseWords } from './report.ts'

const imageWidth = 32

/** The stack's half of `twinedge status`. */
export function stackReport(stack: StackStatus, nowMs: number): string {
  const lines = [
    ...stack.slots.flatMap(slot => drainLine(slot, nowMs)),
    ...stack.holds.filter(({ mode }) => mode !== 'open').map(holdLine),
    ...stack.last.map(entry => lastLine(entry, nowMs)),
    ...changingLines(stack.changing, nowMs),
    ...memoryLine(stack.memory),
    ...stack.disagreements.flatMap(({ said, next }) => [`WARNING: ${said}`, `  next: ${next}`])
  ]
  const head = `stack ${stack.project} in ${stack.folder}`
  return [printable(head), slotTable(stack.slots, nowMs), '', ...lines.map(printable)].join('\n').trimEnd()
}

function slotTable(slots: readonly SlotStatus[], nowMs: number): string {
  const head = ['SLOT', 'RELEASE', 'IMAGE', 'CONTAINER', 'HEALTH', 'STARTED', 'MEMORY', 'STREAMS', 'WEBSOCKETS']
  const rows = slots.map(({ service, release, image, container, edge }) => {
    const what = [service, release === null ? '-' : `${release}`, cutTo(image ?? '-', imageWidth)]
    const counts = [edge?.streams ?? '-', edge?.webSockets ?? '-'].map(String)
    if (container === null) return [...what, 'none', '-', '-', '-', ...counts]
    const { state, exitCode, health, startedAt } = container
    const is = state === 'exited' || state === 'dead' ? `${state} (${exitCode})` : state
    const started = startedAt === null ? 'never' : `${span(nowMs - Date.parse(startedAt))} ago`
    return [...what, is, state === 'running' ? health : '-', started, memoryOf(container), ...counts]
  })
  return table([head, ...rows])
}

export function memoryOf({
  memoryBytes,
  memoryLimitBytes,
  isOutOfMemory
}: NonNullable<SlotStatus['container']>): string {
  if (isOutOfMemory) return `KILLED at ${mb(memoryLimitBytes)}`
  const limit = memoryLimitBytes > 0 ? ` of ${mb(memoryLimitBytes)}` : ''
  return memoryBytes === null ? '-' : `${mb(memoryBytes).replace(limit === '' ? '' : ' MB', '')}${limit}`
}

function drainLine({ service, edge }: SlotStatus, nowMs: number): string[] {
  if (edge === null || edge.drain === null || edge.drain.isDone) return []
  const { inFlight, streams, webSockets, owned, drain } = edge
  const of = `${inFlight} in flight (${streams} streams, ${webSockets} WebSockets), ${owned} streams owned`
  return [`drain: ${service}: ${of}; ${cutWords(drain.cutAt, nowMs)}`]
}

/** @returns `cut in 4 min` */
export function cutWords(cutAt: string, nowMs: number): string {
  const leftMs = Date.parse(cutAt) - nowMs
  return leftMs > 0 ? `cut in ${span(leftMs)}` : 'cut now'
}

function holdLine({ upstream, mode, waiting }: StackStatus['holds'][number]): string {
  return `hold: ${upstream} is ${mode === 'paused' ? 'paused' : 'under maintenance'}, ${waiting} requests waiting`
}

const outcomes: Record<Entry['outcome'], string> = {
  done: 'done',
  resumed: 'finished by a later command',
  failed: 'FAILED',
  undone: 'undone by a later command'
}

export function lastLine(entry: Entry, nowMs: number): string {
  const { verb, upstream, image, outcome, code, who, at } = entry
  const how = code === null ? outcomes[outcome] : `${outcomes[outcome]}, ${code}`
  return `last change: ${verb} ${upstream} ${image} (release ${releaseWords(entry)}): ${how}; ${who}, ${span(nowMs - Date.parse(at))} ago`
}

export function changingLines(changing: Changing | null, nowMs: number): string[] {
  if (changing === null) return []
  const { state, what, who, since, pid, step, hasFlipped, next } = changing
  const age = span(nowMs - Date.parse(since))
  const flip = { true: 'the flip has happened', false: 'the flip has not happened', null: 'who serves is not known' }
  const at = step === null ? 'nothing has been touched yet' : `at ${step}, ${flip[`${hasFlipped}`]}`
  if (state === 'in progress') return [`in progress: "${what}" by ${who} (process ${pid}) for ${age}; ${at}`]
  return [`UNFINISHED: ${what}, begun by ${who} ${age} ago, left ${at}`, ...(next === null ? [] : [`  next: ${next}`])]
}

function memoryLine(memory: Room | null): string[] {
  if (memory === null) return []
  const { totalBytes, availableBytes, copies } = memory
  const words = copies.map(({ upstream, neededBytes, fits }) => {
    if (neededBytes === 0) return `what a second ${upstream} needs is not known`
    return `a second ${upstream} needs some ${mb(neededBytes)}, which ${fits ? 'fits' : 'DOES NOT FIT: swap with --hold'}`
  })
  return [`memory: ${[`${mb(availableBytes)} of ${mb(totalBytes)} available`, ...words].join('; ')}`]
}

function mb(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MB`
}
