import { X509Certificate } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { SecureContext } from 'node:tls'
import type { CertificateFiles, EdgeConfig, TlsConfig } from '../config/config.ts'
import type { CertificateStatus } from '../control/protocol.ts'
import { EdgeError } from '../errors.ts'
import { issueLocal } from './local-authority.ts'
import { contextOf, datesToWarnOf, type LoadedPair, loadPair, mergeFaults } from './pem-files.ts'

/** What to do about a pair that cannot be served. */
export type OnFault = 'refuse' | 'serve the rest'

/** Where certificates from ACME lie, chain and key in one file each. */
export function issuedFolder(stateFolder: string): string {
  return join(stateFolder, 'acme', 'certificates')
}

export interface LoadOptions {
  /** At a start, one bad pair must not take the other domains down; a reload is refused whole. */
  readonly onFault?: OnFault
  /** What served until now: a file that was issued and cannot be read any more takes nothing away. */
  readonly before?: Certificates | null
}

/** Which certificate each of the edge's domains gets. Read-only: a reload makes another one. */
export class Certificates {
  readonly status: readonly CertificateStatus[]
  /** The domains that the local authority serves because nothing else does; none where it is meant to. */
  readonly makeshift: readonly string[]
  readonly #chosen: ReadonlyMap<string, LoadedPair | undefined>
  readonly #served: readonly LoadedPair[]
  readonly #faults: readonly string[]
  /** The domains that the local authority serves, meant or not. */
  readonly #local: readonly string[]

