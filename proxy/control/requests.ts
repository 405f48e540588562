import { nearest } from '../config/faults.ts'
import { httpsUrl } from '../config/kinds/accounts.ts'
import { EdgeError } from '../errors.ts'
import type { ImportRequest, RenewRequest } from './protocol.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * @param known names of the certificates that may be renewed; null: whether there are any is for the edge to say
 * @throws EdgeError EDGE_USAGE with what was expected
 */
export function readRenewRequest(body: unknown, known: readonly string[] | null): RenewRequest {
  const { names, force, dryRun, directory } = fieldsOf('the body', body, ['names', 'force', 'dryRun', 'directory'])
  if (!isTexts(names)) throw refusal('names is a list of names; an empty one stands for all')
  if (typeof force !== 'boolean') throw refusal('force is true or false')
  if (typeof dryRun !== 'boolean') throw refusal('dryRun is true or false')
  if (dryRun && force) throw refusal('a dry run tries every certificate anyhow: it goes without force')
  for (const name of names) if (known !== null && !known.includes(name)) throw unknownName(name, known)
  return { names: [...new Set(names)], force, dryRun, directory: readDirectory(directory, dryRun) }
}

/** @throws EdgeError EDGE_USAGE with what was expected, and nothing of what was sent: there are keys in it */
export function readImportRequest(body: unknown): ImportRequest {
  const { certificates } = fieldsOf('the body', body, ['certificates'])
  if (!Array.isArray(certificates) || certificates.length === 0) throw refusal('certificates is a list of at least one')
  const read = certificates.map((certificate: unknown, index) => {
    const at = `certificates[${index}]`
    const { source, cert, key } = fieldsOf(at, certificate, ['source', 'cert', 'key'])
    if (!isText(source)) throw refusal(`${at}.source is where it was found`)
    if (!isText(cert)) throw refusal(`${at}.cert is a PEM chain, leaf first`)
    if (!isText(key)) throw refusal(`${at}.key is a PEM private key`)
    return { source, cert, key }
  })
  return { certificates: read }
}

/** Exactly these, since an option that is misspelt must not pass for one that was left out. */
export function fieldsOf(what: string, value: unknown, expected: readonly string[]): Fields {
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : []
  if (keys.length === expected.length && expected.every(key => keys.includes(key))) return value as Fields
  throw refusal(`${what} is a JSON object with ${expected.join(', ')} and nothing else`)
}

function readDirectory(written: unknown, isDryRun: boolean): string | null {
  if (written === null) return null
  const url = typeof written === 'string' ? httpsUrl.read(written) : undefined
  if (url === undefined) throw refusal('directory is an https URL, or null')
  if (!isDryRun) throw refusal('another directory is for a dry run; what is to be stored comes from tls.directory')
  return url
}

function unknownName(name: string, known: readonly string[]): EdgeError {
  const near = nearest(name, known)
  const hint = near === undefined ? '' : `; did you mean ${near}?`
  return refusal(`no certificate has the name ${JSON.stringify(name)}${hint}`)
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText)
}

export function refusal(detail: string): EdgeError {
  return new EdgeError('EDGE_USAGE', detail)
}
