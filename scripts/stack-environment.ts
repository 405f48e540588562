import { lstat, readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { readEnvFile } from '../compose/env/env-file.ts'
import { type Environment, type EnvironmentFault, faultOf, isTrial, modeFaults } from '../compose/env/environment.ts'
import { EdgeError } from '../proxy/errors.ts'

/** The variables of a stack, from where they stand. */
export interface Found {
  readonly env: Environment
  /** Of the file, before anything is asked of its values. */
  readonly faults: readonly EnvironmentFault[]
}

/** From a file alone, as on the host. @throws EdgeError CONFIG_MISSING */
export async function findIn(file: string): Promise<Found> {
  const missing = (cause: Error): never => {
    throw new EdgeError('CONFIG_MISSING', `${file}: ${cause.message}`, cause)
  }
  const { mode } = await stat(file).catch(missing)
  const { env, faults } = readEnvFile(await readFile(file, 'utf8').catch(missing), file)
  return { env, faults: [...modeFaults(file, mode, env), ...faults] }
}

/** From this process and a file that may not be there, or not be readable: as in a container of the stack. */
export async function findAround(file: string | undefined): Promise<Found> {
  if (file === undefined) return { env: process.env, faults: [] }
  const name = basename(file)
  const found = await stat(file).catch((cause: NodeJS.ErrnoException) => cause)
  if (found instanceof Error) return { env: process.env, faults: await whyLost(file, found.code) }
  // A mode that keeps this process out as well is a good one.
  const text = await readFile(file, 'utf8').catch(() => null)
  const read = readEnvFile(text ?? '', name)
  const said = Object.entries(process.env).filter(([, value]) => value !== '')
  const env = { ...read.env, ...Object.fromEntries(said) }
  const isOther = text !== null && Boolean(process.env.DOMAINS) && process.env.DOMAINS !== read.env.DOMAINS
  return { env, faults: [...modeFaults(name, found.mode, env), ...read.faults, ...unread(env, isOther)] }
}

async function whyLost(file: string, code: string | undefined): Promise<EnvironmentFault[]> {
  const link = await lstat(file).catch(() => null)
  if (link?.isSymbolicLink()) {
    const expected = 'the file itself: what checks it sees this folder alone'
    return [{ name: basename(file), found: 'a link that leads out of its folder', expected }]
  }
  // Compose takes no offence at a file that is not there; whoever named one meant it.
  const isLost = Boolean(process.env.ENV_FILE) && code === 'ENOENT'
  if (isLost) return [faultOf('ENV_FILE', process.env, 'a file beside the compose files')]
  return unread(process.env, Boolean(process.env.DOMAINS))
}

/** Of a real site: Compose had its variables from elsewhere, as by --env-file, and the containers would get others. */
function unread(env: Environment, isOther: boolean): EnvironmentFault[] {
  return isOther && !isTrial(env) ? [faultOf('ENV_FILE', env, 'the name of the file that holds DOMAINS, in it')] : []
}
