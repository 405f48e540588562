import { createInterface } from 'node:readline'
import { EdgeError } from '../../../proxy/errors.ts'
import { type Answered, protocolVersion, type Question, type Questions } from '../../server/protocol.ts'
import { failureAt, failureOf } from '../plan/commands.ts'
import type { ServerPlan } from '../plan/site.ts'
import { silenceOf } from './refusal.ts'
import type { Ssh } from './ssh.ts'

/** The tool's end on a server, with which a laptop talks; one process there for as long as it is open. */
export interface Agent {
  /** @throws EdgeError as the server did, SSH_* when the line is lost before the answer */
  ask<Q extends Question>(question: Q, asked: Questions[Q]['with']): Promise<Questions[Q]['answer']>
  close(): void
}

/** What runs there; it lies in the server's folder. */
export function toolOf({ server }: Ssh): string {
  return `${server.folder}/tool/scripts/twinedge`
}

/** How often it is asked whether it is there, and how long it may leave everything unanswered. */
const usual = { askMs: 30_000, silenceMs: 90_000 }

/** @throws EdgeError SERVER_TOOL_MISSING, SERVER_TOOL_OTHER, SSH_SUDO_REFUSED, SSH_* */
export async function openAgent(ssh: Ssh, { askMs, silenceMs } = usual): Promise<Agent> {
  const { stdin, stdout, ended, stop } = ssh.open([toolOf(ssh), 'server', '--folder', ssh.server.folder], {
    asRoot: true
  })
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let gone: unknown = null
  let heardAt = performance.now()
  const end = (cause: unknown): void => {
    gone ??= cause
    clearInterval(asking)
    for (const { reject } of waiting.values()) reject(cause)
    waiting.clear()
  }
  // An agent of which no laptop asks anything ends; and a line may hold while the process there stands still.
  const asking = setInterval(() => {
    if (performance.now() - heardAt < silenceMs) return void ask('hello', null).catch(() => {})
    end(silenceOf(ssh.server, silenceMs))
    stop()
  }, askMs).unref()
  ended.then(({ code, stderr }) => end(whyEnded(ssh, code, stderr)), end)
  createInterface({ input: stdout }).on('line', line => {
    const said = heardIn<Answered>(line)
    if (said === null) return
    heardAt = performance.now()
    const asked = waiting.get(said.id)
    waiting.delete(said.id)
    if ('answer' in said) asked?.resolve(said.answer)
    else asked?.reject(failureAt(ssh.server, said.failure))
  })
  let last = 0
  const ask: Agent['ask'] = async (question, asked) => {
    if (gone !== null) throw gone
    const id = ++last
    const answer = Promise.withResolvers<unknown>()
    waiting.set(id, answer)
    stdin.write(`${JSON.stringify({ id, ask: question, with: asked })}\n`)
    return (await answer.promise) as never
  }
  const close = (): void => {
    clearInterval(asking)
    stdin.end()
  }
  const { protocol, version } = await ask('hello', null)
  if (protocol !== protocolVersion) {
    close()
    stop()
    const age = protocol > protocolVersion ? 'a newer' : 'an older'
    throw failureOf(
      ssh.server,
      'SERVER_TOOL_OTHER',
      `${ssh.server.name} has twinedge ${version}, which speaks ${age} language than this laptop`
    )
  }
  return { ask, close }
}

/** @returns null for a login's greeting, or for half a line, after which the line's end tells more */
export function heardIn<T>(line: string): T | null {
  if (!line.startsWith('{')) return null
  try {
    return JSON.parse(line) as T
  } catch {
    return null
  }
}

/** Why the tool there has ended, which nobody had asked it to. */
export function whyEnded({ server }: Ssh, code: number, stderr: string): EdgeError {
  const said = stderr.trim()
  // It ends like that when it has heard nothing for long: the laptop slept. A new one is as good.
  if (code === 0)
    return new EdgeError('SSH_UNREACHABLE', `${server.name} (${server.ssh}): it has heard nothing for long`)
  if (code === 127 || code === 126 || /command not found|No such file/.test(said)) {
    return withoutTool(server)
  }
  if (/^sudo:/m.test(said)) return new EdgeError('SSH_SUDO_REFUSED', `${server.ssh}: ${said}`)
  return failureOf(server, 'SERVER_TOOL_OTHER', `${server.name}: its twinedge ended with code ${code}: ${said}`)
}

/** Where something was run there that has failed, and may have said why: that there is no tool is told as such. */
export async function refuseWithoutTool(ssh: Ssh): Promise<void> {
  const { code, stderr } = await ssh.run(['test', '-x', toolOf(ssh)], { asRoot: true })
  if (code !== 0) throw /^sudo:/m.test(stderr) ? whyEnded(ssh, code, stderr) : withoutTool(ssh.server)
}

function withoutTool(server: ServerPlan): EdgeError {
  return failureOf(server, 'SERVER_TOOL_MISSING', `${server.name} (${server.ssh}) has no twinedge in ${server.folder}`)
}
