import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { CertificateFiles, EdgeConfig } from '../config/config.ts'
import type { CertificateStatus } from '../control/protocol.ts'
import { EdgeError } from '../errors.ts'
import { issueLocal } from './local-authority.ts'
import { type LoadedPair, loadPair, mergeFaults } from './pem-files.ts'

interface Served {
  readonly pair: LoadedPair
  readonly context: SecureContext
}

/** Which certificate each of the edge's domains gets. Read-only: a reload makes another one. */
export class Certificates {
  readonly status: readonly CertificateStatus[]
  /** What will go wrong, or looks wrong, but stops nothing: certificates that expire. */
  readonly warnings: readonly string[]
  readonly #contexts: ReadonlyMap<string, SecureContext>

  private constructor(served: readonly Served[], domains: readonly string[]) {
    const chosen = new Map(domains.map(domain => [domain, choose(served, domain)]))
    const domainsOf = (one: Served): string[] => domains.filter(domain => chosen.get(domain) === one)
    this.#contexts = new Map(served.flatMap(one => domainsOf(one).map(domain => [domain, one.context])))
    this.warnings = served.flatMap(one => one.pair.warnings)
    this.status = served.map(one => describe(one.pair, domainsOf(one)))
  }

  /**
   * Reads the operator's files, or asks the local authority.
   * @param warn is told of what was mended on the way; what lasts is in `warnings`
   * @throws EdgeError with the faults of all files at once
   */
  static async load(config: EdgeConfig, now: Date, warn: (message: string) => void): Promise<Certificates> {
    const { tls, domains } = config
    if (tls.mode === 'files') return new Certificates(await loadFiles(tls.certificates, domains, now), domains)
    const folder = join(config.stateFolder, 'local-ca')
    const pair = await issueLocal({ folder, domains, now, warn })
    const leaf = new X509Certificate(pair.cert)
    return new Certificates([serve({ ...pair, leaf, names: domains, warnings: [] }, folder)], domains)
  }

  /** @returns undefined for a name that is not ours: no certificate is shown to it */
  contextFor(servername: string): SecureContext | undefined {
    const name = servername.toLowerCase()
    return this.#contexts.get(name) ?? this.#contexts.get(wildcardOf(name))
  }
}

/** @throws EdgeError with every fault: of each pair, and TLS_DOMAIN_UNCOVERED with the domains that none is for */
async function loadFiles(all: readonly CertificateFiles[], domains: readonly string[], now: Date): Promise<Served[]> {
  const served: Served[] = []
  const failed: CertificateFiles[] = []
  const faults: EdgeError[] = []
  for (const files of all) {
    try {
      served.push(serve(await loadPair(files, now), files.cert))
    } catch (fault) {
      if (!(fault instanceof EdgeError)) throw fault
      faults.push(fault)
      failed.push(files)
    }
  }
  // A pair that failed may be the one meant for a domain: only what no pair can cover is named beside its own fault.
  const mayCover = (files: CertificateFiles, domain: string): boolean =>
    files.domains.length === 0 || files.domains.includes(domain) || files.domains.includes(wildcardOf(domain))
  const uncovered = domains.filter(
    domain => choose(served, domain) === undefined && !failed.some(files => mayCover(files, domain))
  )
  if (uncovered.length > 0) {
    faults.push(new EdgeError('TLS_DOMAIN_UNCOVERED', `no certificate for ${uncovered.join(', ')}`))
  }
  if (faults.length > 0) throw mergeFaults(faults)
  return served
}

function serve(pair: LoadedPair, source: string): Served {
  try {
    return { pair, context: createSecureContext({ cert: pair.cert, key: pair.key }) }
  } catch (cause) {
    // Parses, matches, and is still refused: a key that is too short, a digest that is too weak.
    throw new EdgeError('TLS_CERTIFICATE_INVALID', `${source}: OpenSSL refuses it: ${(cause as Error).message}`, cause)
  }
}

/** The pair made for exactly this name; else one whose wildcard stands for its first label. In the file's order. */
function choose(served: readonly Served[], domain: string): Served | undefined {
  const namedBy = (name: string): Served | undefined => served.find(one => one.pair.names.includes(name))
  return namedBy(domain) ?? namedBy(wildcardOf(domain))
}

function wildcardOf(name: string): string {
  return name.replace(/^[^.]*/, '*')
}

function describe(pair: LoadedPair, domains: readonly string[]): CertificateStatus {
  const issuer = pair.leaf.issuer.replaceAll('\n', ', ')
  return { domains, issuer, expiresAt: pair.leaf.validToDate.toISOString() }
}
