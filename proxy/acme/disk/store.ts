import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { EdgeError } from '../../errors.ts'
import {
  createStateFile,
  moveStateFileAside,
  readStateFile,
  sweepStateFolder,
  writeStateFile
} from '../../state/state-file.ts'
import { issuedFolder } from '../../tls/certificates.ts'
import { type LoadedPair, loadPair, type PemPair } from '../../tls/pem-files.ts'
import { parseRecord, type RenewalRecord } from './record.ts'

/**
 * `<state>/acme`: the account's key, and per certificate one PEM file (chain, then key: one rename replaces both) and
 * one JSON file. All 0600, each replaced whole; an operator reads them with openssl and cat.
 */
export class CertificateStore {
  readonly #folder: string
  readonly #issued: string
  /** They are looked at often, and change seldom. */
  readonly #read = new Map<string, { readonly version: string; readonly pair: LoadedPair | null }>()

  /** @param stateFolder absolute */
  constructor(stateFolder: string) {
    this.#folder = join(stateFolder, 'acme')
    this.#issued = issuedFolder(stateFolder)
  }

  get leasePath(): string {
    return join(this.#folder, 'lease')
  }

  /**
   * PEM of the account's private key, made when there is none.
   * @param warn told when a damaged one had to be replaced: the peer knows its thumbprint
   * @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL
   */
  async accountKey(now: Date, warn: (message: string) => void): Promise<string> {
    const path = join(this.#folder, 'account.key')
    const kept = await readStateFile(path)
    if (kept !== null && isKey(kept)) return kept
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    const aside = kept === null ? null : await moveStateFileAside(path, now)
    // Another process may have made one since: then that is the account of both.
    const isOurs = await createStateFile(path, key, 0o600)
    if (!isOurs) return (await readStateFile(path)) ?? key
    if (aside !== null) warn(`the ACME account's key was damaged and is made anew (kept: ${aside}): see twinedge certs`)
    return key
  }

  /** Puts back the key that is in use, should an operator have removed the folder under a running edge. */
  async keepAccountKey(key: string): Promise<void> {
    const path = join(this.#folder, 'account.key')
    if ((await readStateFile(path)) === null) await createStateFile(path, key, 0o600)
  }

  /** Takes away what writes that were killed have left: there may be a key in it. Never throws. */
  async sweep(now: Date): Promise<void> {
    for (const folder of [this.#folder, this.#issued]) await sweepStateFolder(folder, now)
  }

  pathOf(name: string): string {
    return join(this.#issued, `${name}.pem`)
  }

  /** @returns null when there is none, or none that could be served; what is damaged is left for the operator */
  async read(name: string): Promise<LoadedPair | null> {
    const path = this.pathOf(name)
    const found = await stat(path).catch(() => null)
    // A pipe would never end.
    if (!found?.isFile()) return null
    const version = [found.ino, found.size, found.mtimeMs].join()
    const known = this.#read.get(name)
    if (known?.version === version) return known.pair
    const pair = await loadPair({ domains: [], cert: path, key: path }).catch(cause => {
      if (cause instanceof EdgeError) return null
      throw cause
    })
    this.#read.set(name, { version, pair })
    return pair
  }

  /** @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  async write(name: string, pair: PemPair): Promise<void> {
    await writeStateFile(this.pathOf(name), `${pair.cert.trim()}\n${pair.key.trim()}\n`, 0o600)
  }

  async readRecord(name: string): Promise<RenewalRecord> {
    return parseRecord(await readStateFile(this.#recordPath(name)))
  }

  /** @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  async writeRecord(name: string, record: RenewalRecord): Promise<void> {
    await writeStateFile(this.#recordPath(name), `${JSON.stringify(record, null, 2)}\n`, 0o600)
  }

  #recordPath(name: string): string {
    return join(this.#issued, `${name}.json`)
  }
}

/** RFC 7638, of the public half of a private key on P-256. */
export function thumbprintOf(accountKey: string): string {
  const { crv, kty, x, y } = createPublicKey(accountKey).export({ format: 'jwk' })
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
}

function isKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyDetails?.namedCurve === 'prime256v1'
  } catch {
    return false
  }
}
