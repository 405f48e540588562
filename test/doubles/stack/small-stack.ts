import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Outcome, twinedge } from '../command.ts'
import { docker } from './engine.ts'
import { type SlotEdge, startSlotEdge } from './slot-edge.ts'

/** What an image does once it runs; all of them listen on 3000, but for those that end. */
export const characters = {
  one: "answer('fine, one')",
  two: "answer('fine, two')",
  three: "answer('fine, three')",
  wrong: "answer('this is another app', 500)",
  crash: "console.log('reading settings'); console.error('no DATABASE_URL'); process.exit(3)",
  glutton: 'for (const held = []; ; ) held.push(Buffer.alloc(8e6, 1))',
  poller: "answer('fine, polling is ' + process.env.POLLING + ', ' + process.env.TOKEN)",
  deaf: 'setInterval(() => {}, 1000)'
}
export type Character = keyof typeof characters

/** A stack in the shape of ours, on a real engine, of images that are made in no time and an edge that is a double. */
export interface SmallStack {
  readonly project: string
  readonly folder: string
  readonly envFile: string
  readonly edge: SlotEdge
  /** @returns the image's name */
  image(character: Character): string
  compose(...args: string[]): Promise<Outcome>
  twinedge(...args: string[]): Promise<Outcome>
  /** Service, state, id of each of its containers, as the engine lists them. */
  containers(): Promise<readonly { service: string; state: string; id: string; image: string }[]>
}

const code = `
const answer = (text, status = 200) => {
  require('http').createServer((_, response) => response.writeHead(status).end(text)).listen(3000)
  process.on('SIGTERM', () => process.exit())
}
`

// Not a Node for each look: what is asked is only whether somebody listens.
const connects = `["bash", "-c", "< /dev/tcp/127.0.0.1/3000"]`
/** Until it is there, often; then hardly ever. */
const once = '--interval=30s --start-period=30s --start-interval=200ms'
/** Found to be deaf within seconds. */
const soon = '--interval=1s --retries=2 --start-period=1s --start-interval=200ms'

/** Up, with blue serving \`one\`. */
export async function upSmallStack(t: Test, env: Record<string, string> = {}): Promise<SmallStack> {
  const project = `te-small-${randomBytes(4).toString('hex')}`
  const folder = await mkdtemp(join(tmpdir(), 'te-small-'))
  const images = Object.keys(characters).map(name => `${project}-${name}:1`)
  const envFile = join(folder, '.env')
  const compose = (...args: string[]): Promise<Outcome> => docker(['compose', ...args], { cwd: folder })
  t.teardown(async () => {
    await compose('--profile', '*', 'down', '--volumes', '--timeout', '1')
    // By name: by its id, an image would go under the names that the stack beside this one has for it.
    const filter = ['--filter', `reference=localhost/${project}/web`]
    const releases = await docker(['images', '--format', '{{.Repository}}:{{.Tag}}', ...filter])
    await docker(['rmi', '-f', ...images, ...releases.out.split('\n').filter(name => name !== '')])
    await rm(folder, { recursive: true, force: true })
  })
  await build(folder, project)
  const ports = { blue: await fixedPort(), green: await fixedPort() }
  await mkdir(join(folder, 'run'))
  await writeFile(join(folder, 'compose.yml'), composeFile(project, ports))
  const lines = Object.entries({ WEB_IMAGE: `${project}-one:1`, ...env }).map(([name, value]) => `${name}=${value}\n`)
  await writeFile(envFile, `# ours\n${lines.join('')}`, { mode: 0o600 })
  const origins = { 'web/blue': `http://127.0.0.1:${ports.blue}`, 'web/green': `http://127.0.0.1:${ports.green}` }
  const edge = await startSlotEdge(t, join(folder, 'run', 'control.sock'), origins)
  const { code: up, err } = await compose('up', '-d', '--wait', '--wait-timeout', '60')
  if (up !== 0) throw new Error(err)
  const run = (...args: string[]): Promise<Outcome> => twinedge([...args, '--project', project])
  const image = (character: Character): string => `${project}-${character}:1`
  return { project, folder, envFile, edge, image, compose, twinedge: run, containers: () => containers(project) }
}

