import { parseArgs } from 'node:util'
import { faultsOf } from '../../compose/env/checks.ts'
import { isServer, type Server, servers } from '../../compose/env/environment.ts'
import { exampleEnv } from '../../compose/env/example.ts'
import { nearest } from '../../proxy/config/faults.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { findAround, findIn } from '../stack-environment.ts'
import { table } from '../terminal.ts'

export const summary = "Check a stack's .env before anything starts, or show one in which everything is explained"
export const usage = `check frontend|backend|single [--file FILE | --beside FILE]
twinedge env example frontend|backend|single

  check     what is missing, weak or at odds in the variables of this process
  --file    in those of FILE, as Compose reads it
  --beside  and in FILE, if it is there, where they do not say
  example   to be copied to .env`

export async function run(args: string[]): Promise<number> {
  const options = { file: { type: 'string' }, beside: { type: 'string' } } as const
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
  const [what, server = '', ...more] = positionals
  const isBoth = values.file !== undefined && values.beside !== undefined
  const isOwn = what === 'check' && server !== '' && server === process.env.SERVER
  if (!/^(check|example)$/.test(`${what}`) || !(isServer(server) || isOwn) || more.length > 0 || isBoth) {
    throw new EdgeError('EDGE_USAGE', `twinedge env ${usage.split('\n\n')[0]}`)
  }
  if (what === 'example') process.stdout.write(exampleEnv(server as Server))
  else await check(server, values)
  return 0
}

interface Places {
  readonly file?: string | undefined
  readonly beside?: string | undefined
}

async function check(server: string, { file, beside }: Places): Promise<void> {
  const { env, faults } = file === undefined ? await findAround(beside) : await findIn(file)
  // The compose files hand over what SERVER says, right or wrong; a shell's own value may not be among the variables.
  const checked = isServer(server) ? server : ((nearest(server, servers) as Server | undefined) ?? 'single')
  const own = file === undefined ? { ...env, SERVER: env.SERVER || server } : env
  const all = [...faults, ...faultsOf(own, checked)]
  if (all.length === 0) return console.log(`the environment of the ${server} stack is ok`)
  const rows = all.map(({ name, found, expected }) => [name, `found ${found};`, `expected ${expected}`])
  throw new EdgeError('COMPOSE_ENV_REFUSED', `\n${table(rows)}`)
}
