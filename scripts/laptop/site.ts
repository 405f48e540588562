import { loadSite } from '../../compose/laptop/plan/load.ts'
import type { ServerPlan, Site } from '../../compose/laptop/plan/site.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { type SiteValues, siteFile } from '../site-file.ts'

/**
 * The site that is meant: --site, TWINEDGE_SITE, or the deploy.yaml of this folder or of one above it.
 * @returns null where there is none, as on a server
 * @throws EdgeError SITE_MISSING for one that was named, or that has a server that was; SITE_INVALID
 */
export async function siteAt(values: SiteValues): Promise<Site | null> {
  const file = siteFile(values)
  if (file !== null) return loadSite(file)
  // Whoever names a server does not mean the machine that they are at.
  if (values.server !== undefined) throw noSite()
  return null
}

/** For parseArgs, of verbs that concern a whole site. */
export const siteOption = { site: { type: 'string' } } as const

/**
 * The site that is meant, where an option does not name a stack or an edge of this machine.
 * @returns null where there is none, as on a server
 */
export async function siteFor(
  values: SiteValues & { readonly project?: string | undefined; readonly socket?: string | undefined }
): Promise<Site | null> {
  const isLocal = values.project !== undefined || values.socket !== undefined
  return isLocal && values.site === undefined ? null : siteAt(values)
}

/** @throws EdgeError SITE_MISSING, SITE_INVALID */
export async function siteOf(values: SiteValues): Promise<Site> {
  const site = await siteAt(values)
  if (site === null) throw noSite()
  return site
}

function noSite(): EdgeError {
  return new EdgeError('SITE_MISSING', 'no deploy.yaml in this folder or above it')
}

/** All of them, or the one that --server names. @throws EdgeError EDGE_USAGE */
export function serversOf({ servers }: Site, { server }: SiteValues): readonly ServerPlan[] {
  const found = servers.filter(({ name }) => server === undefined || name === server)
  if (found.length > 0) return found
  throw new EdgeError(
    'EDGE_USAGE',
    `--server: expected ${servers.map(({ name }) => name).join(' or ')}, found "${server}"`
  )
}
