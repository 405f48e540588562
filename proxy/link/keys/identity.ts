import { createPrivateKey, X509Certificate } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { LinkKey } from '../../control/link-protocol.ts'
import {
  createStateFile,
  moveStateFileAside,
  readStateFile,
  syncFolder,
  unwritable,
  writeStateFile
} from '../../state/state-file.ts'
import { makeSelfSigned } from '../../tls/local-certificate.ts'
import { fingerprintOf } from './fingerprint.ts'

/** A key of this edge, with the certificate that carries it through a handshake. */
export interface Identity extends LinkKey {
  /** PEM, both of them. */
  readonly cert: string
  readonly key: string
  readonly madeAt: string
  readonly expiresAt: string
}

/** A key lives so long, unless it is rotated before. */
export const identityDays = 365
/** `makeSelfSigned` dates a certificate back, for clocks that are behind. */
const backdatedMs = 3_600_000

export async function makeIdentity(now: Date): Promise<Identity> {
  const { cert, key } = await makeSelfSigned('twinedge link', now, identityDays)
  return identityOf(cert, key)
}

/** One file, certificate and key: one rename replaces both. */
export class IdentityFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /**
   * What is damaged is moved aside.
   * @param tell with where it is then
   * @returns null when there is none
   * @throws EdgeError EDGE_STATE_UNWRITABLE
   */
  async read(now: Date, tell: (aside: string) => void): Promise<Identity | null> {
    const text = await readStateFile(this.path)
    if (text === null) return null
    const found = parse(text)
    if (found !== null) return found
    const aside = await moveStateFileAside(this.path, now)
    if (aside !== null) tell(aside)
    return null
  }

  /** @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  async write(identity: Identity): Promise<void> {
    await writeStateFile(this.path, textOf(identity), 0o600)
  }

  /** @returns whether there was none until now. @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  create(identity: Identity): Promise<boolean> {
    return createStateFile(this.path, textOf(identity), 0o600)
  }

  /** @throws EdgeError EDGE_STATE_UNWRITABLE */
  async remove(): Promise<void> {
    try {
      await rm(this.path, { force: true })
      await syncFolder(dirname(this.path))
    } catch (cause) {
      throw unwritable(this.path, cause)
    }
  }
}

/** When a certificate's life begins and ends, for people. */
export function lifeOf(certificate: X509Certificate): { madeAt: string; expiresAt: string } {
  const madeMs = certificate.validFromDate.getTime() + backdatedMs
  return { madeAt: new Date(madeMs).toISOString(), expiresAt: certificate.validToDate.toISOString() }
}

function textOf({ cert, key }: Identity): string {
  return `${cert.trim()}\n${key.trim()}\n`
}

/** @returns null for anything but a certificate with its own key */
function parse(text: string): Identity | null {
  const [cert, key] = text.match(/-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----\n?/g) ?? []
  if (cert === undefined || key === undefined) return null
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)) ? identityOf(cert, key) : null
  } catch {
    return null
  }
}

function identityOf(cert: string, key: string): Identity {
  const certificate = new X509Certificate(cert)
  return { cert, key, fingerprint: fingerprintOf(certificate), ...lifeOf(certificate) }
}
