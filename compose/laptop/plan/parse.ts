import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Fault } from '../../../proxy/config/faults.ts'
import type { ValueOf } from '../../../proxy/config/fields.ts'
import { outlineOf } from '../../../proxy/config/outline.ts'
import { Settings } from '../../../proxy/config/settings.ts'
import { readDocument } from '../../../proxy/config/source/document.ts'
import { rows } from './rows.ts'
import type { Part, PartPlan, ServerName, ServerPlan, Site } from './site.ts'

type Row = keyof typeof rows
type Read = <R extends Row>(row: R, ...steps: string[]) => ValueOf<R, typeof rows>

const form = { rows, outline: outlineOf(rows), page: 'the example that `twinedge init` writes' }
const project = join(import.meta.dirname, '../../..')

/** @param file absolute; its folder is what its paths are relative to */
export function parseSite(text: string, file: string): { readonly site: Site } | { readonly faults: readonly Fault[] } {
  const { tree, faults } = readDocument(text)
  if (tree === undefined) return { faults }
  if (tree.type !== 'map') {
    return {
      faults: [
        ...faults,
        { path: '', ...tree.place, found: 'no settings', expected: 'settings, such as domains: [example.com]' }
      ]
    }
  }
  const settings = new Settings(tree, form)
  faults.push(...settings.faults, ...serverFaults(settings), ...twinFaults(settings), ...registryFaults(settings))
  return faults.length > 0 ? { faults } : { site: build(settings, file) }
}

/** Two servers, each with one half; or one with both. */
function serverFaults(settings: Settings<typeof rows>): Fault[] {
  const names = settings.keys('servers').toSorted().join(', ')
  if (names === 'backend, frontend' || (names === 'single' && settings.get('standby') == null)) return []
  if (names === 'single') {
    const expected = 'nothing: there is no other server'
    return [{ path: 'standby', ...settings.place('standby'), found: 'backend', expected }]
  }
  const expected = 'frontend and backend, or single alone'
  return [{ path: 'servers', ...settings.place('servers'), found: names || 'nothing', expected }]
}

/** A block that was copied, and changed in part. */
function twinFaults(settings: Settings<typeof rows>): Fault[] {
  const isSame = (row: 'ssh' | 'ssh-config' | 'address'): boolean =>
    settings.get(`servers.*.${row}`, 'frontend') === settings.get(`servers.*.${row}`, 'backend')
  return (['ssh', 'address'] as const).flatMap(row => {
    const own = settings.get(`servers.*.${row}`, 'backend')
    if (own === undefined || !isSame(row) || (row === 'ssh' && !isSame('ssh-config'))) return []
    const path = `servers.backend.${row}`
    return [{ path, ...settings.place(path), found: `"${own}"`, expected: 'another one than that of frontend' }]
  })
}

function registryFaults(settings: Settings<typeof rows>): Fault[] {
  if (settings.get('ship') !== 'registry') return []
  return (['web', 'api'] as const)
    .filter(part => !settings.has(`${part}.image`))
    .map(part => ({
      path: `${part}.image`,
      ...settings.place(part),
      found: 'nothing',
      expected: `with ship: registry, ${rows[`${part}.image`].kind.expected}`
    }))
}

function build(settings: Settings<typeof rows>, file: string): Site {
  const folder = dirname(file)
  const read = ((row, ...steps) => settings.get(row, ...steps) ?? null) as Read
  const names = (['frontend', 'backend', 'single'] as const).filter(name => settings.keys('servers').includes(name))
  return {
    file,
    folder,
    name: read('site'),
    domains: read('domains'),
    servers: names.map(name => serverPlan(read, name, folder)),
    parts: { web: partPlan(settings, 'web', folder), api: partPlan(settings, 'api', folder) },
    ship: read('ship'),
    hooks: { before: read('hooks.before'), after: read('hooks.after'), failed: read('hooks.failed') },
    verify: read('verify')
  }
}

function serverPlan(read: Read, name: ServerName, folder: string): ServerPlan {
  const path = (text: string | null): string | null => (text === null ? null : from(folder, text))
  return {
    name,
    ssh: read('servers.*.ssh', name),
    key: path(read('servers.*.key', name)),
    sshConfig: path(read('servers.*.ssh-config', name)),
    address: read('servers.*.address', name),
    folder: read('servers.*.folder', name),
    envFile: from(folder, read('servers.*.env', name) ?? `${name}.env`),
    ...(read('standby') === name && { standby: true })
  }
}

function partPlan(settings: Settings<typeof rows>, part: Part, folder: string): PartPlan {
  const read = (row: 'source' | 'dockerfile' | 'image'): string | null => settings.get(`${part}.${row}`) ?? null
  const dockerfile = read('dockerfile')
  return {
    source: from(folder, read('source') ?? '.'),
    dockerfile: dockerfile === null ? join(project, 'images', part, 'Dockerfile') : from(folder, dockerfile),
    args: Object.fromEntries(settings.get(`${part}.args`) ?? []),
    image: read('image')
  }
}

/** As a shell would have it. */
function from(folder: string, path: string): string {
  return resolve(folder, path.replace(/^~(?=\/|$)/, homedir()))
}
