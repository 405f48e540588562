import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { Parties } from './change/change.ts'
import { hasFlipped } from './change/flip.ts'
import type { SlotEnvironment } from './container/slot-environment.ts'
import { edgeAt } from './edge-client.ts'
import { dockerEngine } from './engine.ts'
import { type Operator, takeLock } from './record/lock.ts'
import { readPending, setPendingAside } from './record/pending.ts'
import { refuseSiteHeld } from './server/deploy/site-lock.ts'
import { dockerCommand, type Environment } from './stack/command.ts'
import { findStack, recordsOf } from './stack/stack.ts'
import { finish, undo } from './swap.ts'

/** Which stack, and who comes to change it. */
export interface Access {
  readonly project: string
  /** Of the edge, if it is not where the compose files put it. */
  readonly socket: string | undefined
  readonly operator: Operator
  /** By a laptop, for which its server holds the whole site. */
  readonly isOrdered: boolean
  /** Whose lock is broken. */
  readonly breaks: string | undefined
  readonly env: Environment
  readonly candidateEnv: SlotEnvironment
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

/**
 * Changes a stack, alone: what a command that died left behind is finished or undone first.
 * @throws EdgeError COMPOSE_LOCKED, DEPLOY_LOCKED while a laptop deploys, COMPOSE_NO_STACK, COMPOSE_ENGINE_UNREACHABLE, EDGE_NOT_RUNNING, or as `work` does
 */
export async function changeStack<T>(access: Access, work: (parties: Parties) => Promise<T>): Promise<T> {
  const { project, operator, breaks, env, candidateEnv, say, signal } = access
  const now = (): Date => new Date()
  const engine = await dockerEngine()
  const stack = await findStack(engine, project)
  const records = recordsOf(stack)
  const lock = await takeLock(records, operator, now, breaks)
  try {
    // What serves must not change between a deploy's swaps and its last look.
    if (!access.isOrdered) await refuseSiteHeld(stack.folder, now, breaks)
    const edge = edgeAt(access.socket ?? stack.socket)
    const docker = dockerCommand(stack, env, signal)
    const meminfo = (): Promise<string> => readFile('/proc/meminfo', 'utf8').catch(() => '')
    const around = { who: operator.who, candidateEnv, meminfo, now, pause, say, signal }
    const parties: Parties = { engine, edge, docker, stack, lock, records, ...around }
    await settlePending(parties)
    return await work(parties)
  } finally {
    await lock.release()
  }
}

/** The edge is asked which slot serves; what was written down tells only what to look for. */
export async function settlePending(parties: Parties): Promise<void> {
  const pending = await readPending(parties.records)
  if (pending === null) {
    const aside = await setPendingAside(parties.records, parties.now())
    if (aside !== null)
      parties.say(`what was left unfinished cannot be read (${aside}): twinedge status has what is left`)
    return
  }
  const { change, step } = pending
  const what = `the ${change.verb} of ${change.upstream} to ${change.image} that ${change.who} left at ${step}`
  if (await hasFlipped(parties, change)) {
    parties.say(`finishing ${what}`)
    await finish(parties, change, 'resumed')
  } else {
    parties.say(`undoing ${what}`)
    await undo(parties, change, step, { outcome: 'undone', code: null })
  }
}