/** By one command: eight builds of what is cached took 1.1 s, this 0.7 s. */
async function build(folder: string, project: string): Promise<void> {
  const target: Record<string, object> = {}
  for (const [name, text] of Object.entries(characters)) {
    const context = join(folder, `image-${name}`)
    await mkdir(context)
    await writeFile(join(context, 'app.js'), `${code}\n${text}\n`)
    const check = name === 'wrong' ? '' : `HEALTHCHECK ${name === 'deaf' ? soon : once} CMD ${connects}`
    const lines = ['FROM node:26-bookworm-slim', 'COPY app.js /', 'VOLUME /scratch', check, 'CMD ["node", "/app.js"]']
    await writeFile(join(context, 'Dockerfile'), `${lines.join('\n')}\n`)
    target[name] = { context, tags: [`${project}-${name}:1`] }
  }
  const file = join(folder, 'bake.json')
  await writeFile(file, JSON.stringify({ group: { default: { targets: Object.keys(target) } }, target }))
  const { code: built, err } = await docker(['buildx', 'bake', '--file', file], { cwd: folder })
  if (built !== 0) throw new Error(err)
}

/** In the edge's log, in the place of what it would say. */
const edgeSays = JSON.stringify({ level: 'info', time: '2026-11-01T10:00:00.000Z', message: 'serving' })

/** As docker-compose.frontend.yml has it, but for the edge. */
function composeFile(project: string, ports: Record<string, number>): string {
  return `name: ${project}
x-slots: &slots { COMPOSE_PROFILES: "", WEB_BLUE_IMAGE: "", WEB_GREEN_IMAGE: "" }
x-web: &web
  image: \${WEB_BLUE_IMAGE:-\${WEB_IMAGE}}
  depends_on: { preflight: { condition: service_completed_successfully }, other: { condition: service_started, required: false } }
  env_file: [{ path: .env, required: false }]
  environment: *slots
  init: true
  mem_limit: \${WEB_MEMORY:-96m}
  read_only: true
  tmpfs: ["/tmp:size=1m"]
  user: node
  cap_drop: [ALL]
  networks: { default: { aliases: [app] }, side: }
  restart: unless-stopped
  stop_grace_period: 5s
networks: { side: }
services:
  preflight: { image: "node:26-bookworm-slim", command: ["true"] }
  edge:
    image: node:26-bookworm-slim
    init: true
    command: ${JSON.stringify(['sh', '-c', `echo '${edgeSays}'; exec sleep 3600`])}
    depends_on: { preflight: { condition: service_completed_successfully } }
    volumes: ["./run:/run/twinedge"]
  other: { image: "node:26-bookworm-slim", init: true, command: [sleep, "3600"], profiles: [other], environment: { A: "\${OTHER:-}" } }
  web-blue:
    <<: *web
    profiles: ["", web-blue]
    ports: ["127.0.0.1:${ports.blue}:3000"]
  web-green:
    <<: *web
    profiles: [web-green]
    image: \${WEB_GREEN_IMAGE:-\${WEB_IMAGE}}
    ports: ["127.0.0.1:${ports.green}:3000"]
`
}

/** Below those that the system hands out: the idle slot's must be free still when its turn comes. */
async function fixedPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const server = createServer()
    const isFree = await new Promise<boolean>(resolve => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (isFree) return new Promise(resolve => server.close(() => resolve(port)))
  }
}

async function containers(project: string): Promise<{ service: string; state: string; id: string; image: string }[]> {
  const format = '{{.Label "com.docker.compose.service"}} {{.State}} {{.ID}} {{.Image}}'
  const { out } = await docker([
    'ps',
    '-a',
    '--filter',
    `label=com.docker.compose.project=${project}`,
    '--format',
    format
  ])
  const rows = out
    .trim()
    .split('\n')
    .filter(row => row !== '')
    .sort()
  return rows.map(row => {
    const [service = '', state = '', id = '', image = ''] = row.split(' ')
    return { service, state, id, image }
  })
}
