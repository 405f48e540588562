// The load comes from processes of their own, so that what they spend is not in anybody's figure. One talks to them here.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as after } from 'node:timers/promises'

/** What a worker can be asked to do: each takes one argument and may answer later. */
// biome-ignore lint/suspicious/noExplicitAny: each verb has its own argument; `ask` checks it
export type Verbs = Record<string, (argument: any) => unknown>

const answerMs = 300_000 // an upload over a bad line takes its time

export class Worker<V extends Verbs> {
  readonly #process: ChildProcess
  #asked = 0

  /**
   * @param file beside this one, or a URL, without `.ts`
   * @param inside a command's start that puts what follows elsewhere: into a network namespace
   */
  constructor(file: string, inside: readonly string[] = []) {
    // Tests run under tap's loaders; what they start must not.
    const { NODE_OPTIONS: _, ...env } = process.env
    const [execPath = '', ...execArgv] = [...inside, process.execPath]
    this.#process = fork(new URL(`${file}.ts`, import.meta.url), { env, execPath, execArgv })
    this.#process.setMaxListeners(0)
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** @throws what the verb threw, or when the worker is gone, or silent for five minutes */
  async ask<K extends keyof V & string>(verb: K, argument: Parameters<V[K]>[0]): Promise<Awaited<ReturnType<V[K]>>> {
    const id = ++this.#asked
    const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<V[K]>>>()
    const onMessage = (answer: { id: number; value: Awaited<ReturnType<V[K]>>; failure?: string }): void => {
      if (answer.id !== id) return
      if (answer.failure === undefined) resolve(answer.value)
      else reject(new Error(answer.failure))
    }
    const onExit = (): void => reject(new Error(`the load process ended during ${verb}`))
    const late = setTimeout(() => reject(new Error(`${verb} took over ${answerMs / 1000} s`)), answerMs)
    this.#process.on('message', onMessage).once('exit', onExit)
    try {
      this.#process.send({ id, verb, argument })
      return await promise
    } finally {
      clearTimeout(late)
      this.#process.off('message', onMessage).off('exit', onExit)
    }
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGKILL') // it has nothing to save
    await Promise.race([ended, after(5_000, undefined, { ref: false })])
  }
}

/** The worker's side: answers until the bench is gone, and never outlives it. */
export function answer(verbs: Verbs): void {
  process.on('disconnect', () => process.exit())
  process.on('message', async ({ id, verb, argument }: { id: number; verb: string; argument: unknown }) => {
    try {
      process.send?.({ id, value: await verbs[verb]?.(argument) })
    } catch (error) {
      process.send?.({ id, failure: String(error) })
    }
  })
}
