import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { readEnvFile } from '../compose/env/env-file.ts'
import { type Environment, type EnvironmentFault, faultOf, modeFaults } from '../compose/env/environment.ts'
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
  if (found instanceof Error) {
    // Compose takes no offence at a file that is not there; whoever named one meant it.
    const isLost = Boolean(process.env.ENV_FILE) && found.code === 'ENOENT'
    return {
      env: process.env,
      faults: isLost ? [faultOf('ENV_FILE', process.env, 'a file beside the compose files')] : []
    }
  }
  // A mode that keeps this process out as well is a good one.
  const read = readEnvFile(await readFile(file, 'utf8').catch(() => ''), name)
  const said = Object.entries(process.env).filter(([, value]) => value !== '')
  const env = { ...read.env, ...Object.fromEntries(said) }
  return { env, faults: [...modeFaults(name, found.mode, env), ...read.faults] }
}
