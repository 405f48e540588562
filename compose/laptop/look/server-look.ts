import { EdgeError } from '../../../proxy/errors.ts'
import type { Looked } from '../../server/look/records.ts'
import type { Questions } from '../../server/protocol.ts'
import type { Facts } from '../facts/facts.ts'
import { readFacts } from '../facts/read.ts'
import { type Agent, openAgent } from '../ssh/agent.ts'
import type { Ssh } from '../ssh/ssh.ts'

/** One server as a laptop sees it in one look. */
export interface ServerLook {
  /** null: not even a shell there says what it is. */
  readonly facts: Facts | null
  /** What its tool says; null: `failure` says why. */
  readonly looked: Looked | null
  readonly hello: Questions['hello']['answer'] | null
  readonly failure: EdgeError | null
}

/**
 * Asks the tool there, and a plain shell for what it cannot say, or where it is missing.
 * @param more what else is asked of the tool, over the same agent
 * @throws EdgeError SSH_* when the line is lost
 */
export async function lookAt<T>(
  ssh: Ssh,
  project: string,
  more: (agent: Agent) => Promise<T>
): Promise<ServerLook & { readonly more: T | null }> {
  const [facts, told] = await Promise.all([
    readFacts(ssh, () => new Date()).catch(orEdgeError),
    askTool(ssh, project, more).catch(orEdgeError)
  ])
  const seen = facts instanceof EdgeError ? null : facts
  if (told instanceof EdgeError) return { facts: seen, looked: null, hello: null, more: null, failure: told }
  return { facts: seen, ...told, failure: null }
}

async function askTool<T>(ssh: Ssh, project: string, more: (agent: Agent) => Promise<T>) {
  const agent = await openAgent(ssh)
  try {
    const [hello, looked, rest] = await Promise.all([
      agent.ask('hello', null),
      agent.ask('status', { project }),
      more(agent)
    ])
    return { hello, looked, more: rest }
  } finally {
    agent.close()
  }
}

/** A line that is lost ends the look at this server; anything else is part of it. */
function orEdgeError(cause: unknown): EdgeError {
  const isLine = cause instanceof EdgeError && cause.code.startsWith('SSH_') && cause.code !== 'SSH_SUDO_REFUSED'
  if (cause instanceof EdgeError && !isLine) return cause
  throw cause
}
