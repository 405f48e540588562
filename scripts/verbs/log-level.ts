import { parseArgs } from 'node:util'
import type { LogLevelAnswer } from '../../proxy/control/protocol.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { ask, placeOptions, placeUsage } from '../control-client.ts'
import { doneThere } from '../laptop/there.ts'

export const summary = "Show the running edge's log level, or change it until it restarts"
export const usage = `[trace|debug|info|warn|error|fatal|silent] ${placeUsage} [--json]`

export async function run(args: string[]): Promise<number> {
  const options = { ...placeOptions, json: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
  const [level, ...more] = positionals
  if (more.length > 0) throw new EdgeError('EDGE_USAGE', `twinedge log-level ${usage}`)
  const there = await doneThere(['log-level', ...args], values)
  if (there !== null) return there
  const asked = level === undefined ? ask(values, 'GET', '/log-level') : ask(values, 'PUT', '/log-level', { level })
  const { body } = await asked
  console.log(values.json ? body : (JSON.parse(body) as LogLevelAnswer).level)
  return 0
}
