import { constants } from 'node:fs'
import { access, readFile, readlink } from 'node:fs/promises'
import { release } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { EdgeError } from '../../proxy/errors.ts'
import { memoryTotal } from '../stack/memory.ts'
import type { HostFacts, ModuleState } from './judgement.ts'
import { settings } from './settings.ts'

/** The server itself; tests give it another root, and the tools to run. */
export interface Host {
  readonly root: string
  readonly modprobe: string
}

export const thisHost: Host = { root: '/', modprobe: 'modprobe' }

/** The process-id namespace that every Linux kernel begins with. */
const firstNamespace = 'pid:[4026531836]'
const algorithms = 'net.ipv4.tcp_available_congestion_control'

/** Where the kernel shows a setting. */
export function settingPath({ root }: Host, name: string): string {
  return join(root, 'proc/sys', ...name.split('.'))
}

/** @returns its value, blanks as single spaces; null: this kernel, or this network namespace, has none */
export async function readSetting(host: Host, name: string): Promise<string | null> {
  const text = await textOf(settingPath(host, name))
  return text === null ? null : text.trim().replace(/\s+/g, ' ')
}

/** Reads, and changes nothing. */
export async function readHost(host: Host): Promise<HostFacts> {
  const kernel = (await readSetting(host, 'kernel.osrelease')) ?? release()
  const names = settings.map(({ name }) => name)
  const values = await Promise.all(names.map(async name => [name, await readSetting(host, name)] as const))
  const wanted = settings.flatMap(({ module }) => module ?? [])
  const states = await Promise.all(wanted.map(async name => [name, await stateOf(host, kernel, name)] as const))
  return {
    values: Object.fromEntries(values.flatMap(([name, value]) => (value === null ? [] : [[name, value]]))),
    algorithms: (await readSetting(host, algorithms))?.split(' ') ?? [],
    modules: Object.fromEntries(states),
    kernel,
    memoryBytes: memoryTotal((await textOf(join(host.root, 'proc/meminfo'))) ?? '')
  }
}

/** @throws EdgeError LINK_TUNE_REFUSED in a container, or for a user who may not change the kernel's settings */
export async function checkIsOwn(host: Host, userId: number): Promise<void> {
  const markers = await Promise.all(['.dockerenv', 'run/.containerenv'].map(file => textOf(join(host.root, file))))
  const namespace = await readlink(join(host.root, 'proc/self/ns/pid')).catch(() => '')
  const isMarked = markers.some(text => text !== null) && namespace !== firstNamespace
  const probe = settingPath(host, 'net.ipv4.tcp_congestion_control')
  const refusal = await access(probe, constants.W_OK).then(
    () => null,
    (cause: NodeJS.ErrnoException) => String(cause.code)
  )
  if (isMarked || refusal === 'EROFS') {
    throw new EdgeError(
      'LINK_TUNE_REFUSED',
      'this is a container: its files and its /proc/sys are not those of the server'
    )
  }
  if (refusal === 'ENOENT') throw new EdgeError('LINK_TUNE_REFUSED', `${probe} is not there: this is no Linux server`)
  if (userId !== 0) throw new EdgeError('LINK_TUNE_REFUSED', 'only root may change the settings of the kernel')
}

async function stateOf({ root }: Host, kernel: string, name: string): Promise<ModuleState> {
  const loaded = await textOf(join(root, 'proc/modules'))
  if (loaded !== null && new RegExp(`^${name} `, 'm').test(loaded)) return 'there'
  const [builtIn, loadable] = await Promise.all(
    ['modules.builtin', 'modules.dep'].map(file => textOf(join(root, 'lib/modules', kernel, file)))
  )
  const file = new RegExp(`/${name}\\.ko`)
  if (builtIn != null && file.test(builtIn)) return 'built in'
  // Each line is a module, a colon, and the modules that it needs: to be needed is not to be there.
  if (loadable != null && new RegExp(`/${name}\\.ko(?:\\.\\w+)?:`).test(loadable)) return 'loadable'
  if (loadable != null) return 'absent'
  return await configuredState(root, kernel, name)
}

/** A kernel without a folder of modules (some providers' own) may still say what it was built with. */
async function configuredState(root: string, kernel: string, name: string): Promise<ModuleState> {
  const packed = await readFile(join(root, 'proc/config.gz')).catch(() => null)
  const text = packed === null ? await textOf(join(root, 'boot', `config-${kernel}`)) : gunzipSync(packed).toString()
  if (text === null) return 'unknown'
  const option = settings.find(({ module }) => module === name)?.option ?? ''
  return text.includes(`\n${option}=y\n`) ? 'built in' : 'absent'
}

async function textOf(path: string): Promise<string | null> {
  return await readFile(path, 'utf8').catch(() => null)
}
