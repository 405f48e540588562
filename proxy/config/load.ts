import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { EdgeError } from '../errors.ts'
import type { EdgeConfig } from './config.ts'
import { formatFaults } from './faults.ts'
import { parseConfig, type Source } from './parse.ts'

/**
 * Reads the operator's file and what the environment says over it.
 * @throws EdgeError CONFIG_MISSING when it cannot be read; CONFIG_INVALID, with every fault in its detail
 */
export async function loadConfig(file: string, env: Source['env']): Promise<EdgeConfig> {
  return readConfig(await readText(file), file, env)
}

/**
 * The same for a text that is at hand.
 * @param file what it is called in messages; relative paths start at its folder
 * @throws EdgeError CONFIG_INVALID
 */
export function readConfig(text: string, file: string, env: Source['env']): EdgeConfig {
  const parsed = parseConfig(text, { file, folder: dirname(resolve(file)), env })
  if ('faults' in parsed) throw new EdgeError('CONFIG_INVALID', `\n${formatFaults(parsed.faults, file)}`)
  return parsed.config
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : `${code}`
    throw new EdgeError('CONFIG_MISSING', `${file}: ${why}`, cause)
  }
}
