import { readFile, stat } from 'node:fs/promises'
import { parseArgs, parseEnv } from 'node:util'
import { type Environment, faultsOf, type Server } from '../../compose/environment.ts'
import { exampleEnv } from '../../compose/example-env.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { table } from '../terminal.ts'

export const summary = "Check a stack's .env before anything starts, or show one in which everything is explained"
export const usage = `check frontend|backend|single [--file .env]
twinedge env example frontend|backend|single

  check    what is missing, weak or at odds; without --file, the variables of this process
  example  to be copied to .env`

const servers: readonly string[] = ['frontend', 'backend', 'single']

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { file: { type: 'string' } } })
  const [what, server = '', ...more] = positionals
  if (!['check', 'example'].includes(`${what}`) || !servers.includes(server) || more.length > 0) {
    throw new EdgeError('EDGE_USAGE', `twinedge env ${usage.split('\n\n')[0]}`)
  }
  if (what === 'example') process.stdout.write(exampleEnv(server as Server))
  else await check(server as Server, values.file)
  return 0
}

async function check(server: Server, file: string | undefined): Promise<void> {
  const env = file === undefined ? process.env : await readEnv(file)
  const faults = faultsOf(env, server)
  if (faults.length === 0) return console.log(`the environment of the ${server} stack is ok`)
  const rows = faults.map(({ name, found, fix }) => [name, `found ${found};`, `expected ${fix}`])
  throw new EdgeError('COMPOSE_ENV_REFUSED', `\n${table(rows)}`)
}

async function readEnv(file: string): Promise<Environment> {
  const { mode } = await stat(file).catch(cause => {
    throw new EdgeError('CONFIG_MISSING', `${file}: ${(cause as Error).message}`, cause)
  })
  if ((mode & 0o077) !== 0) console.error(`warning: ${file} is open to other users of this machine: chmod 600 ${file}`)
  return parseEnv(await readFile(file, 'utf8'))
}
