import { parseArgs } from 'node:util'
import { ask, placeOptions, placeUsage } from '../control-client.ts'
import { doneThere } from '../laptop/there.ts'

export const summary = 'Print the metrics of the running edge as Prometheus reads them'
export const usage = placeUsage

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: placeOptions })
  const there = await doneThere(['metrics', ...args], values)
  if (there !== null) return there
  const { body } = await ask(values, 'GET', '/metrics')
  process.stdout.write(body)
  return 0
}
