import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readStateFile, syncFolder, unwritable, writeStateFile } from '../../proxy/state/state-file.ts'
import { type BootFile, lastFile } from './boot-order.ts'
import { type Host, readSetting, settingPath } from './host.ts'
import { type Change, type FileChange, filesOf, type Plan, without } from './plan.ts'
import { readTuning, type Tuned, tuningPath } from './tuning-file.ts'

/** What became of one step of a plan. */
export interface Outcome {
  readonly isDone: boolean
  readonly said: string
}

const fileMode = 0o644
/** Never makes a file: a setting that is gone is a failure. */
const overwriting = constants.O_WRONLY | constants.O_TRUNC
const modprobeMs = 10_000
const bootFolders = ['usr/lib/sysctl.d', 'run/sysctl.d', 'etc/sysctl.d']

/** @returns what earlier runs have tuned, with what was there before */
export async function readTuned({ root }: Host): Promise<Tuned[]> {
  return readTuning((await readStateFile(join(root, tuningPath))) ?? '')
}

/** @returns every file of settings that a boot reads, in no order */
export async function bootFiles({ root }: Host): Promise<BootFile[]> {
  const found = await Promise.all(
    bootFolders.map(async folder => {
      const names = await readdir(join(root, folder)).catch(() => [])
      return names.filter(name => name.endsWith('.conf')).map(name => `/${folder}/${name}`)
    })
  )
  const texts = [...found.flat(), lastFile].map(async path => {
    const text = await readFile(join(root, path), 'utf8').catch(() => null)
    return text === null ? [] : [{ path, text }]
  })
  return (await Promise.all(texts)).flat()
}

/**
 * Carries a plan out: files first, since they hold what an undo needs, then the kernel. Goes on after a step that
 * fails; a setting that could not be had is taken out of the files again.
 * @throws EdgeError EDGE_STATE_UNWRITABLE or EDGE_DISK_FULL when the files cannot be written: nothing is changed then
 */
export async function carryOut(host: Host, plan: Plan): Promise<Outcome[]> {
  const isUndo = plan.tuned.length === 0
  if (!isUndo) await putFiles(host, filesOf(plan))
  const loaded = await Promise.all(plan.modules.map(module => load(host, module)))
  const set: Outcome[] = []
  for (const change of plan.changes) set.push(await apply(host, change))
  const failed = plan.changes.filter((_, index) => !set[index]!.isDone).map(({ name }) => name)
  const files = filesOf(isUndo ? plan : without(plan, failed))
  if (isUndo || failed.length > 0) await putFiles(host, files)
  const written = files.filter(({ text }) => isUndo || text !== null)
  return [...loaded.flat(), ...set, ...written.map(({ path }) => done(`${isUndo ? 'removed' : 'wrote'} ${path}`))]
}

async function putFiles({ root }: Host, files: readonly FileChange[]): Promise<void> {
  for (const { path, text } of files) {
    if (text === null) await remove(join(root, path))
    else await writeStateFile(join(root, path), text, fileMode)
  }
}

async function remove(path: string): Promise<void> {
  try {
    await rm(path)
    await syncFolder(join(path, '..'))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw unwritable(path, cause)
  }
}

/** A failure is told, and the setting tried all the same: the kernel loads what it needs by itself where it can. */
async function load({ modprobe }: Host, module: string): Promise<Outcome[]> {
  try {
    await promisify(execFile)(modprobe, [module], { timeout: modprobeMs })
    return [done(`loaded the module ${module}`)]
  } catch (cause) {
    const { code, stderr = '', message } = cause as NodeJS.ErrnoException & { stderr?: string }
    const reason = code === 'ENOENT' ? `there is no ${modprobe}` : stderr.trim() || message
    return [done(`could not load the module ${module} (${reason}); the kernel is asked to`)]
  }
}

async function apply(host: Host, { name, from, to }: Change): Promise<Outcome> {
  try {
    await writeFile(settingPath(host, name), `${to}\n`, { flag: overwriting })
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? `this kernel has no ${to}` : message
    return { isDone: false, said: `FAILED ${name}: still ${from}: ${reason}` }
  }
  // Some kernels take a value without a word and go on with another one.
  const now = await readSetting(host, name)
  if (now === to) return done(`${name} = ${to}`)
  return { isDone: false, said: `FAILED ${name}: the kernel made ${now} of ${to}` }
}

function done(said: string): Outcome {
  return { isDone: true, said }
}
