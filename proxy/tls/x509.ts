/** Imported only when something is issued: it costs 20 MB, which an edge on files or on issued files never pays. */
export async function loadX509(): Promise<typeof import('@peculiar/x509')> {
  if ('getMetadata' in Reflect) return import('@peculiar/x509')
  // Its container refuses to load without reflect-metadata, yet asks it only about constructor parameters, of which
  // its classes have none: "nothing known" is the true answer. Asked while loading only, so it is taken away after.
  const nothingKnown = { getMetadata: () => undefined, getOwnMetadata: () => undefined }
  Object.assign(Reflect, nothingKnown)
  try {
    return await import('@peculiar/x509')
  } finally {
    for (const name of Object.keys(nothingKnown)) Reflect.deleteProperty(Reflect, name)
  }
}

/** @returns the key identifier of who issued a certificate (RFC 5280 §4.2.1.1); null: it carries none */
export async function authorityKeyId(pem: string): Promise<Buffer | null> {
  const x509 = await loadX509()
  const extension = new x509.X509Certificate(pem).getExtension(x509.AuthorityKeyIdentifierExtension)
  return extension?.keyId === undefined ? null : Buffer.from(extension.keyId, 'hex')
}
