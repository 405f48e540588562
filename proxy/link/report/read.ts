import { thumbprint as thumbprints } from '../../config/kinds/accounts.ts'
import type { PeerCertificate, PeerReport, PeerUpstream } from '../../control/protocol.ts'
import { EdgeError } from '../../errors.ts'
import { REPORT_PROTOCOL } from './compile.ts'

/** Of a report, in bytes of JSON. */
export const LARGEST_REPORT_BYTES = 65_536
const mostEntries = 1_000

class Unreadable extends Error {}

type Read<T> = (value: unknown, path: string) => T

/**
 * What a paired peer has sent. It may be of another release: fields that we do not know are left out.
 * @returns the fault as a value, LINK_VERSION with what was not understood
 */
export function readReport(json: string): PeerReport | EdgeError {
  if (Buffer.byteLength(json) > LARGEST_REPORT_BYTES) {
    return new EdgeError('LINK_VERSION', `its report is larger than ${LARGEST_REPORT_BYTES} bytes`)
  }
  let value: unknown
  try {
    value = JSON.parse(json)
    return report(value, '')
  } catch (cause) {
    if (!(cause instanceof Unreadable)) return new EdgeError('LINK_VERSION', 'its report is not JSON')
    return new EdgeError('LINK_VERSION', `its report is not understood: ${cause.message}${protocolWords(value)}`)
  }
}

const report: Read<PeerReport> = (value, path) => {
  const of = map(value, path)
  return {
    protocol: of('protocol', number),
    version: of('version', text),
    server: of('server', text),
    now: of('now', number),
    isStopping: of('isStopping', flag),
    thumbprint: of('thumbprint', orNull(thumbprint)),
    tlsMode: of('tlsMode', text),
    domains: of('domains', many(text)),
    certificates: of('certificates', many(certificate)),
    upstreams: of('upstreams', many(upstream)),
    agreed: of('agreed', texts)
  }
}

const certificate: Read<PeerCertificate> = (value, path) => {
  const of = map(value, path)
  return {
    domains: of('domains', many(text)),
    issuer: of('issuer', text),
    beginsAt: of('beginsAt', date),
    expiresAt: of('expiresAt', date),
    isLocal: of('isLocal', flag)
  }
}

const upstream: Read<PeerUpstream> = (value, path) => {
  const of = map(value, path)
  return {
    name: of('name', text),
    isLocal: of('isLocal', flag),
    isUp: of('isUp', flag),
    isBorrowed: of('isBorrowed', flag),
    isChecked: of('isChecked', flag),
    saw: of('saw', text),
    build: of('build', orNull(text))
  }
}

function map(value: unknown, path: string): <T>(key: string, read: Read<T>) => T {
  if (!isMap(value)) throw new Unreadable(`${path || 'it'} is not an object`)
  return (key, read) => read(Object.hasOwn(value, key) ? value[key] : undefined, path === '' ? key : `${path}.${key}`)
}

const texts: Read<Record<string, string>> = (value, path) => {
  const entries = isMap(value) ? Object.entries(value) : null
  if (entries === null || entries.length > mostEntries) {
    throw new Unreadable(`${path} is not an object of at most ${mostEntries} texts`)
  }
  return Object.fromEntries(entries.map(([key, one]) => [key, text(one, `${path}[${JSON.stringify(key)}]`)]))
}

const text: Read<string> = (value, path) => {
  if (typeof value !== 'string') throw new Unreadable(`${path} is not a text`)
  return value
}

/** It becomes part of what an authority is answered. */
const thumbprint: Read<string> = (value, path) => {
  const read = thumbprints.read(text(value, path))
  if (read === undefined) throw new Unreadable(`${path} is not ${thumbprints.expected}`)
  return read
}

const number: Read<number> = (value, path) => {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new Unreadable(`${path} is not a whole number`)
  return value
}

const flag: Read<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw new Unreadable(`${path} is not true or false`)
  return value
}

const date: Read<string> = (value, path) => {
  if (typeof value !== 'string' || Number.isNaN(Date.parse(value))) throw new Unreadable(`${path} is not a date`)
  return value
}

function many<T>(read: Read<T>): Read<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value) || value.length > mostEntries) {
      throw new Unreadable(`${path} is not a list of at most ${mostEntries}`)
    }
    return value.map((one, index) => read(one, `${path}[${index}]`))
  }
}

function orNull<T>(read: Read<T>): Read<T | null> {
  return (value, path) => (value === null ? null : read(value, path))
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Most likely the whole reason. */
function protocolWords(value: unknown): string {
  const its = isMap(value) ? value.protocol : undefined
  return typeof its !== 'number' || its === REPORT_PROTOCOL ? '' : `; it speaks protocol ${its}, we ${REPORT_PROTOCOL}`
}
