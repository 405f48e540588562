import { parseArgs } from 'node:util'
import { dockerEngine } from '../../compose/engine.ts'
import { readJournal } from '../../compose/record/journal.ts'
import { findStack, recordsOf } from '../../compose/stack/stack.ts'
import { projectOf, stackOptions, stackUsage } from '../stack/access.ts'
import { historyTable } from '../stack/report.ts'

export const summary = 'List what was swapped and rolled back on this server, by whom, and what users saw of it'
export const usage = `[web|api] ${stackUsage} [--json]`

export async function run(args: string[]): Promise<number> {
  const options = { ...stackOptions, json: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
  const stack = await findStack(await dockerEngine(), await projectOf(values))
  const journal = await readJournal(recordsOf(stack))
  const found = journal.filter(({ upstream }) => positionals.length === 0 || positionals.includes(upstream))
  console.log(values.json ? JSON.stringify(found) : historyTable(found, Date.now()))
  return 0
}
