import { setTimeout as pause } from 'node:timers/promises'
import type { Worker } from '../../../bench/load/worker.ts'
import type { Target } from '../../wan/programs/exchange.ts'
import type { VisitorVerbs } from '../../wan/programs/visitor.ts'

const BETWEEN_MS = 40

/** What somebody who goes on asking has come across. */
export interface Steadiness {
  readonly asked: number
  /** Each answer that was not a whole 200, or was none, in words. */
  readonly faults: readonly string[]
}

/** Somebody who asks for one path after the other, over and over, whatever is done to the site meanwhile. */
export function comeSteadily(
  visitor: Worker<VisitorVerbs>,
  target: Target,
  paths: readonly string[]
): { leave(): Promise<Steadiness> } {
  let isThere = true
  const faults: string[] = []
  const stay = async (): Promise<Steadiness> => {
    let asked = 0
    for (; isThere; await pause(BETWEEN_MS)) {
      const path = paths[asked++ % paths.length]!
      const failed = await visitor.ask('request', { target, path }).then(
        ({ status, text }) => (status === 200 ? '' : `${status} ${text.slice(0, 200)}`),
        (cause: Error) => cause.message
      )
      if (failed !== '') faults.push(`${path}: ${failed}`)
    }
    return { asked, faults }
  }
  const end = stay()
  return {
    leave() {
      isThere = false
      return end
    }
  }
}
