import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { undoneAtBoot } from '../../compose/host/boot-order.ts'
import { checkIsOwn, type Host, readHost, thisHost } from '../../compose/host/host.ts'
import { type Change, filesOf, type Plan, planTuning, planUndo } from '../../compose/host/plan.ts'
import { bootFiles, carryOut, readTuned } from '../../compose/host/tuning.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { printable } from '../../proxy/record/terminal.ts'
import { doneThere } from '../laptop/there.ts'
import { siteOptions } from '../site-file.ts'

const options = {
  ...siteOptions,
  'dry-run': { type: 'boolean' },
  yes: { type: 'boolean' },
  undo: { type: 'boolean' }
} as const

/** @param userId of who runs it: 0 is root */
export async function tune(args: string[], host: Host = thisHost, userId = process.getuid?.() ?? -1): Promise<number> {
  const { values } = parseArgs({ args, options })
  const there = await doneThere(['link', 'tune', ...args], values)
  if (there !== null) return there
  const isUndo = values.undo === true
  const [facts, had] = [await readHost(host), await readTuned(host)]
  const plan = isUndo ? planUndo(facts, had) : planTuning(facts, had)
  const files = isUndo && had.length === 0 ? [] : filesOf(plan)
  const warnings = isUndo ? [] : undoneAtBoot(await bootFiles(host), plan.tuned)
  print([...changeLines(plan), ...plan.left.map(line => `left as it is: ${line}`), ...warnings])
  if (plan.changes.length === 0 && !(isUndo && had.length > 0)) return nothing(isUndo)
  print(files.flatMap(({ path, text }) => fileLine(path, text, isUndo)))
  if (values['dry-run']) return print(['nothing was changed: --dry-run'])
  await checkIsOwn(host, userId)
  if (!(await isWanted(values.yes === true))) {
    print(['nothing was changed'])
    return 1
  }
  const outcomes = await carryOut(host, plan)
  print(outcomes.map(({ said }) => said))
  if (!outcomes.every(({ isDone }) => isDone)) return 1
  return print(
    isUndo ? [] : ['It goes for connections made from now on. The side that sends decides: tune the other server too.']
  )
}

function nothing(isUndo: boolean): number {
  return print([isUndo ? 'nothing to undo: this server has not been tuned' : 'nothing to change'])
}

function changeLines({ changes, modules }: Plan): string[] {
  const lines = changes.flatMap(({ name, from, to, why, cost }: Change) => [
    `${name}: ${from} -> ${to}`,
    ...(why === null ? [] : [`    ${why}`]),
    ...(cost === null ? [] : [`    Cost: ${cost}`])
  ])
  return changes.length === 0
    ? []
    : [...lines, ...modules.map(module => `the module ${module} is loaded, now and at every boot`)]
}

function fileLine(path: string, text: string | null, isUndo: boolean): string[] {
  if (text !== null) return [`${path} is written, so that it lasts`]
  return isUndo ? [`${path} is removed`] : []
}

/** @throws EdgeError EDGE_USAGE where there is nobody to ask */
async function isWanted(isAgreed: boolean): Promise<boolean> {
  if (isAgreed) return true
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new EdgeError('EDGE_USAGE', 'nobody can be asked without a terminal: twinedge link tune --yes')
  }
  // Lines as the terminal gives them: what was typed, or ended, before the question is not lost.
  const terminal = createInterface({ input: process.stdin, output: process.stdout, terminal: false })
  // An end of input is a no; without this the question would stay open for ever.
  const closed = new Promise<string>(resolve => terminal.once('close', () => resolve('')))
  const answer = await Promise.race([terminal.question('Do all of this? [y/N] '), closed])
  terminal.close()
  return /^y(es)?$/i.test(answer.trim())
}

/** @returns 0, the exit code of whatever ends with it */
function print(lines: readonly string[]): number {
  if (lines.length > 0) console.log(lines.map(printable).join('\n'))
  return 0
}
