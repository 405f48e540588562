import { createHmac } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { faultsOf } from '../../env/checks.ts'
import { readEnvFile } from '../../env/env-file.ts'
import { type Environment, isServer, modeFaults, type Server } from '../../env/environment.ts'
import { type Variable, variables } from '../../env/variables.ts'
import type { EnvironmentSeen } from './records.ts'

/**
 * What a `.env` says, here or on the other machine, so that the two can be compared without a secret on the way.
 * @param salt of one comparison: without it, a short secret could be guessed from its mark
 */
export async function seeEnvironment(file: string, server: Server, salt: string): Promise<EnvironmentSeen> {
  const found = await stat(file).catch(() => null)
  if (found === null) return { isThere: false, faults: [], values: {}, marks: {} }
  const { env, faults } = readEnvFile(await readFile(file, 'utf8'), basename(file))
  const checked = isServer(`${env.SERVER}`) ? (env.SERVER as Server) : server
  return {
    isThere: true,
    faults: [...modeFaults(basename(file), found.mode, env), ...faults, ...faultsOf(env, checked)],
    values: Object.fromEntries(entriesOf(env).filter(([name]) => isShown(name))),
    marks: Object.fromEntries(
      entriesOf(env).flatMap(([name, value]) => (isShown(name) ? [] : [[name, mark(value, salt)]]))
    )
  }
}

/** Of the app's own variables nobody knows which are secret: none is shown. */
function isShown(name: string): boolean {
  const row: Variable | undefined = Object.hasOwn(variables, name)
    ? variables[name as keyof typeof variables]
    : undefined
  return row !== undefined && row.isSecret !== true
}

function entriesOf(env: Environment): [string, string][] {
  return Object.entries(env).map(([name, value]) => [name, value ?? ''])
}

function mark(value: string, salt: string): string {
  return createHmac('sha256', salt).update(value).digest('base64').slice(0, 22)
}
