import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** For parseArgs: which site, and which of its servers. */
export const siteOptions = { site: { type: 'string' }, server: { type: 'string' } } as const
export const siteUsage = '[--site FILE] [--server frontend|backend]'

export interface SiteValues {
  readonly site?: string | undefined
  readonly server?: string | undefined
}

/** --site, TWINEDGE_SITE, or the deploy.yaml of this folder or of one above it. @returns null where there is none */
export function siteFile({ site }: SiteValues): string | null {
  if (site) return site
  // Whom a laptop asks is the server that is meant, whatever lies about there.
  if (process.env.TWINEDGE_SERVER) return null
  return process.env.TWINEDGE_SITE || fileAbove(process.cwd())
}

function fileAbove(folder: string): string | null {
  const file = join(resolve(folder), 'deploy.yaml')
  if (existsSync(file)) return file
  return dirname(folder) === folder ? null : fileAbove(dirname(folder))
}
