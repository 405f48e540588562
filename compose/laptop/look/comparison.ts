import type { EnvironmentSeen } from '../../server/look/records.ts'

/** One thing of which this laptop and a server have two versions. */
export interface Difference {
  /** A file, or a variable of `.env`. */
  readonly name: string
  /** null: it is not there. */
  readonly here: string | null
  readonly there: string | null
  /** It is as it should be: swaps write it there, and a bootstrap leaves it. */
  readonly isKept: boolean
}

/** What swaps write on the server: its word counts. */
const ofSwaps = /^(?:(?:WEB|API)_(?:BLUE|GREEN)_IMAGE|COMPOSE_PROFILES)$/
/** What a bootstrap adds from deploy.yaml, where the laptop's file does not say. */
const ofBootstrap = /^(?:COMPOSE_FILE|COMPOSE_PROJECT_NAME|SERVER|WEB_ENV_FILE)$/
/** Of what may not be shown. */
const [secret, other] = ['(secret)', '(another secret)']

/** Name by name; of secrets no more than that they differ. */
export function compareEnvironments(here: EnvironmentSeen, there: EnvironmentSeen): Difference[] {
  const shown = differences(here.values, there.values)
  const marked = differences(here.marks, there.marks).map(one => ({
    ...one,
    here: one.here === null ? null : secret,
    there: one.there === null ? null : one.here === null ? secret : other
  }))
  return [...shown, ...marked].map(one => ({
    ...one,
    isKept:
      ofSwaps.test(one.name) ||
      (one.here === null && ofBootstrap.test(one.name)) ||
      (there.values.SERVER === 'single' && isOfStandby(one))
  }))
}

/** A standby has pages of its own, and the compose file for them before the others. */
function isOfStandby({ name, here, there }: Pick<Difference, 'name' | 'here' | 'there'>): boolean {
  return (
    (name === 'WEB_ORIGIN' && !there) || (name === 'COMPOSE_FILE' && there === `docker-compose.frontend.yml:${here}`)
  )
}

/** By name, of anything that is one text each. */
export function differences(
  here: Readonly<Record<string, string>>,
  there: Readonly<Record<string, string>>
): Pick<Difference, 'name' | 'here' | 'there'>[] {
  const names = [...new Set([...Object.keys(here), ...Object.keys(there)])]
  return names
    .filter(name => (here[name] ?? '') !== (there[name] ?? ''))
    .map(name => ({ name, here: here[name] ?? null, there: there[name] ?? null }))
}
