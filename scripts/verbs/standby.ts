import { parseArgs } from 'node:util'
import { alone } from '../../compose/status/standby.ts'
import type { StandbyAnswer } from '../../proxy/control/protocol.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { ask, placeOptions, placeUsage } from '../control-client.ts'
import { doneThere } from '../laptop/there.ts'
import { standbyReport } from '../stack/standby-report.ts'

export const summary = 'Tell whether the other server could take the whole site over now: GO or NO-GO, and why'
export const usage = `[--alone] [--self] ${placeUsage} [--json]

  --alone  as if the one that is taken over from were dead: what comes from it does not count
  --self   exit by what is said of this server; without it, by what is said of the other one

  Exit 0: GO. 1: NO-GO, or nobody answers.`

export async function run(args: string[]): Promise<number> {
  const own = { alone: { type: 'boolean' }, self: { type: 'boolean' }, json: { type: 'boolean' } } as const
  const { values } = parseArgs({ args, options: { ...placeOptions, ...own } })
  const there = await doneThere(['standby', ...args], values)
  if (there !== null) return there
  const { body } = await ask(values, 'GET', '/standby')
  const { verdicts: said } = JSON.parse(body) as StandbyAnswer
  const verdicts = values.alone === true ? said.map(alone) : said
  console.log(values.json ? JSON.stringify({ verdicts }) : standbyReport(verdicts))
  const asked = verdicts.find(({ isSelf }) => isSelf === (values.self === true))
  if (asked?.isGo === true) return 0
  throw new EdgeError('LINK_NO_GO', asked === undefined ? 'the edge said nothing of it' : `${asked.server}: see above`)
}
