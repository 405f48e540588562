import { rollBack } from '../../compose/laptop/deploy/deploy.ts'
import type { Part, Site } from '../../compose/laptop/plan/site.ts'
import { count } from '../../proxy/config/kinds/amounts.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { type mannerOf, read } from '../stack/access.ts'
import { siteMannerOf } from './deploy-options.ts'
import { doneReport } from './deploy-report.ts'
import { withServers } from './world.ts'

const halves: readonly Part[] = ['web', 'api']

/** `twinedge rollback [web|api] [DEPLOY]` where there is a site. @throws EdgeError EDGE_USAGE, DEPLOY_* */
export async function rollBackSite(
  site: Site,
  values: Parameters<typeof mannerOf>[0],
  positionals: readonly string[]
): Promise<number> {
  const named = halves.filter(half => half === positionals[0])
  const [number, ...more] = positionals.slice(named.length)
  if (more.length > 0) throw new EdgeError('EDGE_USAGE', 'twinedge rollback [web|api] [DEPLOY]')
  const asked = number === undefined ? undefined : read(count({ min: 1 }), number, 'DEPLOY')
  const wish = { parts: named.length > 0 ? named : halves, how: siteMannerOf(values) }
  return withServers(site, ['rollback', ...positionals].join(' '), async world => {
    world.say(doneReport(await rollBack(world, asked, wish)))
    return 0
  })
}
