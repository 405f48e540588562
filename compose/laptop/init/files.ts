import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { EdgeError } from '../../../proxy/errors.ts'
import { createStateFile, readStateFile, writeStateFile } from '../../../proxy/state/state-file.ts'

const git = promisify(execFile)

export interface SiteFile {
  readonly name: string
  readonly text: string
  readonly mode: number
}

/**
 * All of them or none, as far as can be told beforehand.
 * @param force what is there goes on as NAME.bak, NAME.bak-2, ...
 * @returns what was done, a line each
 * @throws EdgeError SITE_EXISTS, EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL
 */
export async function writeSite(folder: string, files: readonly SiteFile[], force: boolean): Promise<string[]> {
  const there = files.filter(({ name }) => existsSync(join(folder, name))).map(({ name }) => name)
  if (there.length > 0 && !force) throw new EdgeError('SITE_EXISTS', `${there.join(', ')} in ${folder}`)
  const told: string[] = []
  for (const { name, text, mode } of files) {
    const path = join(folder, name)
    if (there.includes(name)) {
      const kept = freeName(path)
      await rename(path, kept)
      told.push(`${name}: what was there is ${kept.slice(folder.length + 1)}`)
    }
    // Somebody may have made it since: then it is theirs.
    if (!(await createStateFile(path, text, mode))) throw new EdgeError('SITE_EXISTS', path)
    told.push(`${name}: written`)
  }
  return told
}

function freeName(path: string): string {
  for (let at = 1; ; at++) {
    const name = `${path}.bak${at === 1 ? '' : `-${at}`}`
    if (!existsSync(name)) return name
  }
}

const patterns = ['*.env', '*.env.bak*']

/** In a git repository, files with secrets are kept out of it. @returns what was done, or is to be done */
export async function keepOutOfGit(folder: string, names: readonly string[]): Promise<string[]> {
  const run = async (...args: string[]): Promise<string | null> =>
    git('git', ['-C', folder, ...args]).then(
      ({ stdout }) => stdout.trim(),
      () => null
    )
  if ((await run('rev-parse', '--is-inside-work-tree')) !== 'true') return []
  const tracked = (await run('ls-files', '--', ...names)) || null
  const told =
    tracked === null
      ? []
      : [`WARNING: git has ${tracked.split('\n').join(', ')}: git rm --cached FILE; and change the secrets in it`]
  const open = await Promise.all(
    names.map(async name => (await run('check-ignore', '-q', '--no-index', '--', name)) === null)
  )
  if (!open.includes(true)) return told
  const path = join(folder, '.gitignore')
  const before = (await readStateFile(path)) ?? ''
  const gap = before === '' || before.endsWith('\n') ? '' : '\n'
  await writeStateFile(path, `${before}${gap}${patterns.join('\n')}\n`, 0o644)
  return [...told, `.gitignore: ${patterns.join(' and ')} are kept out of git`]
}
