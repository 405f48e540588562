import { command, type Outcome, project } from '../command.ts'

const LONGEST_MS = 10 * 60_000

/** A real engine, with Compose, answers here. */
export async function docker(
  args: readonly string[],
  { env, cwd = project }: { env?: NodeJS.ProcessEnv; cwd?: string } = {}
): Promise<Outcome> {
  const { NODE_OPTIONS: _, ...outer } = process.env
  return command('docker', args, { cwd, env: { ...outer, ...env }, timeoutMs: LONGEST_MS })
}

/** Why the tests with a Docker engine cannot run here, in one line; '' when they can. */
export const engineMissing = await whyMissing()

async function whyMissing(): Promise<string> {
  const how = 'as root on Debian, test/stack/testbed starts one'
  const engine = await docker(['version', '--format', '{{.Server.Version}}']).catch(() => null)
  if (engine?.code !== 0) return `no Docker engine answers here: ${how}`
  const compose = await docker(['compose', 'version', '--short'])
  return compose.code === 0 ? '' : `no Docker Compose here: ${how}`
}

export type ImageName = 'proxy' | 'web' | 'api'
const builtBy: Record<ImageName, readonly string[]> = {
  proxy: ['docker-compose.frontend.yml', 'edge'],
  web: ['docker-compose.frontend.yml', 'web-blue'],
  api: ['docker-compose.backend.yml', 'api-blue']
}

/**
 * Builds one of our images as the compose files do, on what the engine has cached.
 * @returns its name
 */
export async function buildImage(name: ImageName): Promise<string> {
  const [file = '', service = ''] = builtBy[name]
  const { code, err } = await docker(['compose', '--progress', 'plain', '-f', file, 'build', service])
  if (code !== 0) throw new Error(`${name} cannot be built:\n${err.slice(-4_000)}`)
  return name === 'proxy' ? 'localhost/twinedge/proxy:local' : `localhost/twinedge/${name}:sample`
}
