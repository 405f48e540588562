import type { Upkeep } from './upkeep.ts'

/** However far away the next renewal is: a clock that is set, or a file that another process wrote, is seen within this. */
export const longestSleepMs = 15_000
const shortestSleepMs = 1_000

/** Has an upkeep do what is due, then sleeps until something is. */
export class Waker {
  #timer: NodeJS.Timeout | undefined

  wake(upkeep: Upkeep): void {
    clearTimeout(this.#timer)
    if (upkeep.isStopped) return
    void upkeep.runDue().then(() => {
      if (upkeep.isStopped) return
      const inMs = Math.min(Math.max(upkeep.nextAt().getTime() - Date.now(), shortestSleepMs), longestSleepMs)
      this.later(() => this.wake(upkeep), inMs)
    })
  }

  /** Instead of what was to be done next. */
  later(task: () => void, inMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(task, inMs).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
