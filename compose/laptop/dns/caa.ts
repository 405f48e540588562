import { freshResolver } from './name-server.ts'

/** Who may certify a name (RFC 8659). */
export interface Permission {
  /** The name that the records stand at: the domain, or the nearest one above it that has any. */
  readonly at: string
  /** Identities of authorities; none: nobody may. */
  readonly issuers: readonly string[]
}

/** @returns null where anybody may. @param place who is asked, `address:port` */
export async function permissionFor(domain: string, place: string): Promise<Permission | null> {
  const labels = domain.split('.')
  for (let at = 0; at < labels.length; at++) {
    const name = labels.slice(at).join('.')
    const records = await freshResolver([place])
      .resolveCaa(name)
      .catch(() => [])
    const issue = records.filter(record => record.issue !== undefined)
    // The nearest set counts, whatever else stands above it; one without `issue` forbids nobody.
    if (records.length > 0)
      return issue.length === 0 ? null : { at: name, issuers: issue.map(({ issue = '' }) => issuerIn(issue)) }
  }
  return null
}

/** `letsencrypt.org; validationmethods=http-01` → `letsencrypt.org`; `;` alone: nobody. */
function issuerIn(issue: string): string {
  return issue.split(';')[0]!.trim().toLowerCase()
}

/** As it names itself in such records; null: not known. @param directory '' is Let's Encrypt's */
export function identityOf(directory: string): string | null {
  const host = directory === '' ? 'letsencrypt.org' : (URL.parse(directory)?.hostname ?? '')
  const known = ['letsencrypt.org', 'zerossl.com', 'buypass.com', 'pki.goog', 'ssl.com']
  const found = known.find(one => host === one || host.endsWith(`.${one}`))
  return found === 'zerossl.com' ? 'sectigo.com' : (found ?? null)
}
