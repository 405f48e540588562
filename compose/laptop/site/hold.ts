import { EdgeError } from '../../../proxy/errors.ts'
import type { Claim } from '../../server/deploy/records.ts'
import type { Line } from '../ssh/line.ts'

/** The servers take the site for free 45 s after the last word. */
const wordMs = 10_000

/** A site that is ours alone, for as long as every server hears of us. */
export interface SiteHold {
  /** By which the servers know that it is us, as it is now. */
  claim(): Claim
  /** What goes on now, for whoever wants the site as well. @throws EdgeError DEPLOY_LOCKED when it was lost */
  at(step: string): Promise<void>
  free(): Promise<void>
}

/**
 * Of two laptops that each reach another server alone, each gets that one: neither then changes more than the parts of
 * its own server (refuseAway), and they number what they do apart (planDeploy). Once somebody reaches both, nothing goes
 * on before he knows of all of it.
 * @param lines in the order in which they are taken: everybody's, so that of two laptops one gets all
 * @param hasDied whether the laptop of a claim is known to be dead: then it holds nobody up
 * @throws EdgeError DEPLOY_LOCKED with who has it, since when, and at what
 */
export async function holdSite(
  lines: readonly Line[],
  claim: Claim,
  hasDied: (holder: Claim) => boolean
): Promise<SiteHold> {
  let now = claim
  let lost: unknown = null
  const hold = async (line: Line, breaks: string | null = null): Promise<void> => {
    await line.ask('hold', { claim: now, breaks })
  }
  const word = async (): Promise<void> => void (await Promise.all(lines.map(line => hold(line))))
  const timer = setInterval(() => {
    word().catch(cause => {
      lost = cause
    })
  }, wordMs).unref()
  const free = async (): Promise<void> => {
    clearInterval(timer)
    // Of a server that stays away it lapses.
    await Promise.allSettled(lines.map(line => line.ask('free', { id: claim.id })))
  }
  try {
    for (const line of lines) {
      const { holder } = await line.ask('deploys', null)
      await hold(line, holder !== null && hasDied(holder) ? holder.id : null)
    }
  } catch (cause) {
    await free()
    throw cause
  }
  return {
    claim: () => now,
    async at(step) {
      now = { ...claim, step }
      // A server that was away for a while, and is back, has lost nothing.
      if (lost instanceof EdgeError && lost.code === 'DEPLOY_LOCKED') throw lost
      await word()
    },
    free
  }
}
