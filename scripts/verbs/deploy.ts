import { parseArgs } from 'node:util'
import { deploy, finish } from '../../compose/laptop/deploy/deploy.ts'
import { rehearse } from '../../compose/laptop/deploy/rehearsal.ts'
import { workshopOf } from '../../compose/laptop/deploy/workshop.ts'
import { EdgeError } from '../../proxy/errors.ts'
import {
  deployOptions,
  deployUsage,
  makingOf,
  mannerOptions,
  partsOf,
  siteMannerOf,
  typed
} from '../laptop/deploy-options.ts'
import { doneReport } from '../laptop/deploy-report.ts'
import { siteOf } from '../laptop/site.ts'
import { withServers } from '../laptop/world.ts'

export const summary = 'Build, ship, swap and verify both halves of a site from this laptop; undone if it is no good'
export const usage = deployUsage

export async function run(args: string[]): Promise<number> {
  const options = { ...deployOptions, ...mannerOptions, site: { type: 'string' } } as const
  const { values } = parseArgs({ args, options })
  const wish = { parts: partsOf(values), how: siteMannerOf(values) }
  const making = makingOf(values)
  const site = await siteOf(values)
  return withServers(site, typed('deploy', args, options), async world => {
    const { printer, say } = world
    if (values.finish === true) {
      if (args.length > (values.site === undefined ? 1 : 3)) throw new EdgeError('EDGE_USAGE', '--finish stands alone')
      const done = await finish(world)
      say(done === null ? 'nothing was left unfinished' : doneReport(done))
      return 0
    }
    const yard = { ...world, env: process.env, workshop: workshopOf({ ...world, ...printer }, making) }
    if (values['dry-run'] === true) say((await rehearse(yard, wish)).join('\n'))
    else say(doneReport(await deploy(yard, wish)))
    return 0
  })
}
