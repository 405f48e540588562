import { EdgeError } from '../../../proxy/errors.ts'
import type { EntrySeen } from '../../server/entry/records.ts'
import type { ServerPlan, Site } from '../plan/site.ts'
import { openAgent } from '../ssh/agent.ts'
import { connectSsh, type Ssh } from '../ssh/ssh.ts'

/** A server as the entry of the site, asked over ssh; again and again, if need be. */
export interface Entry {
  readonly server: ServerPlan
  /** @throws EdgeError SSH_*, SERVER_TOOL_*, COMPOSE_NO_STACK, COMPOSE_ENGINE_UNREACHABLE, EDGE_NOT_RUNNING */
  look(): Promise<EntrySeen>
  close(): Promise<void>
}

/** @throws EdgeError SSH_*, SERVER_TOOL_* */
export async function openEntry({ name }: Site, server: ServerPlan): Promise<Entry> {
  const ssh = await connectSsh(server)
  try {
    const agent = await openAgent(ssh)
    return {
      server,
      look: () => agent.ask('entry', { project: name, folder: server.folder }),
      close: () => end(ssh, () => agent.close())
    }
  } catch (cause) {
    await ssh.close()
    throw cause
  }
}

/** @returns why not, where a server that is dead is no reason to end */
export async function lookOnce(site: Site, server: ServerPlan): Promise<EntrySeen | EdgeError> {
  let entry: Entry | null = null
  try {
    entry = await openEntry(site, server)
    return await entry.look()
  } catch (cause) {
    if (cause instanceof EdgeError) return cause
    throw cause
  } finally {
    await entry?.close()
  }
}

async function end(ssh: Ssh, closeAgent: () => void): Promise<void> {
  closeAgent()
  await ssh.close()
}
