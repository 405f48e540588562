import { createPrivateKey, randomBytes, type webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import type { PemPair } from './pem-files.ts'
import { loadX509 } from './x509.ts'

const dayMs = 86_400_000
/** Clocks of machines on one network differ; a certificate from the future is refused by all of them. */
const skewMs = 3_600_000
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** Ten years: whoever trusts it does so by hand, on every device. */
export const rootDays = 3650
export const leafDays = 90

/** A new root of a local authority: it signs servers' certificates and no further authorities. */
export async function makeRoot(now: Date): Promise<PemPair> {
  const x509 = await loadX509()
  const keys = await makeKeys()
  // A root made anew must not share its name with the one before it: clients look issuers up by name.
  const name = [{ O: ['twinedge'] }, { CN: [`twinedge local authority ${randomBytes(4).toString('hex')}`] }]
  const certificate = await x509.X509CertificateGenerator.create({
    subject: name,
    issuer: name,
    ...validity(now, rootDays),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)
    ]
  })
  return { cert: `${certificate.toString('pem')}\n`, key: await toPem(keys.privateKey) }
}

/** A server's certificate for `names` (DNS names and IP addresses), signed by `root`. */
export async function makeLeaf(root: PemPair, names: readonly string[], now: Date, days = leafDays): Promise<PemPair> {
  const x509 = await loadX509()
  const keys = await makeKeys()
  const issuer = new x509.X509Certificate(root.cert)
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ O: ['twinedge'] }, { CN: ['twinedge local certificate'] }],
    issuer: issuer.subjectName,
    ...validity(now, days),
    publicKey: keys.publicKey,
    signingKey: await fromPem(root.key),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map(name => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name }) as const)
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey)
    ]
  })
  return { cert: `${certificate.toString('pem')}\n`, key: await toPem(keys.privateKey) }
}

/** For both ends of a connection whose keys are known to each other: nobody vouches for it but itself. */
export async function makeSelfSigned(commonName: string, now: Date, days: number): Promise<PemPair> {
  const x509 = await loadX509()
  const keys = await makeKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ O: ['twinedge'] }, { CN: [commonName] }],
    ...validity(now, days),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth])
    ]
  })
  return { cert: `${certificate.toString('pem')}\n`, key: await toPem(keys.privateKey) }
}

function validity(now: Date, days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now.getTime() - skewMs), notAfter: new Date(now.getTime() + days * dayMs) }
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

async function toPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key))
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' }) as string
}

function fromPem(pem: string): Promise<webcrypto.CryptoKey> {
  const der = new Uint8Array(createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' }))
  return crypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
}
