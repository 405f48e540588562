import { X509Certificate } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { CertificateFiles, EdgeConfig, TlsConfig } from '../config/config.ts'
import type { CertificateStatus } from '../control/protocol.ts'
import { EdgeError } from '../errors.ts'
import { issueLocal } from './local-authority.ts'
import { datesToWarnOf, type LoadedPair, loadPair, mergeFaults } from './pem-files.ts'

interface Served {
  readonly pair: LoadedPair
  readonly context: SecureContext
}

/** What to do about a pair that cannot be served. */
export type OnFault = 'refuse' | 'serve the rest'

/** Where certificates from ACME lie, chain and key in one file each. */
export function issuedFolder(stateFolder: string): string {
  return join(stateFolder, 'acme', 'certificates')
}

/** Which certificate each of the edge's domains gets. Read-only: a reload makes another one. */
export class Certificates {
  readonly status: readonly CertificateStatus[]
  readonly #contexts: ReadonlyMap<string, SecureContext>
  readonly #served: readonly Served[]
  readonly #faults: readonly string[]

  private constructor(served: readonly Served[], domains: readonly string[], faults: readonly EdgeError[] = []) {
    const chosen = new Map(domains.map(domain => [domain, choose(served, domain)]))
    const domainsOf = (one: Served): string[] => domains.filter(domain => chosen.get(domain) === one)
    this.#contexts = new Map(served.flatMap(one => domainsOf(one).map(domain => [domain, one.context])))
    this.#served = served
    this.#faults = faults.map(fault => fault.message)
    this.status = served.map(one => describe(one.pair, domainsOf(one)))
  }

  /**
   * Reads the operator's files or those from ACME. A domain that has none gets one from the local authority.
   * @param warn is told of what was mended on the way; what lasts is in `warningsAt`
   * @param onFault at a start, one bad pair must not take the other domains down; a reload is refused whole
   * @throws EdgeError with the faults of all files at once
   */
  static async load(
    config: EdgeConfig,
    now: Date,
    warn: (message: string) => void,
    onFault: OnFault = 'refuse'
  ): Promise<Certificates> {
    const { tls, domains, stateFolder } = config
    const { served, faults } = await loadAll(tls, domains, stateFolder)
    const isHopeless = tls.mode === 'files' && served.length === 0
    if (faults.length > 0 && (isHopeless || (tls.mode === 'files' && onFault === 'refuse'))) throw mergeFaults(faults)
    const uncovered = domains.filter(domain => choose(served, domain) === undefined)
    if (uncovered.length > 0) {
      const folder = join(stateFolder, 'local-ca')
      const pair = await issueLocal({ folder, domains, now, warn })
      const leaf = new X509Certificate(pair.cert)
      served.push(serve({ ...pair, source: folder, leaf, names: uncovered }))
    }
    return new Certificates(served, domains, faults)
  }

  /** @returns undefined for a name that is not ours: no certificate is shown to it */
  contextFor(servername: string): SecureContext | undefined {
    const name = servername.toLowerCase()
    return this.#contexts.get(name) ?? this.#contexts.get(wildcardOf(name))
  }

  /** What will go wrong, or looks wrong, but stops nothing: certificates that expire, or that could not be read. */
  warningsAt(now: Date): string[] {
    return [...this.#faults, ...this.#served.flatMap(({ pair }) => datesToWarnOf(pair, now))]
  }
}

interface Loaded {
  readonly served: Served[]
  readonly faults: EdgeError[]
}

async function loadAll(tls: TlsConfig, domains: readonly string[], stateFolder: string): Promise<Loaded> {
  if (tls.mode === 'files') return await loadFiles(tls.certificates, domains)
  if (tls.mode === 'local') return { served: [], faults: [] }
  const folder = issuedFolder(stateFolder)
  const names = await readdir(folder).catch(() => [])
  const paths = names.filter(name => name.endsWith('.pem')).map(name => join(folder, name))
  const loaded = await loadEach(paths.map(path => ({ domains: [], cert: path, key: path })))
  // Several may be good for a domain, as after a change of tls.grouping.
  const endMs = ({ pair }: Served): number => pair.leaf.validToDate.getTime()
  return { ...loaded, served: loaded.served.sort((a, b) => endMs(b) - endMs(a)) }
}

/** With every fault: of each pair, and TLS_DOMAIN_UNCOVERED with the domains that none is for. */
async function loadFiles(all: readonly CertificateFiles[], domains: readonly string[]): Promise<Loaded> {
  const { served, faults, failed } = await loadEach(all)
  // A pair that failed may be the one meant for a domain: only what no pair can cover is named beside its own fault.
  const mayCover = (files: CertificateFiles, domain: string): boolean =>
    files.domains.length === 0 || files.domains.includes(domain) || files.domains.includes(wildcardOf(domain))
  const uncovered = domains.filter(
    domain => choose(served, domain) === undefined && !failed.some(files => mayCover(files, domain))
  )
  if (uncovered.length > 0) {
    faults.push(new EdgeError('TLS_DOMAIN_UNCOVERED', `no certificate for ${uncovered.join(', ')}`))
  }
  return { served, faults }
}

async function loadEach(all: readonly CertificateFiles[]): Promise<Loaded & { readonly failed: CertificateFiles[] }> {
  const served: Served[] = []
  const failed: CertificateFiles[] = []
  const faults: EdgeError[] = []
  for (const files of all) {
    try {
      served.push(serve(await loadPair(files)))
    } catch (fault) {
      if (!(fault instanceof EdgeError)) throw fault
      faults.push(fault)
      failed.push(files)
    }
  }
  return { served, faults, failed }
}

function serve(pair: LoadedPair): Served {
  try {
    return { pair, context: createSecureContext({ cert: pair.cert, key: pair.key }) }
  } catch (cause) {
    // Parses, matches, and is still refused: a key that is too short, a digest that is too weak.
    const detail = `${pair.source}: OpenSSL refuses it: ${(cause as Error).message}`
    throw new EdgeError('TLS_CERTIFICATE_INVALID', detail, cause)
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
