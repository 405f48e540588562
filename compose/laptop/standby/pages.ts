import { EdgeError } from '../../../proxy/errors.ts'
import type { Move } from '../../server/deploy/records.ts'
import { type Site, standbyOf } from '../plan/site.ts'
import type { Line } from '../ssh/line.ts'

/** What is needed of a deploy that is under way. */
export interface Levelling {
  readonly site: Site
  readonly lines: readonly Line[]
  readonly say: (line: string) => void
  /** One part changes on one server; @throws EdgeError as the change has failed */
  carryOut(move: Move): Promise<unknown>
}

/** By what this laptop has, or by what a server builds. */
const mend =
  'twinedge deploy --frontend-only --skip-build; of a build on a server: twinedge deploy --frontend-only --cold-build'

/**
 * Once the web app has changed where users come to it, forward or back, the standby's follows: one that is of another
 * build could not take over. Nobody comes to it there, so that a failure is no reason to undo what serves.
 * @param after what was changed
 * @throws EdgeError SSH_*, DEPLOY_*: what becomes of it there is not known
 */
export async function levelStandby({ site, lines, say, carryOut }: Levelling, after: Move): Promise<void> {
  const standby = standbyOf(site)
  if (standby === null || after.part !== 'web') return
  if (!lines.some(({ server }) => server.name === standby.name)) {
    say(`WARNING: ${standby.name} is away, and keeps the pages of another build; next: ${mend}`)
    return
  }
  try {
    const [image, there] = await Promise.all([imageOn(after.server), imageOn(standby.name)])
    if (image === null || image === there) return
    await carryOut({ part: 'web', server: standby.name, order: `${after.order}-standby`, to: { image } })
  } catch (cause) {
    if (!(cause instanceof EdgeError) || /^(?:SSH_|DEPLOY_(?!ORDER_LOST))/.test(cause.code)) throw cause
    say(`WARNING: ${standby.name} could not take over now: its pages are of another build: ${cause.message}`)
    say(`next: mend that, then: ${mend}`)
  }

  async function imageOn(name: string): Promise<string | null> {
    const line = lines.find(({ server }) => server.name === name)
    const serving = await line?.ask('serving', { project: site.name })
    return serving?.upstreams.web?.image ?? null
  }
}
