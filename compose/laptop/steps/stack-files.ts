import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EdgeError } from '../../../proxy/errors.ts'
import { faultsOf } from '../../env/checks.ts'
import { readEnvFile } from '../../env/env-file.ts'
import { withVariables } from '../../stack/env-lines.ts'
import type { Step, Work, Write } from '../bootstrap/step.ts'
import { composeFileFor, composeFiles, unservedNames, webEnvName } from '../plan/env-names.ts'
import { type ServerPlan, type Site, serverOf, stackKindOf } from '../plan/site.ts'
import { keepWhatServes } from '../takeover/before.ts'

const project = join(import.meta.dirname, '../../..')
/** What a swap writes on the server: its word counts. */
const ofSwaps = /^(?:WEB|API)_(?:BLUE|GREEN)_IMAGE$/
const slot = /-(?:blue|green)$/
/** What the web app gets, where the API has a `.env` with secrets in it. */
const webFile = 'web.env'

export const bringStackFiles: Step = {
  name: 'compose files and .env',
  remains: 'each file is as it was or as it is to be; what served serves',
  async plan(work) {
    const { folder } = work.server
    const writes = await Promise.all([
      ...composeFiles(work.server).map(async name => ({
        name,
        text: await readFile(join(project, name), 'utf8'),
        mode: 0o644
      })),
      { name: '.env', text: await envFor(work), mode: 0o600 },
      ...(await webEnv(work))
    ])
    const isFolderThere = work.facts.stack.modes.site === '700'
    const all = (await Promise.all(writes.map(one => difference(work, one)))).flat()
    const made = isFolderThere ? [] : [{ run: ['install', '-d', '-m', '700', `${folder}/site`] }]
    return { actions: [...made, ...(all.length === 0 ? [] : keepWhatServes(work)), ...all] }
  }
}

/**
 * This server's `.env` on the laptop, with what follows from deploy.yaml, once it holds together.
 * @throws EdgeError SITE_ENV_MISSING, SITE_ENV_REFUSED
 */
export async function readEnv(site: Site, server: ServerPlan): Promise<string> {
  const text = await readFile(server.envFile, 'utf8').catch((cause: Error) => {
    throw new EdgeError('SITE_ENV_MISSING', `${server.envFile}: ${cause.message}`, cause)
  })
  const { env, faults } = readEnvFile(text, server.envFile)
  const files = composeFileFor(server, env.COMPOSE_FILE)
  const added = {
    ...(files === null ? {} : { COMPOSE_FILE: files }),
    ...(env.COMPOSE_PROJECT_NAME || site.name === 'twinedge' ? {} : { COMPOSE_PROJECT_NAME: site.name }),
    ...(stackKindOf(server) === 'single' && !env.SERVER ? { SERVER: 'single' } : {}),
    ...(server.standby && env.WEB_ORIGIN ? { WEB_ORIGIN: '' } : {}), // the pages are its own
    ...(server.standby && !env.WEB_ENV_FILE ? { WEB_ENV_FILE: webFile } : {})
  }
  const all = [...faults, ...faultsOf({ ...env, ...added }, stackKindOf(server)), ...unservedNames(site, env)]
  if (all.length === 0) return withVariables(text, added)
  const rows = all.map(({ name, found, expected }) => `  ${name}: found ${found}; expected ${expected}`)
  throw new EdgeError('SITE_ENV_REFUSED', `${server.envFile}:\n${rows.join('\n')}`)
}

async function envFor(work: Work): Promise<string> {
  const there = readEnvFile((await textThere(work, '.env')) ?? '', '.env').env
  const here = readEnvFile(work.env, work.server.envFile).env
  const kept = Object.fromEntries(Object.entries(there).filter(([name, value]) => ofSwaps.test(name) && value))
  const split = (text = ''): string[] =>
    text
      .split(',')
      .map(name => name.trim())
      .filter(Boolean)
  const slots = split(there.COMPOSE_PROFILES).filter(name => slot.test(name))
  // One that becomes a standby has run the API alone.
  if (work.server.standby && slots.length > 0 && !slots.some(name => name.startsWith('web-'))) slots.push('web-blue')
  const others = split(here.COMPOSE_PROFILES).filter(name => !slot.test(name))
  if (slots.length > 0) kept.COMPOSE_PROFILES = [...slots, ...others].join(',')
  return withVariables(work.env, kept as Record<string, string>)
}

async function webEnv(work: Work) {
  const { server, site } = work
  const name = webEnvName(work)
  if (name === null) return []
  // A standby's pages are those of the frontend, down to their settings.
  const file = server.standby && name === webFile ? serverOf(site, 'web').envFile : join(dirname(server.envFile), name)
  const text = await readFile(file, 'utf8').catch(() => null)
  return text === null ? [] : [{ name, text, mode: 0o600 }]
}

async function difference(
  work: Work,
  { name, text, mode }: { name: string; text: string; mode: number }
): Promise<Write[]> {
  const before = await textThere(work, name)
  const isAsWide = name !== '.env' || [undefined, '600'].includes(work.facts.stack.modes['.env'])
  if (before === text && isAsWide) return []
  return [{ write: `${work.server.folder}/${name}`, text, mode, before, isSecret: mode === 0o600 }]
}

/** An exit code that cat has not. */
const absent = 44

/** @returns null where there is none */
async function textThere({ ssh, server }: Work, name: string): Promise<string | null> {
  const file = `${server.folder}/${name}`
  const read = ['sh', '-c', `[ -e "$1" ] || exit ${absent}; cat "$1"`, 'read', file]
  const { code, stdout, stderr } = await ssh.run(read, { asRoot: true })
  if (code === 0) return stdout
  if (code === absent) return null
  // Not read is not absent: what swaps have written into it would be lost.
  throw new EdgeError('SERVER_STEP_FAILED', `${file} cannot be read: ${stderr.trim().slice(-500)}`)
}
