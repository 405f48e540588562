import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import manifest from '../package.json' with { type: 'json' }
import { nearest } from '../proxy/config/faults.ts'
import { EdgeError } from '../proxy/errors.ts'
import { printFailure } from './terminal.ts'

/** A file in verbs/: growth adds files here, not branches. */
interface Verb {
  /** One line for the list of verbs. */
  readonly summary: string
  /** What follows the verb, and what each option means. */
  readonly usage: string
  /** @returns the exit code; what it throws is printed with its next step, and exits 1 (2 for EDGE_USAGE) */
  run(argv: string[]): Promise<number>
}

const folder = join(import.meta.dirname, 'verbs')
const names = readdirSync(folder)
  .map(file => file.replace(/\.ts$/, ''))
  .sort()

process.exitCode = await dispatch(process.argv.slice(2)).catch(fail)

async function dispatch([name = '--help', ...argv]: string[]): Promise<number> {
  if (name === '--version' || name === '-v') return version()
  if (name === '--help' || name === '-h' || name === 'help') return help()
  if (!names.includes(name)) {
    const near = nearest(name, names)
    throw new EdgeError('EDGE_USAGE', `there is no ${name}${near === undefined ? '' : `; did you mean ${near}?`}`)
  }
  const verb = await load(name)
  // What stands behind -- is another command's.
  const own = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : argv.length)
  if (!own.includes('--help') && !own.includes('-h')) return await verb.run(argv)
  console.log(`twinedge ${name} ${verb.usage}\n\n${verb.summary}`)
  return 0
}

async function help(): Promise<number> {
  const verbs = await Promise.all(names.map(async name => ({ name, ...(await load(name)) })))
  const rows = verbs.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`)
  console.log(`twinedge VERB [OPTIONS]\n\n${rows.join('\n')}\n\ntwinedge VERB --help tells of its options.`)
  return 0
}

function version(): number {
  console.log(`twinedge ${manifest.version}, Node ${process.versions.node}`)
  return 0
}

function load(name: string): Promise<Verb> {
  return import(join(folder, `${name}.ts`))
}

function fail(cause: unknown): number {
  const isUsage = String((cause as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')
  const failure = isUsage ? new EdgeError('EDGE_USAGE', (cause as Error).message) : cause
  const isUse = failure instanceof EdgeError && failure.code === 'EDGE_USAGE'
  const verb = names.find(name => name === process.argv[2])
  printFailure(failure, isUse ? (verb === undefined ? 'twinedge --help' : `twinedge ${verb} --help`) : undefined)
  return isUse ? 2 : 1
}
