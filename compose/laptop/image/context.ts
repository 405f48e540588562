import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { access, constants, copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { EdgeError } from '../../../proxy/errors.ts'
import { run } from './program.ts'

/** Where a part's source comes from. */
export interface Source {
  /** Of git; HEAD unless told. */
  readonly ref?: string
  /** As it lies there, with what nobody has committed. */
  readonly isLocal?: boolean
  /** A Next.js output that is built already; absolute. */
  readonly artifact?: string | null
}

/** What a build is of. */
export interface Origin {
  /** A commit, `working tree`, or `artifact` and its name. */
  readonly from: string
  /** How many files of the source are not in it as they lie there, for nobody has committed them. */
  readonly uncommitted: number
}

/** A folder to build from. */
export interface Context extends Pick<Origin, 'from'> {
  readonly folder: string
  /** Files of the folder that count, where not all do. */
  readonly files: readonly string[] | null
  close(): Promise<void>
}

/** Under which images/web/Dockerfile expects it. */
const artifactName = 'frontend-standalone.tar.gz'

/** @param source folder of the app @throws EdgeError BUILD_SOURCE_MISSING */
export async function originOf(source: string, { ref, isLocal, artifact }: Source): Promise<Origin> {
  if (artifact) {
    await access(artifact, constants.R_OK).catch(cause => {
      throw new EdgeError('BUILD_SOURCE_MISSING', `${artifact} cannot be read`, cause)
    })
    return { from: `artifact ${basename(artifact)}`, uncommitted: 0 }
  }
  if (!existsSync(source)) throw new EdgeError('BUILD_SOURCE_MISSING', `there is no folder ${source}`)
  if (isLocal) return { from: 'working tree', uncommitted: 0 }
  const commit = await git(source, ['rev-parse', '--verify', '--quiet', `${ref ?? 'HEAD'}^{commit}`])
  if (commit === null) {
    const isRepository = (await git(source, ['rev-parse', '--git-dir'])) !== null
    const why = isRepository ? `has no commit ${ref ?? 'HEAD'}` : 'is no git repository: build with --from-local'
    throw new EdgeError('BUILD_SOURCE_MISSING', `${source} ${why}`)
  }
  // Who names a commit knows that it is not what lies there.
  const changed = ref === undefined ? await git(source, ['status', '--porcelain', '--', '.']) : null
  return { from: commit.trim(), uncommitted: (changed ?? '').split('\n').filter(line => line !== '').length }
}

/** @param source folder of the app @throws EdgeError BUILD_SOURCE_MISSING */
export async function openContext(source: string, wanted: Source): Promise<Context> {
  const { from } = await originOf(source, wanted)
  if (wanted.artifact) return await withArtifact(wanted.artifact, from)
  if (wanted.isLocal) return { folder: source, from, files: await filesOf(source), close: async () => {} }
  const folder = await temporary()
  try {
    await unpackCommit(source, from, folder)
  } catch (cause) {
    await rm(folder, { recursive: true, force: true })
    throw cause
  }
  return { ...ofTemporary(folder), from }
}

async function withArtifact(artifact: string, from: string): Promise<Context> {
  const folder = await temporary()
  try {
    await copyFile(artifact, join(folder, artifactName))
  } catch (cause) {
    await rm(folder, { recursive: true, force: true })
    throw new EdgeError('BUILD_SOURCE_MISSING', `${artifact} cannot be read`, cause)
  }
  return { ...ofTemporary(folder), from }
}

/** The part of the repository that the source is; the dates of its files are the commit's. */
async function unpackCommit(source: string, commit: string, folder: string): Promise<void> {
  const archive = spawn('git', ['-C', source, 'archive', '--format=tar', commit], {
    stdio: ['ignore', 'pipe', 'ignore']
  })
  const unpack = spawn('tar', ['-x', '-f', '-', '-C', folder], { stdio: ['pipe', 'ignore', 'ignore'] })
  // Each has its own pipe: one that two processes read loses what the other one takes.
  archive.stdout.pipe(unpack.stdin)
  // An archive ends with zeros, for which tar need not wait; git is to be heard out all the same.
  unpack.stdin.on('error', () => archive.stdout.resume())
  if ((await Promise.all([codeOf(archive), codeOf(unpack)])).some(code => code !== 0)) {
    throw new EdgeError('BUILD_SOURCE_MISSING', `git archive ${commit} of ${source} cannot be unpacked`)
  }
}

function codeOf(child: ChildProcess): Promise<number | null> {
  return new Promise(resolve => {
    child.once('error', () => resolve(null))
    child.once('close', resolve)
  })
}

/** What git would have: without what it ignores. null: it is no repository, and everything counts. */
async function filesOf(source: string): Promise<string[] | null> {
  const listed = await git(source, ['ls-files', '--cached', '--others', '--exclude-standard', '-z'])
  return listed === null
    ? null
    : [...new Set(listed.split('\0'))].filter(name => name !== '' && existsSync(join(source, name)))
}

async function git(folder: string, args: readonly string[]): Promise<string | null> {
  const { code, stdout } = await run('git', ['-C', folder, ...args])
  return code === 0 ? stdout : null
}

function temporary(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'te-context-'))
}

function ofTemporary(folder: string): Omit<Context, 'from'> {
  return { folder, files: null, close: () => rm(folder, { recursive: true, force: true }) }
}
