import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { EdgeError } from '../../../proxy/errors.ts'
import { failureAt } from '../plan/commands.ts'
import type { Part, Site } from '../plan/site.ts'
import { shipFile } from '../ship/bare.ts'
import { heeding } from '../ssh/heeding.ts'
import type { Ssh } from '../ssh/ssh.ts'
import { argumentsOf, type Building, type Built, buildFailure, listener, recipeOf } from './build.ts'
import { type Context, openContext } from './context.ts'
import { openLog } from './log.ts'
import { run } from './program.ts'

/**
 * `$1` is an archive of two folders: the context, and the Dockerfile with what it ignores. Nothing is left of them, nor
 * of those that a laptop sent which then died.
 */
const build = `
set -e; umask 077
find "$(dirname "$1")" -maxdepth 1 -name '*-context-*' -mtime +0 -exec rm -rf {} + 2>/dev/null || true
d=$(mktemp -d "$1.XXXXXX"); trap 'rm -rf "$d"' EXIT; trap 'exit 1' HUP INT TERM
tar -x -z -f "$1" -C "$d"; rm -f "$1"; shift; cd "$d"
docker build "$@" context 2>&1 </dev/null`

/**
 * On the server, which must have the memory for it: the context goes there, and the image is there then.
 * @throws EdgeError BUILD_FAILED, BUILD_SOURCE_MISSING, SHIP_*, SSH_*
 */
export async function buildThere(ssh: Ssh, site: Site, part: Part, building: Building): Promise<Built> {
  const recipe = recipeOf(site, part, building)
  const context = await openContext(site.parts[part].source, building)
  const aside = await mkdtemp(join(tmpdir(), 'te-cold-'))
  const log = await openLog(recipe.reference.replace(/:[^:]*$/, ''))
  try {
    const archive = await pack(context, recipe.dockerfile, aside)
    // By a name that no other laptop's build has.
    const there = `${ssh.server.folder}/site/${part}-context-${randomBytes(6).toString('hex')}.tar.gz`
    await ssh.run(['mkdir', '-p', dirname(there)], { asRoot: true })
    building.say(`Sending the source of ${part} to ${ssh.server.name}`)
    await shipFile(ssh, archive, there, { asRoot: true, say: building.say, signal: building.signal })
    const options = argumentsOf({ ...recipe, dockerfile: `dockerfile/${basename(recipe.dockerfile)}` })
    const channel = ssh.open(['sh', '-c', build, 'build', there, ...options], { asRoot: true })
    channel.stdin.end()
    building.signal?.addEventListener('abort', channel.stop, { once: true })
    createInterface({ input: channel.stdout }).on('line', listener(log.line, building.say))
    const { code, stderr } = await heeding(channel.ended, building.signal)
    if (code !== 0) throw failure(recipe.reference, `${log.last()}\n${stderr}`.trim(), log.file)
    return { ...(await inspect(ssh, recipe.reference)), log: log.file, from: context.from }
  } finally {
    await log.close()
    await rm(aside, { recursive: true, force: true })
    await context.close()
  }
}

/** The project's Dockerfiles need more than an engine's own builder. @throws EdgeError BUILD_BUILDX_MISSING, SSH_* */
export async function refuseWithoutBuildx(ssh: Ssh): Promise<void> {
  const { code } = await ssh.run(['docker', 'buildx', 'version'], { asRoot: true })
  if (code !== 0) throw failureAt(ssh.server, { code: 'BUILD_BUILDX_MISSING', detail: 'it has no docker buildx' })
}

/** What this laptop lacks is no help there. */
function failure(reference: string, said: string, file: string): EdgeError {
  const { detail } = buildFailure(reference, said, file, 1)
  return new EdgeError('BUILD_FAILED', detail)
}

/** What nothing is built from: where git does not say what counts. */
const left = ['.git', 'node_modules', '.next', '.venv'].map(name => `--exclude=${name}`)

async function pack({ folder, files }: Context, dockerfile: string, aside: string): Promise<string> {
  const [archive, list] = [join(aside, 'archive.tar.gz'), join(aside, 'list')]
  await mkdir(join(aside, 'dockerfile'))
  // By a link of this name: every tar can do that, and not every tar can rename.
  await symlink(folder, join(aside, 'context'))
  for (const file of [dockerfile, `${dockerfile}.dockerignore`].filter(existsSync)) {
    await copyFile(file, join(aside, 'dockerfile', basename(file)))
  }
  const names = (files ?? ['.']).map(name => `context/${name}`)
  await writeFile(list, ['dockerfile', ...names].map(name => `${name}\0`).join(''))
  const { code } = await run('tar', [
    '-c',
    '-z',
    '-f',
    archive,
    ...(files ? [] : left),
    '-C',
    aside,
    '--null',
    '-T',
    list
  ])
  if (code !== 0) throw new EdgeError('BUILD_SOURCE_MISSING', `${folder} cannot be packed`)
  return archive
}

async function inspect(ssh: Ssh, reference: string): Promise<Pick<Built, 'reference' | 'id' | 'platform'>> {
  const format = '{{.Id}} {{.Os}}/{{.Architecture}}'
  const { stdout } = await ssh.run(['docker', 'image', 'inspect', '--format', format, reference], { asRoot: true })
  const [id = '', platform = ''] = stdout.trim().split(' ')
  return { reference, id, platform }
}
