import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import type { DeployLine } from '../../../compose/server/deploy/records.ts'
import { makeLeaf, makeRoot } from '../../../proxy/tls/local-certificate.ts'
import { project as house, type Outcome } from '../command.ts'
import { type SshServer, startSshServer } from '../ssh/server.ts'
import { docker } from './engine.ts'
import { type Character, type SmallStack, upSmallStack } from './small-stack.ts'

const longestMs = 60_000

/** A laptop with a deploy.yaml, and its only server: this machine's engine, by way of a real sshd. */
export interface DeploySite {
  readonly stack: SmallStack
  readonly ssh: SshServer
  /** Where users come in; `status` is what they get. */
  readonly entrance: { status: number; readonly asked: string[] }
  /** Where deploy.yaml lies. */
  readonly folder: string
  /** As if it had just been built on the laptop. @returns its name */
  built(character: Character): Promise<string>
  /** `twinedge …` on the laptop. */
  twinedge(...args: string[]): Promise<Outcome>
  begin(...args: string[]): Laptop
  journal(): Promise<readonly DeployLine[]>
}

/** A command of the laptop's, while it goes on. */
export interface Laptop {
  /** It has told its operator this; or has ended. */
  says(text: string): Promise<string>
  kill(signal: NodeJS.Signals): void
  readonly end: Promise<Outcome>
}

/** @param settings further lines of deploy.yaml */
export async function upDeploySite(t: Test, settings = ''): Promise<DeploySite> {
  const ssh = await startSshServer(t)
  const entrance = { status: 200, asked: [] as string[] }
  const port = await startEntrance(t, entrance)
  const stack = await upSmallStack(t, { HTTPS_PORT: `${port}` })
  await symlink(house, join(stack.folder, 'tool'))
  const folder = await mkdtemp(join(tmpdir(), 'te-laptop-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'deploy.yaml'), yamlOf(stack, ssh, settings))
  let builds = 0
  const built = async (character: Character): Promise<string> => {
    const name = `localhost/${stack.project}/web:deploy-20261123-${String(++builds).padStart(6, '0')}`
    await docker(['tag', stack.image(character), name])
    return name
  }
  const begin = (...args: string[]): Laptop => start(folder, args)
  const journal = async (): Promise<DeployLine[]> => {
    const text = await readFile(join(stack.folder, 'site/deploys.jsonl'), 'utf8').catch(() => '')
    return text
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as DeployLine)
  }
  return { stack, ssh, entrance, folder, built, twinedge: (...args) => begin(...args).end, begin, journal }
}

function yamlOf({ project, folder }: SmallStack, { plan }: SshServer, settings: string): string {
  return `site: ${project}
domains: [localhost]
servers:
  single: { ssh: ${plan.ssh}, ssh-config: ${plan.sshConfig}, address: 127.0.0.1, folder: ${folder} }
web: { source: . }
api: { source: . }
verify: [/login]
${settings}`
}

async function startEntrance(t: Test, entrance: DeploySite['entrance']): Promise<number> {
  const { cert, key } = await makeLeaf(await makeRoot(new Date()), ['localhost'], new Date())
  const server = createServer({ cert, key }, (request, response) => {
    entrance.asked.push(`${request.headers.host?.replace(/:.*/, '')}${request.url}`)
    response.writeHead(entrance.status).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as { port: number }).port
}

function start(cwd: string, args: readonly string[]): Laptop {
  // Tests run under tap's loaders; the command must not. `env` and the launcher both end in an exec: it is one process.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', join(house, 'scripts/twinedge'), ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: longestMs
  })
  const said = { out: '', err: '' }
  child.stdout.on('data', chunk => {
    said.out += chunk
  })
  child.stderr.on('data', chunk => {
    said.err += chunk
  })
  let isOver = false
  const end = new Promise<Outcome>(resolve => {
    child.on('close', code => {
      isOver = true
      resolve({ code, ...said })
    })
  })
  const says = async (text: string): Promise<string> => {
    for (const late = Date.now() + longestMs; !isOver && !said.out.includes(text) && Date.now() < late; ) await pause(5)
    return said.out
  }
  return { says, kill: signal => void child.kill(signal), end }
}
