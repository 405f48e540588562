import { setTimeout as pause } from 'node:timers/promises'
import { EdgeError } from '../../../proxy/errors.ts'
import type { ServerPlan } from '../plan/site.ts'
import { type Agent, openAgent } from './agent.ts'
import { heeding } from './heeding.ts'
import { connectSsh, type Ssh } from './ssh.ts'

/** How long a line may be away. */
const awayMs = 120_000
const firstPauseMs = 250
const longestPauseMs = 5_000

/** A server, whatever becomes of the connections to it: each question is asked again until it is answered. */
export interface Line {
  readonly server: ServerPlan
  /** Of questions that may be asked twice. @throws EdgeError as an agent does; SSH_* when the server stays away */
  ask: Agent['ask']
  /** A connection that holds, as far as anybody knows: made anew if it was lost meanwhile. @throws EdgeError SSH_* */
  ssh(): Promise<Ssh>
  close(): Promise<void>
}

interface Connection {
  readonly ssh: Ssh
  readonly agent: Agent
}

/** From when a line was lost until it is back, as one question sees it. */
interface Loss {
  readonly cause: EdgeError
  /** When it is waited for no longer, ms since 1970. */
  readonly end: number
  /** Of an operator who has not been heard yet: whoever is undoing what they stopped waits all the same. */
  readonly signal: AbortSignal | undefined
}

/**
 * @param signal of an operator who does not want to wait for a lost line: what was asked over it ends at once as it
 * would in two minutes, and nothing waits for this line again. What a line that holds carries goes on.
 * @throws EdgeError SSH_*, SERVER_TOOL_*: the first connection has no second try; the signal's reason
 */
export async function openLine(server: ServerPlan, say: (line: string) => void, signal?: AbortSignal): Promise<Line> {
  /** Nothing waits for this line any more; it may still carry what is asked. */
  const over = new AbortController()
  let latest: Loss | null = null
  let current = connect(server, signal)
  const former: Promise<Connection>[] = []
  await current.catch(cause => {
    signal?.throwIfAborted()
    throw cause
  })
  /** Of several questions that were lost at once, the first connects for all. */
  const reconnect = (lost: Promise<Connection>): void => {
    if (current !== lost) return
    // Its process there may have ended alone, and it would keep this one from its end.
    former.push(lost)
    current = connect(server, over.signal)
    current.catch(() => {})
  }
  const lossOf = (cause: unknown, before: Loss | null): Loss => {
    if (cause === over.signal.reason && latest !== null) throw latest.cause
    const isLost = cause instanceof EdgeError && cause.code === 'SSH_UNREACHABLE'
    if (!isLost || over.signal.aborted || (before !== null && Date.now() >= before.end)) throw cause
    if (before !== null) return before
    say(`${server.name}: the line is lost; connecting again, for ${awayMs / 1_000} s at most`)
    latest = { cause, end: Date.now() + awayMs, signal: signal?.aborted ? undefined : signal }
    return latest
  }
  const whileWanted = <T>(work: Promise<T>, loss: Loss): Promise<T> =>
    heeding(work, loss.signal).catch(cause => {
      if (!loss.signal?.aborted || cause !== loss.signal.reason) throw cause
      over.abort()
      throw loss.cause
    })
  const patiently = async <T>(use: (connection: Connection) => Promise<T>): Promise<T> => {
    let loss: Loss | null = null
    for (let waitMs = firstPauseMs; ; waitMs = Math.min(waitMs * 2, longestPauseMs)) {
      const used = current
      try {
        const answer = await use(await (loss === null ? used : whileWanted(used, loss)))
        if (loss !== null) say(`${server.name}: the line is back`)
        return answer
      } catch (cause) {
        loss = lossOf(cause, loss)
        await whileWanted(pause(waitMs), loss)
        reconnect(used)
      }
    }
  }
  return {
    server,
    ask: (question, asked) => patiently(({ agent }) => agent.ask(question, asked)),
    ssh: () =>
      patiently(async ({ ssh, agent }) => {
        // What is lost is not told to whoever asks nothing over it.
        await agent.ask('hello', null)
        return ssh
      }),
    async close() {
      over.abort()
      await Promise.all([...former, current].map(disconnect))
    }
  }
}

async function disconnect(connection: Promise<Connection>): Promise<void> {
  const { ssh, agent } = await connection.catch(() => ({ ssh: null, agent: null }))
  agent?.close()
  await ssh?.close()
}

async function connect(server: ServerPlan, signal: AbortSignal | undefined): Promise<Connection> {
  const ssh = await connectSsh(server, { signal })
  try {
    return { ssh, agent: await heeding(openAgent(ssh), signal) }
  } catch (cause) {
    await ssh.close()
    throw cause
  }
}
