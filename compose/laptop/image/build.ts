import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { EdgeError } from '../../../proxy/errors.ts'
import { inspectImages } from '../../image/inspect.ts'
import type { Part, Site } from '../plan/site.ts'
import { openContext, type Source } from './context.ts'
import { openLog } from './log.ts'
import { run } from './program.ts'

export interface Building extends Source {
  readonly tag: string
  /** linux/amd64; null: what the engine that builds is. */
  readonly platform?: string | null
  /** Its steps, as they begin. */
  say(line: string): void
  /** Of an operator who wants it no longer. */
  readonly signal?: AbortSignal | undefined
}

export interface Built {
  readonly reference: string
  readonly id: string
  readonly platform: string
  /** Where all that was said is. */
  readonly log: string
  /** A commit, `working tree`, or `artifact` and its name. */
  readonly from: string
}

/** What `docker build` is told; `folder` is said last. */
export interface Recipe {
  readonly reference: string
  readonly dockerfile: string
  readonly args: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
  readonly platform: string | null
}

const project = join(import.meta.dirname, '../../..')
/** Which makes an image of a part, where deploy.yaml names no other. */
export function ownDockerfile(part: Part): string {
  return join(project, `images/${part}/Dockerfile`)
}
/** As the compose files have it. */
export const edgeImage = 'localhost/twinedge/proxy:local'

export function imageName(site: Site, part: Part, tag: string): string {
  return `${site.parts[part].image ?? `localhost/${site.name}/${part}`}:${tag}`
}

/** One that no other build has, not even of the same second; in the order of time: deploy-20261123-064341-9f3a. */
export function newTag(now: Date): string {
  const [day, time] = now
    .toISOString()
    .replaceAll(/[-:]|\..*/g, '')
    .split('T')
  return `deploy-${day}-${time}-${randomBytes(2).toString('hex')}`
}

/** By this laptop's docker. @throws EdgeError BUILD_FAILED, BUILD_SOURCE_MISSING, BUILD_DOCKER_MISSING; the signal's reason */
export async function buildPart(site: Site, part: Part, building: Building): Promise<Built> {
  const context = await openContext(site.parts[part].source, building)
  try {
    return { ...(await build(recipeOf(site, part, building), context.folder, building)), from: context.from }
  } finally {
    await context.close()
  }
}

/** Before anybody waits for anything else. @throws EdgeError BUILD_DOCKER_MISSING */
export async function refuseWithoutDocker(): Promise<void> {
  for (const args of [['version'], ['buildx', 'version']]) {
    let last = 'there is no docker on this laptop'
    const { code } = await run('docker', args, { line: text => (last = text.trim() || last) })
    if (code !== 0) throw new EdgeError('BUILD_DOCKER_MISSING', last)
  }
}

/** The edge itself, of this project as it lies here. @throws EdgeError BUILD_FAILED, BUILD_DOCKER_MISSING */
export async function buildEdge(
  building: Pick<Building, 'platform' | 'say'> & { readonly labels?: Recipe['labels'] }
): Promise<Built> {
  const dockerfile = join(project, 'images/proxy/Dockerfile')
  const { platform = null, labels = {} } = building
  const recipe = { reference: edgeImage, dockerfile, args: {}, labels, platform }
  return { ...(await build(recipe, project, building)), from: 'working tree' }
}

export function recipeOf(site: Site, part: Part, { tag, platform, artifact }: Building): Recipe {
  const { dockerfile, args } = site.parts[part]
  const given = artifact ? { ...args, APP_FROM: 'artifact' } : args
  return { reference: imageName(site, part, tag), dockerfile, args: given, platform: platform ?? null }
}

/** Without what buildx adds to an image about its own build, which is another image to some engines. */
export function argumentsOf({ reference, dockerfile, args, labels = {}, platform }: Recipe): string[] {
  const options = ['--progress', 'plain', '--file', dockerfile, '--tag', reference]
  if (platform !== null) options.push('--platform', platform)
  for (const [name, value] of Object.entries(args)) options.push('--build-arg', `${name}=${value}`)
  for (const [name, value] of Object.entries(labels)) options.push('--label', `${name}=${value}`)
  return options
}

type Told = Pick<Building, 'say' | 'signal'>

async function build(recipe: Recipe, folder: string, { say, signal }: Told): Promise<Omit<Built, 'from'>> {
  const log = await openLog(recipe.reference.replace(/:[^:]*$/, ''))
  const plain = ['--load', '--provenance=false', '--sbom=false']
  const line = listener(log.line, say)
  const { code } = await run('docker', ['buildx', 'build', ...plain, ...argumentsOf(recipe), folder], { line, signal })
  await log.close()
  signal?.throwIfAborted()
  if (code !== 0) throw buildFailure(recipe.reference, log.last(), log.file, code)
  const [image] = await inspectImages([recipe.reference])
  if (image === undefined)
    throw new EdgeError('BUILD_FAILED', `${recipe.reference} was built, and is not in the engine`)
  return { reference: recipe.reference, id: image.id, platform: image.platform, log: log.file }
}

/** A command of a Dockerfile may be a page long. */
const stepWidth = 76

/** All lines to the log; to the operator the beginnings of those with which a step begins. */
export function listener(log: (line: string) => void, say: (line: string) => void): (line: string) => void {
  return line => {
    log(line)
    const step = /^#\d+ (\[(?!internal).*)/.exec(line)?.[1]
    if (step !== undefined) say(step.length <= stepWidth ? step : `${step.slice(0, stepWidth - 1)}…`)
  }
}

export function buildFailure(reference: string, last: string, file: string, code: number | null): EdgeError {
  if (
    code === null ||
    /is not a docker command|cannot connect to the docker daemon|unknown (?:flag|command)/i.test(last)
  ) {
    return new EdgeError('BUILD_DOCKER_MISSING', last || 'there is no docker on this laptop')
  }
  return new EdgeError('BUILD_FAILED', `${reference}:\n${last}\n(all of it: ${file})`)
}
