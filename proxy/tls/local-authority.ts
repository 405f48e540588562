import { createPrivateKey, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { moveStateFileAside, readStateFile, writeStateFile } from '../state/state-file.ts'
import { leafDays, makeLeaf, makeRoot } from './local-certificate.ts'
import { coversExactly, daysLeft, type PemPair } from './pem-files.ts'

/** A leaf with less than this left is made anew at the next start or reload. */
const renewDays = 30

export interface LocalIssue {
  /** Where the authority lives (`<state>/local-ca`); made when it is missing. */
  readonly folder: string
  /** DNS names and IP addresses. */
  readonly domains: readonly string[]
  readonly now: Date
  /** Told when a root that devices may trust had to be replaced. */
  readonly warn: (message: string) => void
}

/**
 * The certificate of a local authority for these domains: the one on disk while it is good, else a new one. Whatever
 * state the folder is in, it is mended: a leaf costs nothing, a root is moved aside rather than overwritten.
 * @throws EdgeError EDGE_STATE_UNWRITABLE when the folder cannot be read or, if something must be issued, written
 */
export async function issueLocal({ folder, domains, now, warn }: LocalIssue): Promise<PemPair> {
  const root = await openRoot(folder, now, warn)
  const kept = await readPair(folder, 'leaf')
  if (kept !== null && isGoodLeaf(kept, root, domains, now)) return kept
  const leaf = await makeLeaf(root, [...new Set(domains)], now)
  await writePair(folder, 'leaf', leaf)
  return leaf
}

async function openRoot(folder: string, now: Date, warn: (message: string) => void): Promise<PemPair> {
  const kept = await readPair(folder, 'root')
  const fault = kept === null ? null : rootFault(kept, now)
  if (kept !== null && fault === null) return kept
  const aside = [
    await moveStateFileAside(join(folder, 'root.pem'), now),
    await moveStateFileAside(join(folder, 'root.key'), now)
  ].filter(path => path !== null)
  const root = await makeRoot(now)
  await writePair(folder, 'root', root)
  if (aside.length > 0) {
    warn(`the local authority was made anew (${fault}): trust ${join(folder, 'root.pem')}; kept: ${aside.join(', ')}`)
  }
  return root
}

/** @returns null when neither file is there; a missing half is an empty text, which no check accepts */
async function readPair(folder: string, name: string): Promise<PemPair | null> {
  const cert = await readStateFile(join(folder, `${name}.pem`))
  const key = await readStateFile(join(folder, `${name}.key`))
  return cert === null && key === null ? null : { cert: cert ?? '', key: key ?? '' }
}

/** The key goes first: a certificate that is there has always had its key beside it. */
async function writePair(folder: string, name: string, pair: PemPair): Promise<void> {
  await writeStateFile(join(folder, `${name}.key`), pair.key, 0o600)
  await writeStateFile(join(folder, `${name}.pem`), pair.cert, 0o644)
}

/** Why it cannot sign a leaf. A root from the future is none: the clock is at fault, and devices trust that root. */
function rootFault(pair: PemPair, now: Date): string | null {
  try {
    const root = new X509Certificate(pair.cert)
    const key = createPrivateKey(pair.key)
    if (!root.checkPrivateKey(key)) return 'its key belongs to another certificate'
    if (!root.ca || !root.verify(root.publicKey)) return 'it is no authority'
    if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return 'its key is not of the kind P-256'
    return daysLeft(root, now) < leafDays ? `it ends on ${root.validToDate.toISOString()}` : null
  } catch {
    return 'its files are damaged'
  }
}

function isGoodLeaf(pair: PemPair, root: PemPair, domains: readonly string[], now: Date): boolean {
  try {
    const leaf = new X509Certificate(pair.cert)
    const issuer = new X509Certificate(root.cert)
    if (!leaf.checkIssued(issuer) || !leaf.verify(issuer.publicKey)) return false
    if (!leaf.checkPrivateKey(createPrivateKey(pair.key))) return false
    return leaf.validFromDate <= now && daysLeft(leaf, now) >= renewDays && coversExactly(leaf, domains)
  } catch {
    return false
  }
}
