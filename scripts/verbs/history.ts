import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { edgeAt } from '../../compose/edge-client.ts'
import { dockerEngine } from '../../compose/engine.ts'
import { readJournal } from '../../compose/record/journal.ts'
import { readLock } from '../../compose/record/lock.ts'
import { readPending } from '../../compose/record/pending.ts'
import { servingOf } from '../../compose/stack/slots.ts'
import { findStack, recordsOf } from '../../compose/stack/stack.ts'
import { changingOf } from '../../compose/status/changing.ts'
import { projectOf, stackOptions, stackUsage } from '../stack/access.ts'
import { historyTable } from '../stack/report.ts'
import { changingLines } from '../stack/status-report.ts'

export const summary = 'List what was swapped and rolled back on this server, by whom, and what users saw of it'
export const usage = `[web|api] ${stackUsage} [--json]`

export async function run(args: string[]): Promise<number> {
  const options = { ...stackOptions, json: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
  const stack = await findStack(await dockerEngine(), await projectOf(values))
  const records = recordsOf(stack)
  const journal = await readJournal(records)
  const found = journal.filter(({ upstream }) => positionals.length === 0 || positionals.includes(upstream))
  const words = found.length === 0 ? 'nothing was swapped here yet' : historyTable(found, Date.now())
  console.log(values.json ? JSON.stringify(found) : words)
  if (values.json) return 0
  // What has not ended is in no journal yet.
  const lock = await readLock(records, hostname(), () => new Date())
  const edge = edgeAt(values.socket ?? stack.socket).status()
  const changing = changingOf(lock, await readPending(records), await edge.then(servingOf, () => null))
  for (const line of changingLines(changing, Date.now())) console.log(line)
  return 0
}
