import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EdgeError } from '../../proxy/errors.ts'
import { type Holder, Lease } from '../../proxy/state/lease.ts'

/** Who changes a stack, in words: for whoever comes second, and for the journal. */
export interface Operator {
  /** `user@host`, by which a lock can be broken. */
  readonly who: string
  readonly host: string
  /** As it was typed. */
  readonly verb: string
}

/** One change at a time on each server. It lapses half a minute after its holder has died; at once, if that is seen. */
export interface Lock {
  /** @throws EdgeError COMPOSE_LOCKED when somebody broke it: what was begun is theirs now */
  check(): Promise<void>
  release(): Promise<void>
}

/**
 * @param breaks whose lock is taken away from them
 * @throws EdgeError COMPOSE_LOCKED with the holder; EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL
 */
export async function takeLock(folder: string, operator: Operator, now: () => Date, breaks?: string): Promise<Lock> {
  const path = join(folder, 'lock.json')
  const about = { ...operator, since: now().toISOString() }
  const isGone = (holder: Holder): boolean =>
    (breaks !== undefined && holder.about?.who === breaks) || hasDied(holder, operator.host)
  const lease = await Lease.take(path, now, { about, isGone })
  if (lease === null) throw new EdgeError('COMPOSE_LOCKED', describe(await Lease.holder(path, now)))
  return {
    async check() {
      if (await lease.isOurs()) return
      throw new EdgeError('COMPOSE_LOCKED', `it was taken from us: ${describe(await Lease.holder(path, now))}`)
    },
    release: () => lease.release()
  }
}

/** Whose lock it is. */
export interface LockStatus {
  readonly who: string
  /** As it was typed. */
  readonly verb: string
  readonly since: string
  readonly pid: number
  /** false: its process was killed, and the lock holds nobody up. */
  readonly isAlive: boolean
}

/** @param host this one: of a holder elsewhere only its lapse can be seen @returns null: nobody holds it */
export async function readLock(folder: string, host: string, now: () => Date): Promise<LockStatus | null> {
  const holder = await Lease.holder(join(folder, 'lock.json'), now)
  if (holder === null) return null
  const { who = 'somebody', verb = 'a change', since = now().toISOString() } = holder.about ?? {}
  return { who, verb, since, pid: holder.pid, isAlive: !hasDied(holder, host) }
}

function hasDied({ pid, about }: Holder, host: string): boolean {
  return about?.host === host && isProcessGone(pid)
}

/** Of this machine. One that has ended counts as gone, though nobody has asked how it ended: proc(5), state Z. */
export function isProcessGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ESRCH'
  }
  try {
    return /\) [ZX] [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false // no Linux, or it went just now
  }
}

function describe(holder: Holder | null): string {
  if (holder === null) return 'another command came first'
  const { who = 'somebody', verb = 'a change', since = 'a while ago' } = holder.about ?? {}
  return `${who} (process ${holder.pid}) has been at "${verb}" since ${since}`
}
