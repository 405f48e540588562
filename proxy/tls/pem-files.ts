import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { CertificateFiles } from '../config/config.ts'
import { EdgeError } from '../errors.ts'

const dayMs = 86_400_000
const soonDays = 14

export interface PemPair {
  /** PEM chain, leaf first. */
  readonly cert: string
  readonly key: string
}

export interface LoadedPair extends PemPair {
  /** Where it was found, for messages. */
  readonly source: string
  readonly leaf: X509Certificate
  readonly context: SecureContext
  /** The names that it serves: those listed for it, else those that the certificate carries. */
  readonly names: readonly string[]
}

/**
 * Reads and checks an operator's certificate and key. What would make every handshake fail is a fault; an expired
 * certificate is a warning, because a user can click past it, and cannot past none.
 * @throws EdgeError TLS_FILE_UNREADABLE, TLS_CERTIFICATE_INVALID, TLS_KEY_MISMATCH or TLS_DOMAIN_UNCOVERED: the code
 * of the first fault, the detail of all
 */
export async function loadPair(files: CertificateFiles): Promise<LoadedPair> {
  const faults: EdgeError[] = []
  const note = (fault: unknown): null => {
    faults.push(fault as EdgeError)
    return null
  }
  const cert = await readPem(files.cert).catch(note)
  const key = await readPem(files.key).catch(note)
  return examine(files, cert, key, faults)
}

/** The same for texts that are at hand; `files` says what they are called. @throws as loadPair does */
export function checkPair(files: CertificateFiles, { cert, key }: PemPair): LoadedPair {
  return examine(files, cert, key, [])
}

function examine(
  files: CertificateFiles,
  certPem: string | null,
  keyPem: string | null,
  faults: EdgeError[]
): LoadedPair {
  const note = (fault: unknown): null => {
    faults.push(fault as EdgeError)
    return null
  }
  const chain = certPem === null ? null : attempt(() => parseChain(files.cert, certPem), note)
  const parsedKey = keyPem === null ? null : attempt(() => parseKey(files.key, keyPem), note)
  const leaf = chain?.[0] ?? null
  if (chain !== null && leaf !== null) {
    if (parsedKey !== null) attempt(() => checkKey(files, chain, parsedKey), note)
    attempt(() => checkNames(files, leaf), note)
  }
  if (chain === null || leaf === null || parsedKey === null || faults.length > 0) throw mergeFaults(faults)
  const names = files.domains.length > 0 ? files.domains : namesOf(leaf)
  // Written anew, since one file may hold both.
  const pair = { cert: chain.join(''), key: parsedKey.export({ type: 'pkcs8', format: 'pem' }) as string }
  return { source: files.cert, ...pair, leaf, names, context: contextOf(files.cert, pair) }
}

/** @throws EdgeError TLS_CERTIFICATE_INVALID */
export function contextOf(source: string, { cert, key }: PemPair): SecureContext {
  try {
    return createSecureContext({ cert, key })
  } catch (cause) {
    // Parses, matches, and is still refused: a key that is too short, a digest that is too weak.
    throw new EdgeError('TLS_CERTIFICATE_INVALID', `${source}: OpenSSL refuses it: ${(cause as Error).message}`, cause)
  }
}

/** One error that tells of several: an operator mends them all before the next try. */
export function mergeFaults(faults: readonly EdgeError[]): EdgeError {
  const [first, ...rest] = faults
  if (first === undefined) throw new TypeError('no faults to merge')
  return rest.length === 0
    ? first
    : new EdgeError(first.code, [first.detail, ...rest.map(fault => fault.message)].join('\n'))
}

export function daysLeft(certificate: X509Certificate, now: Date): number {
  return (certificate.validToDate.getTime() - now.getTime()) / dayMs
}

/** What an operator should know of a pair's dates: two weeks ahead, or a quarter of its life if that is less. */
export function datesToWarnOf({ source, leaf }: LoadedPair, now: Date): string[] {
  const left = daysLeft(leaf, now)
  const end = leaf.validToDate.toISOString()
  if (leaf.validFromDate > now) return [`${source}: not valid before ${leaf.validFromDate.toISOString()}`]
  if (left <= 0) return [`${source}: expired on ${end}; it is served nonetheless`]
  const lifeDays = (leaf.validToDate.getTime() - leaf.validFromDate.getTime()) / dayMs
  return left < Math.min(soonDays, lifeDays / 4) ? [`${source}: expires on ${end}, in ${Math.floor(left)} days`] : []
}

