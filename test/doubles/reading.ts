// How a verb reads its words, tried without doing anything: for commands that a page or a next step tells to type.
import { existsSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import util, { type ParseArgsConfig } from 'node:util'
import { EdgeError } from '../../proxy/errors.ts'
import { project } from './command.ts'

/** Verbs whose first word says which of several things is to be done, each with options of its own. */
const actions: Readonly<Record<string, readonly string[]>> = {
  certs: ['list', 'renew', 'import'],
  dns: ['check', 'switch-plan', 'watch'],
  link: ['pair', 'rotate', 'check', 'tune']
}

class WasRead extends Error {
  readonly options: NonNullable<ParseArgsConfig['options']>

  constructor(options: NonNullable<ParseArgsConfig['options']>) {
    super('read')
    this.options = options
  }
}

/** @returns what stands against it, or '' where the verb takes all of its words; those after `--` are another's */
export async function faultOf(words: readonly string[]): Promise<string> {
  const end = await read(words)
  return end instanceof WasRead ? '' : end.message
}

/** @returns the names of the options that a verb has; of one of its actions, if the second word is one */
export async function optionsOf([verb = '', first = '']: readonly string[]): Promise<readonly string[]> {
  const all = actions[verb] ?? []
  const plain = all.includes(first) ? await read([verb, first]) : await read([verb])
  // A verb that does nothing by itself has what its actions have.
  const ends = [plain]
  if (!(plain instanceof WasRead)) for (const action of all) ends.push(await read([verb, action]))
  const names = ends.flatMap(end => (end instanceof WasRead ? Object.keys(end.options) : []))
  if (names.length === 0 && !(plain instanceof WasRead)) throw plain
  return [...new Set([...names, 'help'])]
}

/** Runs the verb up to where it has its words read, which is the first thing that it does. */
async function read([verb = '', ...args]: readonly string[]): Promise<WasRead | Error> {
  const file = join(project, `scripts/verbs/${verb}.ts`)
  if (!existsSync(file)) return new Error(`there is no ${verb}`)
  if (args.includes('--help')) return new WasRead({})
  const { run } = (await import(file)) as { run(args: string[]): Promise<number> }
  const { parseArgs } = util
  const stopping = (config: ParseArgsConfig): never => {
    parseArgs(config)
    throw new WasRead(config.options ?? {})
  }
  util.parseArgs = stopping as unknown as typeof parseArgs
  syncBuiltinESMExports()
  try {
    return new Error(`it did not read its words, and ended with ${await run([...args])}`)
  } catch (cause) {
    return cause instanceof WasRead || cause instanceof EdgeError ? cause : (cause as Error)
  } finally {
    util.parseArgs = parseArgs
    syncBuiltinESMExports()
  }
}
