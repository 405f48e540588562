import { parseArgs } from 'node:util'
import { changeStack } from '../../compose/session.ts'
import { swap } from '../../compose/swap.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { doneThere } from '../laptop/there.ts'
import { siteOptions, siteUsage } from '../site-file.ts'
import { accessOf, changeOptions, changeUsage, mannerOf } from '../stack/access.ts'
import { changeReport } from '../stack/report.ts'

/** What the engine may be asked for; it says the rest. Its client crashes on none. */
const reference = /^[\w[][\w.:@/[\]-]*$/

export const summary = 'Replace what an upstream runs by another image, with nobody noticing; undone if it is no good'
export const usage = `web|api IMAGE ${siteUsage} ${changeUsage}

  With a deploy.yaml: on the server that runs it; IMAGE is there already`

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { ...siteOptions, ...changeOptions }
  })
  const [upstream, image, ...more] = positionals
  if (upstream === undefined || image === undefined || more.length > 0) {
    throw new EdgeError('EDGE_USAGE', 'twinedge swap UPSTREAM IMAGE')
  }
  if (!reference.test(image))
    throw new EdgeError('EDGE_USAGE', `IMAGE: expected a name such as web:1.4.2, found "${image}"`)
  const how = mannerOf(values)
  const there = await doneThere(['swap', ...args], values, upstream)
  if (there !== null) return there
  const access = await accessOf(values, `swap ${upstream} ${image}`)
  const entry = await changeStack(access, parties => swap(parties, upstream, image, how))
  console.log(values.json ? JSON.stringify(entry) : changeReport(entry))
  return 0
}