/** The DNS names and addresses that a certificate carries; a name in its subject counts for no browser. */
export function namesOf(certificate: X509Certificate): string[] {
  const entries = certificate.subjectAltName?.split(', ') ?? []
  const names = entries.map(entry => /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1]?.toLowerCase())
  return names.filter(name => name !== undefined).map(canonical)
}

/** Whether a certificate is good for a name; a wildcard stands for one label. */
export function covers(certificate: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined
  return certificate.checkHost(name, { subject: 'never', partialWildcards: false }) !== undefined
}

/** Whether a certificate carries these names and no others. */
export function coversExactly(certificate: X509Certificate, names: readonly string[]): boolean {
  const wanted = new Set(names)
  const carried = namesOf(certificate)
  return carried.length === wanted.size && [...wanted].every(name => carried.includes(canonical(name)))
}

/** OpenSSL writes `0:0:0:0:0:0:0:1`; everyone else `::1`. */
function canonical(name: string): string {
  return isIP(name) === 6 ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new EdgeError('TLS_FILE_UNREADABLE', `${path}: ${(cause as Error).message}`, cause)
  }
}

function attempt<T>(check: () => T, note: (fault: unknown) => null): T | null {
  try {
    return check()
  } catch (fault) {
    return note(fault)
  }
}

function parseChain(path: string, pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) throw new EdgeError('TLS_CERTIFICATE_INVALID', `${path}: no PEM certificate in it`)
  const chain = blocks.map((block, index) => {
    try {
      return new X509Certificate(block)
    } catch (cause) {
      throw new EdgeError('TLS_CERTIFICATE_INVALID', `${path}: certificate ${index + 1} is damaged`, cause)
    }
  })
  checkOrder(path, chain)
  return chain
}

function checkOrder(path: string, chain: readonly X509Certificate[]): void {
  const leafAt = chain.findIndex(certificate => !certificate.ca)
  if (leafAt > 0) {
    throw new EdgeError('TLS_CERTIFICATE_INVALID', `${path}: the leaf is certificate ${leafAt + 1}, and must be first`)
  }
  for (const [index, issuer] of chain.slice(1).entries()) {
    const issued = chain[index]
    if (issued?.checkIssued(issuer) && issued.verify(issuer.publicKey)) continue
    const detail = `${path}: certificate ${index + 2} did not issue certificate ${index + 1}: wrong order, or a stranger`
    throw new EdgeError('TLS_CERTIFICATE_INVALID', detail)
  }
}

function parseKey(path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (cause) {
    // Both ways of writing a locked key say so in clear text; OpenSSL's errors for them differ from version to version.
    const detail = pem.includes('ENCRYPTED')
      ? 'has a passphrase: openssl pkey -in FILE -out FILE'
      : 'no PEM private key in it'
    throw new EdgeError('TLS_KEY_MISMATCH', `${path}: ${detail}`, cause)
  }
}

function checkKey(files: CertificateFiles, chain: readonly X509Certificate[], key: KeyObject): void {
  const at = chain.findIndex(certificate => certificate.checkPrivateKey(key))
  if (at === 0) return
  const detail = at > 0 ? `it fits certificate ${at + 1}, not the first` : `it does not fit ${files.cert}`
  throw new EdgeError('TLS_KEY_MISMATCH', `${files.key}: ${detail}`)
}

function checkNames(files: CertificateFiles, leaf: X509Certificate): void {
  const carried = namesOf(leaf)
  if (carried.length === 0) throw new EdgeError('TLS_CERTIFICATE_INVALID', `${files.cert}: it names no domain`)
  const missing = files.domains.filter(name => !carried.includes(name) && !covers(leaf, name))
  if (missing.length === 0) return
  const detail = `${files.cert}: not good for ${missing.join(', ')}; it names ${carried.join(', ')}`
  throw new EdgeError('TLS_DOMAIN_UNCOVERED', detail)
}
