import { parseArgs } from 'node:util'
import type { HealthAnswer } from '../../proxy/control/protocol.ts'
import { ask, placeOptions, placeUsage } from '../control-client.ts'
import { doneThere } from '../laptop/there.ts'
import { table } from '../terminal.ts'

export const summary = 'Tell whether the running edge serves: exit 0; 1 while it stops or is not there'
export const usage = `${placeUsage} [--json]`

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { ...placeOptions, json: { type: 'boolean' } } })
  const there = await doneThere(['health', ...args], values)
  if (there !== null) return there
  const { body } = await ask(values, 'GET', '/healthz')
  const { status, warnings } = JSON.parse(body) as HealthAnswer
  console.log(values.json ? body : table([[status], ...warnings.map(warning => [`warning: ${warning}`])]))
  return status === 'ok' ? 0 : 1
}
