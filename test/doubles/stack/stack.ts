import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Server } from '../../../compose/env/environment.ts'
import type { Outcome } from '../command.ts'
import type { RunningEdge } from '../edge.ts'
import { freePorts } from '../ports.ts'
import { buildImage, docker, type ImageName } from './engine.ts'
import type { Owner } from './image.ts'

/** One server's compose files, up on this machine under a name and ports of their own. */
export interface Stack extends Pick<RunningEdge, 'httpPort' | 'httpsPort' | 'ca'> {
  readonly project: string
  /** Where the slots and the sample API listen, by the variable's name. */
  readonly ports: Readonly<Record<string, number>>
  /** Its `.env`. */
  readonly file: string
  /** Changes its `.env`; an empty value stays in it as one. */
  set(env: Record<string, string>): Promise<void>
  /** `docker compose …` on it. */
  compose(...args: string[]): Promise<Outcome>
  /** The same, with variables of the shell's own. */
  composeWith(env: Record<string, string>, ...args: string[]): Promise<Outcome>
  /** The id of a service's container, running or not. */
  container(service: string): Promise<string>
  /** `docker inspect` of that container. */
  inspect(service: string): Promise<Inspected>
}

// biome-ignore lint/suspicious/noExplicitAny: the engine's own answer, of which each test reads a little
export type Inspected = any

const files: Record<Server, readonly string[]> = {
  frontend: ['docker-compose.frontend.yml'],
  backend: ['docker-compose.backend.yml'],
  single: ['docker-compose.frontend.yml', 'docker-compose.backend.yml']
}
const images: Record<Server, readonly ImageName[]> = {
  frontend: ['proxy', 'web', 'api'],
  backend: ['proxy', 'api'],
  single: ['proxy', 'web', 'api']
}
const portNames = ['HTTP_PORT', 'HTTPS_PORT', 'WEB_BLUE_PORT', 'WEB_GREEN_PORT', 'API_BLUE_PORT', 'API_GREEN_PORT']

/** A stack that is not up yet, with its `.env`; it is taken down, with its volumes, when the test is over. */
export async function makeStack(t: Owner, server: Server, env: Record<string, string> = {}): Promise<Stack> {
  for (const image of images[server]) await buildImage(image)
  const project = `te-${server}-${randomBytes(4).toString('hex')}`
  const folder = await mkdtemp(join(tmpdir(), 'te-stack-'))
  const file = join(folder, '.env')
  const free = Object.entries(await namedPorts([...portNames, 'SAMPLE_API_PORT']))
  const ports = Object.fromEntries(free.map(([name, port]) => [name, Number(env[name] ?? port)]))
  const kind: Record<string, string> = server === 'single' ? { SERVER: 'single' } : {}
  const settings: Record<string, string | number> = { ...ports, ...kind, ...env }
  const set = async (changes: Record<string, string>): Promise<void> => {
    const lines = Object.entries(Object.assign(settings, changes)).map(([name, value]) => `${name}=${value}\n`)
    await writeFile(file, lines.join(''), { mode: 0o600 })
  }
  await set({})
  // As an operator has it: .env lies in the folder that Compose takes for the stack's own.
  const place = ['-p', project, '--project-directory', folder, '--env-file', file]
  const options = ['compose', ...place, ...files[server].flatMap(name => ['-f', name])]
  const composeWith: Stack['composeWith'] = (env, ...args) => docker([...options, ...args], { env })
  const compose: Stack['compose'] = (...args) => composeWith({}, ...args)
  t.teardown(async () => {
    await compose('--profile', '*', 'down', '--volumes', '--timeout', '2')
    await forgetReleases(project)
    await rm(folder, { recursive: true, force: true })
  })
  const container = async (service: string): Promise<string> => {
    const { out } = await compose('ps', '--all', '--quiet', service)
    return out.trim()
  }
  const inspect = async (service: string): Promise<Inspected> => {
    const { out, err } = await docker(['inspect', await container(service)])
    const [found] = JSON.parse(out)
    if (found === undefined) throw new Error(err)
    return found
  }
  const [httpPort, httpsPort] = [Number(settings.HTTP_PORT), Number(settings.HTTPS_PORT)]
  return { project, file, ports, httpPort, httpsPort, ca: '', set, compose, composeWith, container, inspect }
}

/** The names that swaps have given to images. */
async function forgetReleases(project: string): Promise<void> {
  const format = '{{.Repository}}:{{.Tag}}'
  const { out } = await docker(['images', '--format', format, '--filter', `reference=localhost/${project}/*`])
  const names = out.split('\n').filter(name => name !== '')
  if (names.length > 0) await docker(['rmi', '--force', ...names])
}

/** A stack that is up and healthy, with the certificate authority that its edge made. */
export async function upStack(t: Owner, server: Server, env: Record<string, string> = {}): Promise<Stack> {
  const stack = await makeStack(t, server, env)
  const { code, err } = await stack.compose('up', '-d', '--wait', '--wait-timeout', '120')
  if (code !== 0) throw new Error(`${server}: up failed:\n${err}\n${(await stack.compose('logs', '--tail', '20')).out}`)
  return { ...stack, ca: await authorityOf(stack) }
}

/** The local authority's certificate, PEM, from the edge's volume. */
export async function authorityOf(stack: Stack): Promise<string> {
  return (await stack.compose('exec', '-T', 'edge', 'cat', '/var/lib/twinedge/local-ca/root.pem')).out
}

/** Ports of loopback that nobody has, by name. */
export async function namedPorts(names: readonly string[]): Promise<Record<string, number>> {
  const ports = await freePorts(names.length)
  return Object.fromEntries(names.map((name, index) => [name, ports[index]!]))
}
