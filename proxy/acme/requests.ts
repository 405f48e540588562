import { X509Certificate } from 'node:crypto'
import type { EdgeConfig } from '../config/config.ts'
import type { ImportAnswer, ImportRequest, RenewAnswer, RenewOutcome, RenewRequest } from '../control/protocol.ts'
import { EdgeError, failures } from '../errors.ts'
import { checkPair, covers, type LoadedPair, mergeFaults } from '../tls/pem-files.ts'
import type { Refusal } from './authority.ts'
import { groupsOf } from './disk/record.ts'
import { CertificateStore } from './disk/store.ts'
import { Renewal } from './renewal.ts'
import type { Upkeep } from './upkeep.ts'

/** Whoever has renewals, and lets one thing be done with them after another. */
interface Keeper {
  readonly renewals: readonly Renewal[]
  inTurn<T>(task: () => Promise<T>): Promise<T>
}

/** Where an authority lets one try: production directory → staging. */
const stagings = new Map([
  ['https://acme-v02.api.letsencrypt.org/directory', 'https://acme-staging-v02.api.letsencrypt.org/directory'],
  ['https://dv.acme-v02.api.pki.goog/directory', 'https://dv.acme-v02.test-api.pki.goog/directory']
])

/**
 * What an operator asks for by `twinedge certs renew`. Without `dryRun` it only begins.
 * @throws EdgeError EDGE_USAGE for a name that is none, or a dry run without a directory to go to
 */
export async function renew(upkeep: Upkeep, request: RenewRequest, now: Date): Promise<RenewAnswer> {
  const chosen = choose(upkeep.renewals, request.names)
  if (!request.dryRun) return { renewals: chosen.map(renewal => begin(renewal, request.force, now)) }
  const { directory } = upkeep.config
  const staging = request.directory ?? stagings.get(directory)
  if (staging === undefined)
    throw new EdgeError('EDGE_USAGE', `no staging is known for ${directory}: give --directory URL`)
  const outcomes: RenewOutcome[] = []
  for (const renewal of chosen) outcomes.push(await upkeep.inTurn(() => rehearse(renewal, upkeep, staging)))
  return { renewals: outcomes }
}

/**
 * Stores each certificate for every renewal whose domains it covers, unless what is there lasts longer.
 * @throws EdgeError with the faults of all of them when none could be stored and one was at fault
 */
export async function importAll({ renewals, inTurn }: Keeper, { certificates }: ImportRequest): Promise<ImportAnswer> {
  const faults: EdgeError[] = []
  const answers: ImportAnswer['certificates'][number][] = []
  for (const { source, cert, key } of certificates) {
    try {
      const pair = checkPair({ domains: [], cert: source, key: source }, { cert, key })
      answers.push({ source, ...(await inTurn(() => store(renewals, pair))) })
    } catch (fault) {
      if (!(fault instanceof EdgeError)) throw fault
      faults.push(fault)
      answers.push({ source, names: [], reason: fault.message })
    }
  }
  if (faults.length > 0 && answers.every(({ names }) => names.length === 0)) throw mergeFaults(faults)
  return { certificates: answers }
}

/** The same where no edge runs: its first start then has them. @throws EdgeError ACME_OFF, and as importAll does */
export async function importOffline(config: EdgeConfig, request: ImportRequest): Promise<ImportAnswer> {
  const { tls, domains, stateFolder } = config
  if (tls.mode !== 'acme') throw new EdgeError('ACME_OFF', `tls.mode is ${tls.mode}`)
  const files = new CertificateStore(stateFolder)
  const renewals = groupsOf(tls, domains).map(group => new Renewal(group, tls, files, Math.random))
  for (const renewal of renewals) await renewal.load()
  return await importAll({ renewals, inTurn: task => task() }, request)
}

function choose(renewals: readonly Renewal[], names: readonly string[]): readonly Renewal[] {
  const unknown = names.filter(name => !renewals.some(renewal => renewal.name === name))
  const known = renewals.map(({ name }) => name).join(', ')
  if (unknown.length > 0) throw new EdgeError('EDGE_USAGE', `no certificate ${unknown.join(', ')}; there are ${known}`)
  return names.length === 0 ? renewals : renewals.filter(({ name }) => names.includes(name))
}

function begin(renewal: Renewal, isForced: boolean, now: Date): RenewOutcome {
  const { name, domains } = renewal
  const { state, lastError, issuer, expiresAt } = renewal.status(now)
  const about = { name, domains, issuer, expiresAt, error: null }
  // The authority has said when: to ask before only makes it longer.
  if (renewal.isLimited(now)) return { ...about, outcome: 'failed', error: lastError }
  if (!isForced && state === 'waiting') return { ...about, outcome: 'not due' }
  renewal.ask(now)
  return { ...about, outcome: 'begun' }
}

async function rehearse(renewal: Renewal, upkeep: Upkeep, directory: string): Promise<RenewOutcome> {
  const { name, domains } = renewal
  const outcome = await upkeep.order(renewal, directory, null)
  if ('refused' in outcome) return { name, domains, outcome: 'failed', ...nothing, error: errorOf(outcome.refused) }
  const leaf = new X509Certificate(outcome.ok.cert)
  const issuer = leaf.issuer.replaceAll('\n', ', ')
  return { name, domains, outcome: 'issued', issuer, expiresAt: leaf.validToDate.toISOString(), error: null }
}

const nothing = { issuer: null, expiresAt: null }

function errorOf({ code, detail }: Refusal): RenewOutcome['error'] {
  return { code, detail, next: failures[code].next, at: new Date().toISOString() }
}

async function store(
  renewals: readonly Renewal[],
  pair: LoadedPair
): Promise<{ names: string[]; reason: string | null }> {
  const fitting = renewals.filter(({ domains }) => domains.every(domain => covers(pair.leaf, domain)))
  if (fitting.length === 0) return { names: [], reason: `it is for ${pair.names.join(', ')}: none that is served here` }
  const { validFromDate: start, validToDate: end } = pair.leaf
  if (start > new Date() && fitting.every(renewal => renewal.pair !== null)) {
    return { names: [], reason: `it is not valid before ${start.toISOString()}` }
  }
  const wanted = fitting.filter(renewal => !(renewal.pair !== null && renewal.pair.leaf.validToDate >= end))
  if (wanted.length === 0) return { names: [], reason: `what is stored lasts as long (${end.toISOString()})` }
  for (const renewal of wanted) {
    const refusal = await renewal.take(pair, null)
    if (refusal !== null) throw new EdgeError(refusal.code, refusal.detail)
  }
  return { names: wanted.map(({ name }) => name), reason: null }
}
