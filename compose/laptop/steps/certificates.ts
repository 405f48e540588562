import { setTimeout as pause } from 'node:timers/promises'
import type { CertificatesAnswer, RenewalStatus } from '../../../proxy/control/protocol.ts'
import { askEdge } from '../bootstrap/edge-command.ts'
import type { Work } from '../bootstrap/step.ts'

type Asking = Pick<Work, 'ssh' | 'server'>

const dayMs = 86_400_000
/** An authority takes seconds. */
const orderMs = 30_000
const lookMs = 1_000

/** Has an edge order what it lacks, now that the other one can answer for it, and waits for the end of that for a while. */
export async function renewCertificates(work: Asking, waitMs = orderMs): Promise<void> {
  const before = failuresOf(await certificatesOf(work))
  await askEdge(work, ['certs', 'renew'])
  for (const lateMs = performance.now() + waitMs; performance.now() < lateMs; await pause(lookMs)) {
    const now = await certificatesOf(work)
    // What has failed before this is not what came of it.
    const isNew = ({ name, lastError }: RenewalStatus): boolean => before.get(name) !== lastError?.at
    const isOpen = now?.renewals.some(one => one.state === 'ordering' || (one.state === 'failing' && !isNew(one)))
    if (isOpen !== true) return
  }
}

/** How far they are, each in a few words; they come by themselves. @returns null where no edge says it */
export async function describeCertificates(work: Asking, now: Date): Promise<readonly string[] | null> {
  const said = await certificatesOf(work)
  if (said === null) return null
  if (said.mode === 'acme') return said.renewals.map(one => describeRenewal(one, now))
  return said.certificates.map(({ domains, expiresAt, isLocal }) => {
    const own = isLocal ? ", by this server's own authority, which no browser knows" : ''
    return `${domains.join(', ')}: ${daysUntil(expiresAt, now)} d left${own}`
  })
}

function describeRenewal({ domains, state, expiresAt, lastError }: RenewalStatus, now: Date): string {
  const left = expiresAt === null ? [] : [`${daysUntil(expiresAt, now)} d left`]
  const fault = state === 'failing' && lastError !== null ? [`${lastError.code}: ${lastError.detail}`] : []
  const words = [...left, ...fault]
  return `${domains.join(', ')}: ${words.join('; ') || 'is being ordered'}`
}

function failuresOf(answer: CertificatesAnswer | null): ReadonlyMap<string, string | undefined> {
  return new Map((answer?.renewals ?? []).map(({ name, lastError }) => [name, lastError?.at]))
}

async function certificatesOf(work: Asking): Promise<CertificatesAnswer | null> {
  const said = await askEdge(work, ['certs', '--json'])
  return said === null ? null : (JSON.parse(said) as CertificatesAnswer)
}

function daysUntil(at: string, now: Date): number {
  return Math.floor((Date.parse(at) - now.getTime()) / dayMs)
}
