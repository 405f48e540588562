import { parseArgs } from 'node:util'

export const summary = 'Run the edge; without a file, the demo on this machine'
export const usage = '[--config FILE]'

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { config: { type: 'string' } } })
  const { main } = await import('../../proxy/main.ts')
  const code = await main({ config: values.config ?? null })
  // A probe that waits for a dead upstream must not hold up the end.
  return process.exit(code)
}