  private constructor(
    { served, faults }: Loaded,
    domains: readonly string[],
    local: readonly string[],
    isMeant: boolean
  ) {
    this.#chosen = new Map(domains.map(domain => [domain, choose(served, domain)]))
    this.#served = served
    this.#faults = faults.map(fault => fault.message)
    this.#local = local
    this.makeshift = isMeant ? [] : local
    this.status = served.map(pair => describe(pair, this.#domainsOf(pair), local))
  }

  /**
   * Reads the operator's files or those from ACME. A domain that has none gets one from the local authority.
   * @param warn is told of what was mended on the way; what lasts is in `warningsAt`
   * @throws EdgeError with the faults of all files at once
   */
  static async load(
    config: EdgeConfig,
    now: Date,
    warn: (message: string) => void,
    { onFault = 'refuse', before = null }: LoadOptions = {}
  ): Promise<Certificates> {
    const { tls, domains, stateFolder } = config
    const { served, faults } = await loadAll(tls, domains, stateFolder)
    const isHopeless = tls.mode === 'files' && served.length === 0
    if (faults.length > 0 && (isHopeless || (tls.mode === 'files' && onFault === 'refuse'))) throw mergeFaults(faults)
    if (tls.mode === 'acme' && before !== null) served.push(...before.#keptFor(uncoveredBy(served, domains)))
    const uncovered = uncoveredBy(served, domains)
    if (uncovered.length > 0) {
      const folder = join(stateFolder, 'local-ca')
      const pair = await issueLocal({ folder, domains, now, warn })
      const leaf = new X509Certificate(pair.cert)
      served.push({ ...pair, source: folder, leaf, names: uncovered, context: contextOf(folder, pair) })
    }
    // What nobody is shown any more, as after a change of the domains, is nobody's concern.
    const used =
      tls.mode === 'acme' ? served.filter(pair => domains.some(each => choose(served, each) === pair)) : served
    return new Certificates({ served: used, faults }, domains, uncovered, tls.mode === 'local')
  }

  /** @returns undefined for a name that is not ours: no certificate is shown to it */
  contextFor(servername: string): SecureContext | undefined {
    const name = servername.toLowerCase()
    return (this.#chosen.get(name) ?? this.#chosen.get(wildcardOf(name)))?.context
  }

  /** What will go wrong, or looks wrong, but stops nothing: certificates that expire, or that could not be read. */
  warningsAt(now: Date): string[] {
    return [...this.#faults, ...this.#served.flatMap(pair => datesToWarnOf(pair, now))]
  }

  /** Of the pairs that served until now, those that these domains would be without. */
  #keptFor(domains: readonly string[]): LoadedPair[] {
    const wanted = domains.filter(domain => !this.#local.includes(domain))
    const kept = wanted.map(domain => this.#chosen.get(domain)).filter(pair => pair !== undefined)
    return [...new Set(kept)]
  }

  #domainsOf(pair: LoadedPair): string[] {
    return [...this.#chosen].filter(([, chosen]) => chosen === pair).map(([domain]) => domain)
  }
}

interface Loaded {
  readonly served: LoadedPair[]
  readonly faults: EdgeError[]
}

async function loadAll(tls: TlsConfig, domains: readonly string[], stateFolder: string): Promise<Loaded> {
  if (tls.mode === 'files') return await loadFiles(tls.certificates, domains)
  if (tls.mode === 'local') return { served: [], faults: [] }
  const folder = issuedFolder(stateFolder)
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const names = entries.filter(entry => entry.isFile() && entry.name.endsWith('.pem')).map(({ name }) => name)
  const loaded = await loadEach(
    names.map(name => join(folder, name)).map(path => ({ domains: [], cert: path, key: path }))
  )
  // Those that are kept up go before those of an earlier tls.grouping, or of domains that went and came back.
  const own = new Set(
    (tls.grouping === 'together' ? domains.slice(0, 1) : domains).map(name => join(folder, `${name}.pem`))
  )
  const rank = ({ source, leaf }: LoadedPair): number => leaf.validToDate.getTime() + (own.has(source) ? 1e15 : 0)
  return { ...loaded, served: loaded.served.sort((a, b) => rank(b) - rank(a)) }
}

/** With every fault: of each pair, and TLS_DOMAIN_UNCOVERED with the domains that none is for. */
async function loadFiles(all: readonly CertificateFiles[], domains: readonly string[]): Promise<Loaded> {
  const { served, faults, failed } = await loadEach(all)
  // A pair that failed may be the one meant for a domain: only what no pair can cover is named beside its own fault.
  const mayCover = (files: CertificateFiles, domain: string): boolean =>
    files.domains.length === 0 || files.domains.includes(domain) || files.domains.includes(wildcardOf(domain))
  const uncovered = uncoveredBy(served, domains).filter(domain => !failed.some(files => mayCover(files, domain)))
  if (uncovered.length > 0) {
    faults.push(new EdgeError('TLS_DOMAIN_UNCOVERED', `no certificate for ${uncovered.join(', ')}`))
  }
  return { served, faults }
}

async function loadEach(all: readonly CertificateFiles[]): Promise<Loaded & { readonly failed: CertificateFiles[] }> {
  const served: LoadedPair[] = []
  const failed: CertificateFiles[] = []
  const faults: EdgeError[] = []
  for (const files of all) {
    try {
      served.push(await loadPair(files))
    } catch (fault) {
      if (!(fault instanceof EdgeError)) throw fault
      faults.push(fault)
      failed.push(files)
    }
  }
  return { served, faults, failed }
}

/** The pair made for exactly this name; else one whose wildcard stands for its first label. In the file's order. */
function choose(served: readonly LoadedPair[], domain: string): LoadedPair | undefined {
  const namedBy = (name: string): LoadedPair | undefined => served.find(pair => pair.names.includes(name))
  return namedBy(domain) ?? namedBy(wildcardOf(domain))
}

function uncoveredBy(served: readonly LoadedPair[], domains: readonly string[]): string[] {
  return domains.filter(domain => choose(served, domain) === undefined)
}

function wildcardOf(name: string): string {
  return name.replace(/^[^.]*/, '*')
}

function describe({ leaf }: LoadedPair, domains: readonly string[], local: readonly string[]): CertificateStatus {
  return {
    domains,
    issuer: leaf.issuer.replaceAll('\n', ', '),
    beginsAt: leaf.validFromDate.toISOString(),
    expiresAt: leaf.validToDate.toISOString(),
    isLocal: domains.some(domain => local.includes(domain))
  }
}
