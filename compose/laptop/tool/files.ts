import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** One file of the tool, and of what the edge's image is made of. */
export interface ToolFile {
  /** From the project's folder. */
  readonly path: string
  readonly mode: number
  readonly content: Buffer
}

const folders = ['proxy', 'compose', 'scripts', 'images']
const files = [
  'package.json',
  'package-lock.json',
  '.npmrc',
  'LICENSE',
  'docker-compose.frontend.yml',
  'docker-compose.backend.yml'
]
/** What editors and debuggers read, and nobody runs. */
const unused = /\.(?:map|d\.[cm]?ts)$/
/** Of a package: what its own developers do. */
const ofOthers = /^node_modules\/.*(?:\/(?:tests?|docs|examples?|benchmarks?|\.github)\/|\/(?!licen[cs]e)[^/]*\.md$)/i

interface Locked {
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly optional?: boolean
}

/** This project as a server needs it, without what only its developers do. @param project its folder, with its packages */
export async function toolFiles(project: string): Promise<ToolFile[]> {
  const lock = JSON.parse(await readFile(join(project, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>
  }
  const packages = Object.entries(lock.packages).filter(
    ([path, { dev, devOptional, optional }]) => path !== '' && !dev && !devOptional && !optional
  )
  const own = [...files, ...(await Promise.all(folders.map(folder => below(project, folder)))).flat()]
  const others = await Promise.all(packages.map(([path]) => below(project, path, 'node_modules')))
  // A package within another's folder is on the list by itself.
  const paths = [...new Set([...own, ...others.flat()])]
    .filter(path => !unused.test(path) && !ofOthers.test(path))
    .sort()
  return Promise.all(paths.map(path => readTool(project, path)))
}

/** @returns SHA-256 in hex: the same for the same files, on whichever machine */
export function hashOf(all: readonly ToolFile[]): string {
  const hash = createHash('sha256')
  for (const { path, mode, content } of all) {
    hash.update(`${path}\0${mode}\0${content.length}\0`)
    hash.update(content)
  }
  return hash.digest('hex')
}

/** Of the tool, on a server: what each file should be, for `sha256sum -c`. */
export const manifestName = 'files.sha256'

export function manifestOf(all: readonly ToolFile[]): string {
  return all.map(({ path, content }) => `${createHash('sha256').update(content).digest('hex')}  ${path}\n`).join('')
}

export function manifestFile(manifest: string): ToolFile {
  return { path: manifestName, mode: 0o644, content: Buffer.from(manifest) }
}

export function manifestHash(manifest: string): string {
  return createHash('sha256').update(manifest).digest('hex')
}

async function below(project: string, folder: string, without = ''): Promise<string[]> {
  const entries = await readdir(join(project, folder), { withFileTypes: true })
  const found = entries.map(entry => {
    const path = `${folder}/${entry.name}`
    if (entry.isFile()) return [path]
    return entry.isDirectory() && entry.name !== without ? below(project, path, without) : []
  })
  return (await Promise.all(found)).flat()
}

async function readTool(project: string, path: string): Promise<ToolFile> {
  const { mode } = await stat(join(project, path))
  // Of the mode what counts: a laptop's umask is its own affair.
  return { path, mode: (mode & 0o100) === 0 ? 0o644 : 0o755, content: await readFile(join(project, path)) }
}
