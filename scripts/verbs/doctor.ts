import { parseArgs } from 'node:util'
import { serverChecks, siteChecks } from '../../compose/laptop/doctor/checks.ts'
import { judge } from '../../compose/laptop/doctor/finding.ts'
import { gather } from '../../compose/laptop/doctor/gather.ts'
import manifest from '../../package.json' with { type: 'json' }
import { EdgeError } from '../../proxy/errors.ts'
import { serversOf, siteOf } from '../laptop/site.ts'
import { doctorReport } from '../look/doctor-report.ts'
import { siteOptions, siteUsage } from '../site-file.ts'

export const summary = 'Find what is wrong with the site, how that was seen, and the command that mends it'
export const usage = `${siteUsage} [--all] [--json]

  --all  what is fine as well, and what cannot be told

  Exit code 1 when something is wrong; warnings alone are none. Nothing is changed.`

export async function run(args: string[]): Promise<number> {
  const options = { ...siteOptions, all: { type: 'boolean' }, json: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
  if (positionals.length > 0) throw new EdgeError('EDGE_USAGE', `twinedge doctor ${siteUsage}`)
  const site = await siteOf(values)
  const evidence = await gather(site, serversOf(site, values), manifest.version)
  const verdict = judge(evidence, serverChecks, siteChecks)
  console.log(values.json ? JSON.stringify(verdict) : doctorReport(verdict, values.all === true))
  return verdict.findings.some(({ severity }) => severity === 'fault') ? 1 : 0
}
