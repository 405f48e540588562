import type { Dirent } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { ImportRequest } from '../../proxy/control/protocol.ts'
import { EdgeError } from '../../proxy/errors.ts'

export type FoundPair = ImportRequest['certificates'][number]

export interface Found {
  readonly pairs: readonly FoundPair[]
  /** Where there is a pair that cannot be read. */
  readonly faults: readonly { readonly source: string; readonly fault: EdgeError }[]
}

const chainFile = 'fullchain.pem'
const keyFile = 'privkey.pem'
/** Ten times a long chain: whatever is larger is no certificate, and must not fill the memory. */
const longestBytes = 131_072

/**
 * Reads certbot's layout: `/etc/letsencrypt`, its `live`, one folder of that, or any folder with such a pair.
 * @throws EdgeError EDGE_USAGE when there is none, TLS_FILE_UNREADABLE when none can be read
 */
export async function readCertbotFolder(folder: string): Promise<Found> {
  const sources = await findSources(resolve(folder))
  const pairs: FoundPair[] = []
  const faults: { source: string; fault: EdgeError }[] = []
  for (const source of sources) {
    try {
      pairs.push({ source, cert: await readPem(join(source, chainFile)), key: await readPem(join(source, keyFile)) })
    } catch (fault) {
      if (!(fault instanceof EdgeError)) throw fault
      faults.push({ source, fault })
    }
  }
  if (pairs.length > 0) return { pairs, faults }
  if (faults.length > 0) throw new EdgeError('TLS_FILE_UNREADABLE', faults.map(({ fault }) => fault.detail).join('\n'))
  const looked = [folder, join(folder, '*'), join(folder, 'live', '*')].join(', ')
  throw new EdgeError('EDGE_USAGE', `no ${chainFile} with a ${keyFile} in any of ${looked}`)
}

/** Half a pair counts: what is missing is told when it is read. */
async function findSources(folder: string): Promise<string[]> {
  const names = (await entriesOf(folder)).map(({ name }) => name)
  if (hasPair(names)) return [folder]
  const parent = names.includes('live') ? join(folder, 'live') : folder
  const sources: string[] = []
  for (const entry of (await entriesOf(parent)).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const child = join(parent, entry.name)
    const isFolder = entry.isDirectory() || (entry.isSymbolicLink() && (await isDirectory(child)))
    if (isFolder && hasPair((await entriesOf(child)).map(({ name }) => name))) sources.push(child)
  }
  return sources
}

function hasPair(names: readonly string[]): boolean {
  return names.includes(chainFile) || names.includes(keyFile)
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (cause) {
    throw unreadable(folder, cause as NodeJS.ErrnoException)
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false
}

async function readPem(path: string): Promise<string> {
  try {
    const found = await stat(path)
    // A pipe or a device may never end.
    if (!found.isFile() || found.size > longestBytes) throw new Error(`no file of at most ${longestBytes} bytes`)
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw unreadable(path, cause as NodeJS.ErrnoException)
  }
}

function unreadable(path: string, cause: NodeJS.ErrnoException): EdgeError {
  const hint = cause.code === 'EACCES' || cause.code === 'EPERM' ? '; certbot keeps it for root: run this as root' : ''
  return new EdgeError('TLS_FILE_UNREADABLE', `${path}: ${cause.message}${hint}`, cause)
}
