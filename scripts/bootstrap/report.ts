import type { Result } from '../../compose/laptop/bootstrap/site.ts'
import type { Site } from '../../compose/laptop/plan/site.ts'

/** What came of a bootstrap, and what comes next. */
export function describeResult(site: Site, result: Result, isDryRun: boolean): string {
  const { count } = result
  if (isDryRun) return count === 0 ? nothing : 'nothing was changed: without --dry-run, what is above is done'
  const certificates = [...result.certificates].flatMap(([name, lines]) =>
    (lines ?? ['no edge says it']).map(line => `certificates of ${name}: ${line}`)
  )
  if (count === 0) return [...certificates, nothing].join('\n')
  const names = [...result.certificates.keys()].join(' and ')
  const next = nextOf(site, result)
  return [...certificates, `${names}: set up`, ...(next === null ? [] : [`next: ${next}`])].join('\n')
}

const nothing = 'nothing had to be changed'

/** @returns null: there is nothing that has to be done */
function nextOf(site: Site, { certificates, isLinked, isDeployed }: Result): string | null {
  const other = site.servers.find(({ name }) => !certificates.has(name))
  if (!isLinked && other !== undefined) return `twinedge bootstrap ${other.name}`
  return isDeployed ? null : 'twinedge deploy'
}
