import { type SpawnOptions, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { EdgeError } from '../../proxy/errors.ts'
import type { Stack } from './stack.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What Compose and Docker's own command do for a swap. */
export interface DockerCommand {
  /**
   * Makes the container of one service, from the compose files' own definition, and does not start it. What runs is
   * not touched. @throws EdgeError COMPOSE_REFUSED with its words
   */
  create(service: string, variables: Environment): Promise<void>
  /** With the credentials that `docker login` left. @throws EdgeError COMPOSE_IMAGE_MISSING */
  pull(image: string): Promise<void>
}

const createMs = 2 * 60_000
const pullMs = 30 * 60_000

/**
 * @param env of this process; what it says goes before what `.env` says
 * @param signal ends what runs; its reason is thrown
 */
export function dockerCommand(stack: Stack, env: Environment, signal: AbortSignal): DockerCommand {
  const run = async (args: readonly string[], variables: Environment, timeout: number): Promise<Said> => {
    signal.throwIfAborted()
    return docker(args, { env: { ...env, ...variables } as NodeJS.ProcessEnv, timeout, signal })
  }
  return {
    async create(service, variables) {
      const { code, said } = await run(createArguments(stack, service), variables, createMs)
      if (code !== 0) throw new EdgeError('COMPOSE_REFUSED', `docker compose:\n${tail(said)}`)
    },
    async pull(image) {
      const { code, said } = await run(['pull', '--quiet', image], {}, pullMs)
      if (code === 0) return
      throw new EdgeError('COMPOSE_IMAGE_MISSING', `${image} is not here, and cannot be pulled: ${tail(said, 1)}`)
    }
  }
}

interface Said {
  readonly code: number | null
  readonly said: string
}

function createArguments({ project, folder, files, envFiles }: Stack, service: string): string[] {
  const place = ['compose', '-p', project, '--project-directory', folder]
  place.push(...envFiles.filter(file => existsSync(file)).flatMap(file => ['--env-file', file]))
  // Not --no-deps, which is in the hash by which the next `up -d` tells what has changed. But what the service depends
  // on is there and runs: --no-recreate keeps it from being replaced, whatever has been edited since.
  const how = ['up', '--no-start', '--no-recreate', '--no-build', '--pull', 'never', '--quiet-pull', service]
  return [...place, ...files.flatMap(file => ['-f', file]), ...how]
}

function docker(args: readonly string[], options: SpawnOptions & { signal: AbortSignal }): Promise<Said> {
  const { promise, resolve, reject } = Promise.withResolvers<Said>()
  // In a session of its own: the terminal's Ctrl-C is for us, who then clear up.
  const child = spawn('docker', args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', chunk => {
      said = `${said}${chunk}`.slice(-10_000)
    })
  }
  const fault = (cause: Error): unknown =>
    options.signal.aborted
      ? options.signal.reason
      : new EdgeError('COMPOSE_ENGINE_UNREACHABLE', `docker: ${cause.message}`, cause)
  child.on('error', cause => reject(fault(cause)))
  child.on('close', code => resolve({ code, said }))
  return promise
}

function tail(said: string, lines = 10): string {
  return said.trim().split('\n').slice(-lines).join('\n')
}
