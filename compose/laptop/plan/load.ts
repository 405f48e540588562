import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { formatFaults } from '../../../proxy/config/faults.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import { parseSite } from './parse.ts'
import type { Site } from './site.ts'

/**
 * Reads deploy.yaml whole, or says everything that is wrong with it.
 * @throws EdgeError SITE_MISSING, SITE_INVALID
 */
export async function loadSite(file: string): Promise<Site> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new EdgeError(
      'SITE_MISSING',
      `${file}: ${cause.code === 'ENOENT' ? 'there is no such file' : cause.code}`,
      cause
    )
  })
  const parsed = parseSite(text, resolve(file))
  if ('faults' in parsed) throw new EdgeError('SITE_INVALID', `\n${formatFaults(parsed.faults, file)}`)
  return parsed.site
}
