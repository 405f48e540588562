import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { FailureCode } from '../../errors.ts'
import { printable } from '../../record/terminal.ts'
import type { Authority, Directory, Issued, OpenChallenges, Order, Outcome, RenewalInfo } from '../authority.ts'
import type { FromChild, ToChild } from './messages.ts'

const usualDeadlineMs = 300_000
/** For a child that has answered, to end by itself. */
const goodbyeMs = 1_000
const longestErrorChars = 4_000

export interface ProcessAuthorityOptions {
  /** For a whole question. */
  readonly deadlineMs?: number
  /** The module that the child runs. */
  readonly program?: string
}

type Answer = Extract<FromChild, { say: 'answer' }>['outcome']
type Question = Exclude<ToChild, { say: 'opened' }>

/**
 * Asks an authority from a process of its own, one per question: what it takes to speak ACME (31 MB, 400 ms of
 * loading) is given back with it, and nothing that goes wrong in it is more than a refusal.
 */
export class ProcessAuthority implements Authority {
  readonly #deadlineMs: number
  readonly #program: string
  readonly #conversations = new Set<Conversation>()

  constructor({ deadlineMs = usualDeadlineMs, program }: ProcessAuthorityOptions = {}) {
    this.#deadlineMs = deadlineMs
    this.#program = program ?? join(import.meta.dirname, 'ca-process.ts')
  }

  async order(order: Order, challenges: OpenChallenges): Promise<Outcome<Issued>> {
    try {
      return (await this.#ask({ say: 'order', order }, challenges)) as Outcome<Issued>
    } finally {
      challenges.closeAll()
    }
  }

  async renewalInfo(directory: Directory, cert: string): Promise<Outcome<RenewalInfo | null>> {
    return (await this.#ask({ say: 'advice', directory, cert }, null)) as Outcome<RenewalInfo | null>
  }

  /** Ends what is being asked, with EDGE_STOPPING; resolves when no child is left. */
  async stop(): Promise<void> {
    const ends = [...this.#conversations].map(conversation => {
      conversation.end('EDGE_STOPPING', 'the edge stops')
      return conversation.outcome
    })
    await Promise.all(ends)
  }

  async #ask(question: Question, challenges: OpenChallenges | null): Promise<Answer> {
    let conversation: Conversation | null = null
    try {
      conversation = new Conversation(this.#program, challenges)
      this.#conversations.add(conversation)
      return await conversation.ask(question, this.#deadlineMs)
    } catch (cause) {
      return refusal('EDGE_INTERNAL', `no process to ask the authority from: ${(cause as Error).message}`)
    } finally {
      if (conversation !== null) this.#conversations.delete(conversation)
    }
  }
}

/** One question to one child. */
class Conversation {
  readonly #child: ChildProcess
  readonly #challenges: OpenChallenges | null
  readonly #done = Promise.withResolvers<Answer>()
  #answer: Answer | null = null
  #at = 'starting'
  #errors = ''

  constructor(program: string, challenges: OpenChallenges | null) {
    this.#challenges = challenges
    // Loaders and flags are this process's own affair.
    const { NODE_OPTIONS: _, ...env } = process.env
    // A group of its own: a terminal's Ctrl-C is for the edge, which then ends its child.
    const options = { env, execArgv: [], detached: true, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] as const }
    this.#child = fork(program, [], { ...options, stdio: [...options.stdio] })
    this.#child.stderr?.on('data', chunk => {
      this.#errors = `${this.#errors}${chunk}`.slice(-longestErrorChars)
    })
  }

  /** Settles when the child is gone. */
  get outcome(): Promise<Answer> {
    return this.#done.promise
  }

  async ask(question: Question, deadlineMs: number): Promise<Answer> {
    const deadline = setTimeout(() => {
      this.end('ACME_AUTHORITY_FAILED', `not done within ${deadlineMs / 1_000} s; it was at: ${this.#at}`)
    }, deadlineMs)
    this.#child.on('message', (message: FromChild) => this.#hear(message))
    this.#child.on('error', cause => this.end('EDGE_INTERNAL', `the process that asks: ${cause.message}`))
    // Unlike `exit`, with all that it has said.
    this.#child.on('close', (code, signal) => this.#done.resolve(this.#answer ?? this.#crash(code, signal)))
    this.#tell(question)
    try {
      return await this.#done.promise
    } finally {
      clearTimeout(deadline)
    }
  }

  /** What is answered first counts. */
  end(code: FailureCode, detail: string): void {
    this.#answer ??= refusal(code, detail)
    this.#child.kill('SIGKILL')
  }

  #hear(message: FromChild): void {
    try {
      this.#obey(message)
    } catch (cause) {
      this.end('EDGE_INTERNAL', `a challenge could not be opened: ${(cause as Error).message}`)
    }
  }

  #obey(message: FromChild): void {
    if (message.say === 'at') this.#at = message.what
    else if (message.say === 'answer') {
      this.#answer ??= message.outcome
      const late = setTimeout(() => this.#child.kill('SIGKILL'), goodbyeMs)
      this.#child.once('exit', () => clearTimeout(late))
    } else {
      if (message.say === 'open-http') this.#challenges?.openHttp(message.token)
      else this.#challenges?.openAlpn(message.domain, message.pair)
      this.#tell({ say: 'opened', id: message.id })
    }
  }

  #tell(message: ToChild): void {
    // A child that is gone says so by its exit.
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  #crash(code: number | null, signal: NodeJS.Signals | null): Answer {
    const last =
      this.#errors
        .trim()
        .split('\n')
        .findLast(line => /Error|error/.test(line)) ?? ''
    // By hand, or by the kernel where memory is short: nothing of ours has failed.
    if (signal === 'SIGKILL')
      return refusal(
        'ACME_AUTHORITY_FAILED',
        `what asked the authority was killed: is memory short? It was at: ${this.#at}`
      )
    const end = signal === null ? `exit ${code}` : signal
    return refusal('EDGE_INTERNAL', `the process that asks the authority ended (${end}), at: ${this.#at}. ${last}`)
  }
}

function refusal(code: FailureCode, detail: string): Answer {
  return { refused: { code, detail: printable(detail.trim()), retryAt: null } }
}
