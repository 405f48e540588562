import { EdgeError } from '../../../proxy/errors.ts'
import type { Facts } from '../facts/facts.ts'
import { readFacts } from '../facts/read.ts'
import { failureOf } from '../plan/commands.ts'
import { bringUpEdge, stackHash } from '../steps/edge.ts'
import { bringEdgeImage } from '../steps/edge-image.ts'
import { installEngine } from '../steps/engine.ts'
import { tuneKernel } from '../steps/kernel.ts'
import { openPorts, tellDoors } from '../steps/ports.ts'
import { bringStackFiles } from '../steps/stack-files.ts'
import { installTool } from '../steps/tool.ts'
import { carryOut, describe, nameOf } from './actions.ts'
import { type BootstrapRecord, recordOf, writeRecord } from './record.ts'
import type { Action, Step, Work } from './step.ts'

/** From a bare server to an edge that serves; each is done already, or done now. */
const course: readonly Step[] = [
  installEngine,
  bringStackFiles,
  bringEdgeImage,
  installTool,
  tuneKernel,
  openPorts,
  bringUpEdge,
  tellDoors
]

/** What apt's lists show, an installation changes, and then it starts. */
const mostRounds = 3
const patienceMs = 10_000

/** @throws EdgeError SERVER_*, SSH_* */
export async function bootstrapServer(begun: Work, by: string): Promise<Taken> {
  let work = begun
  let count = 0
  const record: BootstrapRecord = {
    began: work.now().toISOString(),
    by,
    step: '',
    outcome: 'under way',
    code: null,
    stack: recordOf(work.facts)?.stack ?? null
  }
  for (const step of course) {
    const done = await take(step, work, record)
    work = { ...work, facts: done.facts }
    count += done.count
  }
  if (count > 0 && !work.orders.dryRun) {
    await writeRecord(work.ssh, { ...record, step: course.at(-1)!.name, outcome: 'done', stack: await stackHash(work) })
  }
  return { count, facts: work.facts }
}

/** What came of a step, or of all of them. */
export interface Taken {
  /** How many things were done, or would be. */
  readonly count: number
  /** What is there since. */
  readonly facts: Facts
}

/** Until nothing of the step remains: that is how it is seen to be done. */
export async function take(step: Step, begun: Work, record: BootstrapRecord | null): Promise<Taken> {
  let work = begun
  let count = 0
  const beganMs = performance.now()
  for (let round = 0; round < mostRounds; round++) {
    const { actions, undo = [], notes = [] } = await step.plan(work)
    const isDone = actions.length === 0
    // At its end it is told that it is done; its notes were told when it began.
    if (round === 0 || !isDone) tell(work, step, actions, notes)
    if (isDone && count > 0) tellEnd(work, step, beganMs)
    if (isDone) return { count, facts: work.facts }
    count += actions.length
    if (work.orders.dryRun) return { count, facts: work.facts }
    await carryOutAll(step, work, { actions, undo }, record)
    work = await lookAgain(work)
    // An edge that is up is what this step was for: nothing of it can be planned again before it has been noted.
    if (step === bringUpEdge) {
      tellEnd(work, step, beganMs)
      return { count, facts: work.facts }
    }
  }
  const { actions } = await step.plan(work)
  if (actions.length === 0 || step === tuneKernel) {
    tellEnd(work, step, beganMs)
    return { count, facts: work.facts }
  }
  const left = actions.map(nameOf).slice(0, 3).join('; ')
  throw failureOf(
    work.server,
    'SERVER_STEP_FAILED',
    `${work.server.name}: ${step.name}: it was done, and still remains: ${left}`
  )
}

interface Doing {
  readonly actions: readonly Action[]
  readonly undo: readonly Action[]
}

async function carryOutAll(
  step: Step,
  work: Work,
  { actions, undo }: Doing,
  record: BootstrapRecord | null
): Promise<void> {
  const { ssh, server, hold, say } = work
  // Not before there is a folder for it to lie in; an engine that is installed half-way is seen by itself.
  const note = async (change: Partial<BootstrapRecord>): Promise<void> => {
    if (record !== null) await writeRecord(ssh, { ...record, step: step.name, ...change })
  }
  await hold.at(step.name)
  await note({})
  try {
    for (const action of actions) {
      hold.refuseLost()
      await withPatience(work, step, action)
    }
  } catch (cause) {
    const failure = cause instanceof EdgeError ? cause : null
    for (const action of undo) {
      say(`  undoing: ${nameOf(action)}`)
      await carryOut(ssh, action).catch((cause: Error) => say(`  that failed as well: ${cause.message}`))
    }
    // A line that is lost can take no note; what is there says "under way" then, which is as true.
    await note({ outcome: 'failed', code: failure?.code ?? null }).catch(() => {})
    if (failure === null || failure.code.startsWith('SSH_')) throw cause
    throw failureOf(
      server,
      failure.code,
      `${server.name}: ${step.name}: ${failure.detail}\nwhat remains: ${step.remains}`
    )
  }
}

function tell({ say, orders }: Work, { name }: Step, actions: readonly Action[], notes: readonly string[]): void {
  const state =
    actions.length > 0 ? (orders.dryRun ? 'would be done' : 'under way') : notes.length > 0 ? '' : 'done already'
  say(`${name}:${state === '' ? '' : ` ${state}`}`)
  const lines = orders.dryRun ? actions.flatMap(describe) : actions.map(nameOf)
  for (const line of [...notes, ...lines]) say(`  ${line}`)
}

function tellEnd({ say }: Work, { name }: Step, beganMs: number): void {
  say(`${name}: done (${Math.round((performance.now() - beganMs) / 1_000)} s)`)
}

/** A command that says nothing for long is one that goes on: apt's, for one. */
async function withPatience({ ssh, say }: Work, { name }: Step, action: Action): Promise<void> {
  const beganMs = performance.now()
  const tell = (): void => say(`${name}: still under way, ${Math.round((performance.now() - beganMs) / 1_000)} s`)
  const timer = 'run' in action ? setInterval(tell, patienceMs) : undefined
  try {
    await carryOut(ssh, action)
  } finally {
    clearInterval(timer)
  }
}

async function lookAgain(work: Work): Promise<Work> {
  return { ...work, facts: await readFacts(work.ssh, work.now) }
}
