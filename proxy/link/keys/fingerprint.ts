import { createHash, X509Certificate } from 'node:crypto'
import { EdgeError } from '../../errors.ts'

const prefix = 'SHA256:'
/** SHA-256 as base64, without padding. */
const length = 43

/** A key's name: of the public key, not of the certificate around it. As OpenSSH writes fingerprints. */
export function fingerprintOf(certificate: X509Certificate | Buffer): string {
  const { publicKey } = certificate instanceof X509Certificate ? certificate : new X509Certificate(certificate)
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return `${prefix}${createHash('sha256').update(spki).digest('base64').replace(/=+$/, '')}`
}

/**
 * What a person has carried from one terminal to another: quotes, line breaks and a prefix that was left out are no faults.
 * @returns it as `fingerprintOf` writes it
 * @throws EdgeError EDGE_USAGE with what was found and what is expected
 */
export function readFingerprint(written: string): string {
  const bare = written.replace(/[\s"'`]/g, '').replace(/^sha-?256:/i, '')
  const hash = bare.replace(/=+$/, '')
  // The last character has two bits to spare: another one than ours would decode to the same hash.
  const isWhole = hash.length === length && Buffer.from(hash, 'base64').toString('base64') === `${hash}=`
  if (isWhole) return `${prefix}${hash}`
  throw new EdgeError(
    'EDGE_USAGE',
    `${JSON.stringify(shortened(written))} is no fingerprint: ${faultOf(hash)}; ` +
      `expected is ${prefix} and ${length} characters, as twinedge link pair shows on the other server`
  )
}

function faultOf(hash: string): string {
  const strange = /[^A-Za-z0-9+/]/u.exec(hash)?.[0]
  if (strange !== undefined) return `${JSON.stringify(strange)} is in none`
  return hash.length === length ? 'its last character is wrong' : `it has ${hash.length} characters`
}

function shortened(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`
}
