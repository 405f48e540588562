import { parseArgs } from 'node:util'
import { rollback } from '../../compose/rollback.ts'
import { changeStack } from '../../compose/session.ts'
import { count } from '../../proxy/config/kinds/amounts.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { rollBackSite } from '../laptop/rollback.ts'
import { siteFor, siteOption } from '../laptop/site.ts'
import { accessOf, changeOptions, changeUsage, mannerOf, read } from '../stack/access.ts'
import { changeReport } from '../stack/report.ts'

export const summary = 'Bring back the release that served before, or a named one; a second time goes forward again'
export const usage = `web|api [RELEASE] ${changeUsage}

twinedge rollback [web|api] [DEPLOY] [--site FILE] [--hold] [--within 2m] [--drain 10m] [--keep 3]
              where there is a deploy.yaml: on both servers, what the deploy before has brought, or a named one; one that
              was left unfinished is undone instead`

export async function run(args: string[]): Promise<number> {
  const options = { ...changeOptions, ...siteOption } as const
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
  const site = await siteFor(values)
  if (site !== null) return rollBackSite(site, values, positionals)
  const [upstream, number, ...more] = positionals
  if (upstream === undefined || more.length > 0)
    throw new EdgeError('EDGE_USAGE', 'twinedge rollback UPSTREAM [RELEASE]; or, with a deploy.yaml: twinedge rollback')
  const release = number === undefined ? undefined : read(count({ min: 1 }), number, 'RELEASE')
  const how = mannerOf(values)
  const access = await accessOf(values, `rollback ${positionals.join(' ')}`)
  const entry = await changeStack(access, parties => rollback(parties, upstream, release, how))
  console.log(values.json ? JSON.stringify(entry) : changeReport(entry))
  return 0
}
