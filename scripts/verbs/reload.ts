import { parseArgs } from 'node:util'
import type { ReloadAnswer } from '../../proxy/control/protocol.ts'
import { ask, placeOptions, placeUsage } from '../control-client.ts'
import { doneThere } from '../laptop/there.ts'

export const summary = 'Make the running edge take up its changed file and certificates; nothing is dropped'
export const usage = `${placeUsage} [--json]`

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { ...placeOptions, json: { type: 'boolean' } } })
  const there = await doneThere(['reload', ...args], values)
  if (there !== null) return there
  const { body } = await ask(values, 'POST', '/reload')
  const { changed } = JSON.parse(body) as ReloadAnswer
  if (values.json) console.log(body)
  else console.log(changed.length === 0 ? 'reloaded: nothing had changed' : `reloaded: ${changed.join(', ')}`)
  return 0
}
