import { EdgeError, type FailureCode } from '../proxy/errors.ts'
import type { Parties } from './change/change.ts'

/** What restarts is back within this. */
const absenceMs = 60_000
const askAgainMs = 200

type Asked = (...about: never[]) => Promise<unknown>

/**
 * Whatever is asked of the edge and of the engine may be asked again, so that a restart of either in the middle of a
 * change is only a wait. But for the operator's own command, which may have run, and for a container that is made again,
 * of which half may have happened: neither is asked for twice.
 */
export function patient(parties: Parties): Parties {
  const { edge, engine } = parties
  const { exec, remake } = engine
  return {
    ...parties,
    edge: waitingFor('the edge', 'EDGE_NOT_RUNNING', edge, parties),
    engine: { ...waitingFor('the engine', 'COMPOSE_ENGINE_UNREACHABLE', engine, parties), exec, remake }
  }
}

/** The same, but each question is asked until somebody answers, for a minute at most. */
function waitingFor<T extends object>(name: string, absent: FailureCode, whom: T, { now, pause, say }: Parties): T {
  const again = async (ask: () => Promise<unknown>): Promise<unknown> => {
    for (let end = 0; ; await pause(askAgainMs)) {
      try {
        const answer = await ask()
        if (end > 0) say(`${name} is back`)
        return answer
      } catch (cause) {
        const isAway = cause instanceof EdgeError && cause.code === absent
        if (!isAway || (end > 0 && now().getTime() >= end)) throw cause
        if (end === 0) say(`${name} does not answer: waiting for it, ${absenceMs / 1_000} s at most`)
        end ||= now().getTime() + absenceMs
      }
    }
  }
  const questions = Object.entries(whom) as [string, Asked][]
  return Object.fromEntries(
    questions.map(([question, ask]) => [question, (...about: never[]) => again(() => ask(...about))])
  ) as T
}
