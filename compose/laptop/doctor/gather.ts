import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { EdgeError } from '../../../proxy/errors.ts'
import { readEnvFile } from '../../env/env-file.ts'
import { type Environment, effective } from '../../env/environment.ts'
import type { Failed } from '../../server/look/records.ts'
import { composeHashes } from '../look/own.ts'
import { lookAt, type ServerLook } from '../look/server-look.ts'
import { atEach, type Reached } from '../look/servers.ts'
import type { ServerPlan, Site } from '../plan/site.ts'
import type { Agent } from '../ssh/agent.ts'
import { ownTool } from '../tool/own.ts'
import type { Evidence, LaptopEvidence, OutsideEvidence, ServerEvidence, ToolEvidence } from './evidence.ts'
import { lookUp } from './names.ts'
import { lookFromOutside } from './outside.ts'

/** Enough to tell a bad line from a good one, and over in a second on a good one. */
const line = { bytes: 524_288, longestMs: 15_000 }

type Extra = Omit<ToolEvidence, 'version' | 'looked'>

/** Looks at everything at once; what fails is part of what is found. */
export async function gather(site: Site, servers: readonly ServerPlan[], version: string): Promise<Evidence> {
  const [looks, outsides, names, laptop] = await Promise.all([
    atEach(servers, ssh => lookAt(ssh, site.name, agent => extraOf(agent, site, ssh.server))),
    Promise.all(servers.map(server => outsideOf(site, server))),
    lookUp(site.domains),
    laptopOf(version, servers)
  ])
  const all = looks.map((one, at) => serverOf(one, outsides[at]!))
  return { site, servers: all, names, laptop, nowMs: Date.now() }
}

async function extraOf(agent: Agent, { name: project }: Site, { name }: ServerPlan): Promise<Extra> {
  const salt = randomBytes(16).toString('hex')
  const [examined, records, measured] = await Promise.all([
    agent.ask('examine', { project, server: name, salt }).catch(orFailure),
    agent.ask('deploys', null).catch(orFailure),
    // One end measures both ways.
    name === 'frontend' ? agent.ask('measure', { project, ...line }).catch(orFailure) : null
  ])
  return {
    ...('code' in examined ? { examined: null, examineFailure: examined } : { examined, examineFailure: null }),
    records: 'code' in records ? null : records,
    line: measured !== null && 'code' in measured ? null : measured
  }
}

/** By the ports of the server's `.env`, as this laptop has it. */
async function outsideOf({ domains, verify: paths }: Site, { address, envFile }: ServerPlan): Promise<OutsideEvidence> {
  const text = await readFile(envFile, 'utf8').catch(() => '')
  const { env } = readEnvFile(text, envFile)
  const port = (name: 'HTTP_PORT' | 'HTTPS_PORT' | 'LINK_PORT'): number => portIn(env, name)
  const ports = { httpPort: port('HTTP_PORT'), httpsPort: port('HTTPS_PORT'), linkPort: port('LINK_PORT') }
  return lookFromOutside({ address, domains, paths, ...ports })
}

function portIn(env: Environment, name: 'HTTP_PORT' | 'HTTPS_PORT' | 'LINK_PORT'): number {
  return Number(effective(env, name))
}

async function laptopOf(version: string, servers: readonly ServerPlan[]): Promise<LaptopEvidence> {
  const [files, tool] = await Promise.all([Promise.all(servers.map(composeHashes)), ownTool()])
  return { version, tool, files: Object.assign({}, ...files) }
}

function serverOf(one: Reached<ServerLook & { more: Extra | null }>, outside: OutsideEvidence): ServerEvidence {
  const { server: plan, answer, failure } = one
  if (answer === null) {
    return { plan, unreachable: failed(failure), facts: null, tool: null, toolFailure: null, outside }
  }
  const { facts, looked, hello, more } = answer
  const isThere = looked !== null && hello !== null && more !== null
  const tool = isThere ? { version: hello.version, looked, ...more } : null
  const toolFailure = answer.failure === null ? null : failed(answer.failure)
  return { plan, unreachable: null, facts, tool, toolFailure, outside }
}

function orFailure(cause: unknown): Failed {
  if (cause instanceof EdgeError) return failed(cause)
  throw cause
}

function failed({ code, detail, next }: EdgeError): Failed {
  return { code, detail, next }
}
