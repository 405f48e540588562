import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Outcome } from '../command.ts'
import { docker } from './engine.ts'

const HEALTH_MS = 60_000
const LOOK_MS = 100

/** Whatever is made for it goes with it: a test, or a bench. */
export type Owner = Pick<Test, 'teardown'>

/** What the engine says of an image, of which the tests read this. */
export interface Image {
  readonly Size: number
  readonly RootFS: { readonly Layers: readonly string[] }
  readonly Config: {
    readonly User: string
    readonly StopSignal: string
    readonly Env: readonly string[]
    readonly ExposedPorts?: Readonly<Record<string, object>>
    readonly Healthcheck?: { readonly Test: readonly string[] }
  }
}

/** A folder with these files, for a build, which nobody else may read; gone when the test is over. */
export async function makeFolder(t: Owner, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'te-context-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true, mode: 0o700 })
    await writeFile(join(folder, name), text, { mode: 0o600 })
  }
  return folder
}

/** `docker build` of one of our Dockerfiles under a tag of its own, which is removed when the test is over. */
export async function tryBuild(t: Owner, dockerfile: string, context: string, options: readonly string[] = []) {
  const tag = `te-image-${randomBytes(6).toString('hex')}`
  t.teardown(() => docker(['image', 'rm', '--force', tag]))
  const file = `images/${dockerfile}/Dockerfile`
  const outcome = await docker(['build', '--progress', 'plain', '-t', tag, '-f', file, ...options, context])
  return { ...outcome, tag }
}

/** @returns the image's name */
export async function build(t: Owner, dockerfile: string, context: string, options?: readonly string[]) {
  const { code, err, tag } = await tryBuild(t, dockerfile, context, options)
  if (code !== 0) throw new Error(`${dockerfile} cannot be built of ${context}:\n${err.slice(-4_000)}`)
  return tag
}

export async function inspectImage(name: string): Promise<Image> {
  return JSON.parse((await docker(['image', 'inspect', name])).out)[0]
}

/** The digests of an image's layers, the base's first. */
export async function layersOf(name: string): Promise<readonly string[]> {
  return (await inspectImage(name)).RootFS.Layers
}

/** Runs a shell script in a new container of an image, and forgets the container. */
export function runIn(image: string, script: string, options: readonly string[] = []): Promise<Outcome> {
  return docker(['run', '--rm', ...options, '--entrypoint', 'bash', image, '-c', script])
}

/** @returns the id of a container of an image, which is removed when the test is over */
export async function startContainer(t: Owner, image: string, options: readonly string[] = []): Promise<string> {
  const { code, out, err } = await docker(['run', '--detach', ...options, image])
  const id = out.trim()
  t.teardown(() => docker(['rm', '--force', '--volumes', id]))
  if (code !== 0) throw new Error(`${image} does not start:\n${err}`)
  return id
}

/** Waits for what the image's own health check comes to. */
export async function untilHealth(id: string, wanted: 'healthy' | 'unhealthy'): Promise<void> {
  const deadline = Date.now() + HEALTH_MS
  for (;;) {
    const state = JSON.parse((await docker(['inspect', '--format', '{{json .State}}', id])).out)
    if (state.Health?.Status === wanted) return
    if (Date.now() > deadline || state.Status !== 'running') {
      const { out, err } = await docker(['logs', '--tail', '20', id])
      throw new Error(`not ${wanted}: ${JSON.stringify(state)}\n${out}${err}`)
    }
    await sleep(LOOK_MS)
  }
}

/** `docker stop`, with its usual 10 s before it kills. */
export async function stop(id: string): Promise<{ code: number; tookMs: number }> {
  const began = performance.now()
  await docker(['stop', id])
  const tookMs = performance.now() - began
  return { code: Number((await docker(['inspect', '--format', '{{.State.ExitCode}}', id])).out), tookMs }
}

/** Where a container's port is reached on this machine, if it was run with `--publish 127.0.0.1::PORT`. */
export async function originOf(id: string, port: number): Promise<string> {
  return `http://${(await docker(['port', id, String(port)])).out.trim()}`
}
