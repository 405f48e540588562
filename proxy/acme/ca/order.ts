import { createPrivateKey, X509Certificate } from 'node:crypto'
import { covers, type PemPair } from '../../tls/pem-files.ts'
import type { Issued, Order, Outcome } from '../authority.ts'
import { type AuthorityClient, type Authorization, type Challenge, newKey, type OpenOrder } from './client.ts'
import { poll } from './poll.ts'
import { type Problem, problemOf, refusalOf, type Trouble } from './problem.ts'
import { certId } from './renewal-info.ts'

/** The edge's side of an order; each resolves when the listeners answer. */
export interface Listeners {
  openHttp(token: string): Promise<void>
  openAlpn(domain: string, pair: PemPair): Promise<void>
  /** What the order is at. */
  at(what: string): void
}

/** What a CA may hold against `replaces` and not against the rest of an order. */
const aboutReplaces = new Set(['alreadyReplaced', 'malformed', 'unauthorized', 'conflict', 'notFound'])

/** An order from its account to its certificate (RFC 8555 §7). Never throws. */
export async function runOrder(client: AuthorityClient, order: Order, listeners: Listeners): Promise<Outcome<Issued>> {
  try {
    listeners.at('reading the directory')
    const { renewalInfo } = await client.directory()
    client.step = 'account'
    listeners.at('the account')
    await client.register(order.email)
    client.step = 'order'
    listeners.at('the order')
    const opened = await placeOrder(client, order, renewalInfo !== null)
    client.step = 'challenge'
    await prove(client, order, opened, listeners)
    client.step = 'issue'
    listeners.at('issuing')
    return unfitness(order, await issue(client, order, opened))
  } catch (cause) {
    const trouble = cause instanceof Refused ? cause.trouble : client.troubleOf(cause, order.domains)
    return { refused: refusalOf(trouble, new Date()) }
  }
}

class Refused extends Error {
  readonly trouble: Trouble

  constructor(trouble: Trouble) {
    super(trouble.problem?.detail)
    this.trouble = trouble
  }
}

async function placeOrder(client: AuthorityClient, order: Order, hasAri: boolean): Promise<OpenOrder> {
  const profile = order.profile === null ? {} : { profile: order.profile }
  const replaces = hasAri && order.replaces !== null ? await certId(order.replaces) : null
  if (replaces === null) return await client.newOrder(order.domains, profile)
  try {
    return await client.newOrder(order.domains, { ...profile, replaces })
  } catch (cause) {
    const { problem, status } = client.troubleOf(cause, order.domains)
    const isAboutReplaces = status === 409 || status === 404 || aboutReplaces.has(problem?.type ?? '')
    if (!isAboutReplaces) throw cause
    // A certificate is worth more than its exemption from the limits.
    return await client.newOrder(order.domains, profile)
  }
}

async function prove(client: AuthorityClient, order: Order, opened: OpenOrder, listeners: Listeners): Promise<void> {
  const pending = (await client.authorizations(opened)).filter(({ status }) => status === 'pending')
  const challenges = pending.map(authorization => [authorization, choose(client, order, authorization)] as const)
  for (const [authorization, challenge] of challenges) {
    const domain = nameOf(authorization)
    listeners.at(`opening ${challenge.type} for ${domain}`)
    if (challenge.type === 'http-01') await listeners.openHttp(challenge.token)
    else await listeners.openAlpn(domain, await client.alpnPair(authorization, challenge))
  }
  for (const [, challenge] of challenges) await client.complete(challenge)
  if (challenges.length === 0) return
  listeners.at(`waiting for the authority to look at ${pending.map(nameOf).join(', ')}`)
  const urls = { authorizations: pending.map(({ url }) => url) }
  const isDecided = (seen: readonly Authorization[]): boolean => seen.every(({ status }) => status !== 'pending')
  const decided = await poll(() => client.authorizations(urls), isDecided, client.retryAfter)
  const failed = decided.filter(({ status }) => status !== 'valid')
  if (failed.length === 0) return
  // The authority lists them as it likes: an operator looks for them as they are configured.
  failed.sort((one, other) => order.domains.indexOf(nameOf(one)) - order.domains.indexOf(nameOf(other)))
  throw new Refused(client.troubleWith(together(failed), failed.map(nameOf)))
}

function choose(client: AuthorityClient, order: Order, authorization: Authorization): Challenge {
  for (const wanted of order.challenges) {
    const offered = authorization.challenges.find(({ type }) => type === wanted)
    if (offered !== undefined) return offered
  }
  const types = authorization.challenges.map(({ type }) => type).join(', ')
  const detail = `the authority offers ${types || 'no challenge'}, not ${order.challenges.join(' or ')}`
  const problem = { type: '', detail, domain: null, subproblems: [] }
  throw new Refused(client.troubleWith(problem, [nameOf(authorization)]))
}

function nameOf({ identifier }: Authorization): string {
  return identifier.value
}

const nothing = { type: '', subproblems: [] }

/** One problem of all that failed. */
function together(failed: readonly Authorization[]): Problem {
  const problems = failed.map(({ identifier, challenges, status }) => {
    const tried = challenges.find(({ error }) => problemOf(error) !== null)
    const problem = problemOf(tried?.error)
    if (problem === null) return { ...nothing, detail: `the authorization is ${status}`, domain: identifier.value }
    return { ...problem, detail: `${tried?.type}: ${problem.detail}`, domain: identifier.value }
  })
  const first = problems[0]!
  if (problems.length === 1) return first
  return { type: first.type, detail: 'none of these could be validated', domain: null, subproblems: problems }
}

async function issue(client: AuthorityClient, order: Order, opened: OpenOrder): Promise<Issued> {
  const key = await newKey(order.keyType)
  const look = async (): Promise<OpenOrder> => check(client, order, await client.look(opened))
  const ready = check(client, order, await client.look(opened))
  if (ready.status === 'pending') await poll(look, ({ status }) => status !== 'pending', client.retryAfter)
  let issuing = check(client, order, await client.finalize(opened, order.domains, key))
  if (issuing.status !== 'valid') issuing = await poll(look, ({ status }) => status === 'valid', client.retryAfter)
  return { cert: await client.download(issuing), key }
}

function check(client: AuthorityClient, order: Order, seen: OpenOrder): OpenOrder {
  if (seen.status !== 'invalid') return seen
  const nothing = { type: '', detail: 'the order became invalid, without a reason', domain: null, subproblems: [] }
  throw new Refused(client.troubleWith(problemOf(seen.error) ?? nothing, order.domains))
}

/** What could not be served is not taken, whoever signed it. */
function unfitness(order: Order, issued: Issued): Outcome<Issued> {
  const refuse = (detail: string): Outcome<Issued> => ({
    refused: { code: 'ACME_CERTIFICATE_UNFIT', detail: `${order.domains.join(', ')}: ${detail}`, retryAt: null }
  })
  try {
    const leaf = new X509Certificate(issued.cert)
    if (!leaf.checkPrivateKey(createPrivateKey(issued.key))) return refuse('what was issued does not fit our key')
    const missing = order.domains.filter(domain => !covers(leaf, domain))
    return missing.length === 0 ? { ok: issued } : refuse(`what was issued does not name ${missing.join(', ')}`)
  } catch (cause) {
    return refuse(`what was downloaded is no certificate: ${(cause as Error).message}`)
  }
}
