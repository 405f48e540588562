import { readFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { EdgeError } from '../../../proxy/errors.ts'
import { readEnvFile } from '../../env/env-file.ts'
import type { Environment } from '../../env/environment.ts'
import { hostsIn } from '../ssh/hosts.ts'
import { type DeployEnv, readDeployEnv } from './deploy-env.ts'
import type { Draft, Found } from './draft.ts'
import { findServers, lookUpAddress, type ServerHints } from './servers.ts'
import { findApiApp, findSources, type Sources } from './sources.ts'

/** What the operator has said already, and where there is to look. */
export interface SurveyWanted extends Pick<ServerHints, 'named' | 'addresses' | 'key' | 'resolvers'> {
  /** Absolute; where deploy.yaml will lie. */
  readonly folder: string
  readonly domains: readonly string[]
  readonly email: string | null
  /** Absolute. */
  readonly web: string | null
  readonly api: string | null
  /** A `.env.deploy`, absolute; null: it is looked for. */
  readonly from: string | null
  /** The configuration of ssh. */
  readonly sshConfig: string
  /** This project's own folder, whose samples are not meant. */
  readonly project: string
}

export interface Survey {
  readonly draft: Draft
  readonly hints: ServerHints
  /** What the app has had so far, from files that were found. */
  readonly before: Environment
  readonly notes: readonly string[]
}

/** Everything that can be found out without asking anybody. @throws EdgeError SITE_MISSING for a file that was named */
export async function survey(wanted: SurveyWanted): Promise<Survey> {
  const { folder, resolvers } = wanted
  const old = await findDeployEnv(wanted)
  const sources = await findSources([old?.root ?? folder], wanted.project)
  const around = old === null && isEmpty(sources) ? await findSources([dirname(folder)], wanted.project) : sources
  const web = chosen(wanted.web, '--web', around.web)
  const api = chosen(wanted.api, '--api', around.api)
  const { named, addresses, key } = wanted
  const hosts = await hostsIn(wanted.sshConfig)
  const hints = { named, addresses, key, deployEnv: old?.said ?? null, hosts, resolvers }
  const app = api === null ? null : await findApiApp(api.value)
  const read = await appEnvironment(folder, [api?.value, old?.root])
  const draft: Draft = {
    domains: await findDomains(wanted, old?.said ?? null),
    email: wanted.email === null ? null : { value: wanted.email, from: '--email' },
    servers: await findServers(hints),
    ...{ web, api },
    apiArgs: app === null ? [] : [`API_APP=${app}`],
    hooks: old?.said.hooks ?? { before: null, after: null }
  }
  const notes = [
    ...(old === null ? [] : [`read ${relative(folder, old.file)}`]),
    ...read.files.map(file => `read ${relative(folder, file)}`),
    ...severalOf('web', web, around.web, folder),
    ...severalOf('api', api, around.api, folder),
    ...((web === null || api === null) && old?.said.repository ? [`the sources: git clone ${old.said.repository}`] : [])
  ]
  return { draft, hints, before: read.env, notes }
}

interface OldFile {
  readonly file: string
  /** Of the project that it belongs to. */
  readonly root: string
  readonly said: DeployEnv
}

async function findDeployEnv({ from, folder }: SurveyWanted): Promise<OldFile | null> {
  const usual = [folder, dirname(folder)].flatMap(one => [join(one, '.env.deploy'), join(one, 'deploy/.env.deploy')])
  for (const file of from === null ? usual : [from]) {
    const text = await readFile(file, 'utf8').catch(() => null)
    if (text === null) continue
    const at = dirname(file)
    const root = basename(at) === 'deploy' ? dirname(at) : at
    return { file, root, said: readDeployEnv(text, root) }
  }
  if (from !== null) throw new EdgeError('SITE_MISSING', `${from}: there is no such file`)
  return null
}

/** Its www as well, where DNS has one. */
async function findDomains(wanted: SurveyWanted, old: DeployEnv | null): Promise<Draft['domains']> {
  if (wanted.domains.length > 0) return { value: wanted.domains, from: '--domain' }
  const domain = old?.domain ?? null
  if (domain === null) return null
  const www = `www.${domain}`
  const hasWww = !domain.startsWith('www.') && (await lookUpAddress(www, wanted.resolvers)) !== null
  return { value: hasWww ? [domain, www] : [domain], from: hasWww ? '.env.deploy and DNS' : '.env.deploy' }
}

function chosen(said: string | null, option: string, found: readonly string[]): Found<string> | null {
  if (said !== null) return { value: said, from: option }
  return found.length === 1 ? { value: found[0]!, from: 'what lies there' } : null
}

function severalOf(part: string, one: unknown, found: readonly string[], folder: string): string[] {
  const list = found.map(path => relative(folder, path) || '.').join(', ')
  return one === null && found.length > 1 ? [`several folders could be the ${part} app: ${list}`] : []
}

/** Of several files the first counts: what this command has written before, then the app's own. */
async function appEnvironment(
  folder: string,
  roots: readonly (string | undefined)[]
): Promise<{ env: Environment; files: string[] }> {
  const own = ['backend.env', 'single.env'].map(name => join(folder, name))
  const apps = [...new Set(roots.flatMap(root => (root === undefined ? [] : [resolve(root, '.env')])))]
  const files: string[] = []
  let env: Environment = {}
  for (const file of [...own, ...apps]) {
    const text = await readFile(file, 'utf8').catch(() => null)
    if (text === null) continue
    files.push(file)
    env = { ...readEnvFile(text, file).env, ...env }
  }
  return { env, files }
}

function isEmpty({ web, api }: Sources): boolean {
  return web.length === 0 && api.length === 0
}
