import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { python } from './ip.ts'

/** A direction, by whose packets they are: also the names of the emulator's devices. */
export const directions = ['from-frontend', 'from-backend'] as const
export type Direction = (typeof directions)[number]

export interface DirectionStats {
  /** That came in, whatever became of them. */
  readonly packets: number
  readonly bytes: number
  /** Lost on purpose. */
  readonly dropped: number
  /** Lost because the emulator did not keep up: figures hold when it is 0. */
  readonly overrun: number
}

/** A line between two devices, at packet level; its program and the meaning of each command: wan.py. */
export class Wan<D extends string = Direction> {
  readonly #program: ChildProcessByStdio<Writable, Readable, null>
  readonly #waiting: PromiseWithResolvers<string>[] = []

  /**
   * @param command starts it where its two devices are
   * @param devices each is also the name of the direction whose packets come in there
   */
  constructor(command: readonly string[], devices: readonly [D, D]) {
    const program = fileURLToPath(new URL('wan.py', import.meta.url))
    const [first = '', ...rest] = [...command, python, program, ...devices]
    this.#program = spawn(first, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#program.stdin.on('error', () => {}) // its end tells more
    this.#program.once('close', () => this.#end())
    createInterface(this.#program.stdout).on('line', line => this.#waiting.shift()?.resolve(line))
  }

  /** Resolves as soon as packets pass. */
  async started(): Promise<void> {
    await this.#answer()
  }

  async delay(ms: number, direction: D | '' = ''): Promise<void> {
    await this.#ask(`delay ${ms} ${direction}`)
  }

  /** @param share 0 to 1 */
  async loss(share: number, direction: D | '' = ''): Promise<void> {
    await this.#ask(`loss ${share} ${direction}`)
  }

  /** Loses of one TCP connection more, or less, than of the others. 0: as of the others. */
  async lossOfPort(port: number, share: number): Promise<void> {
    await this.#ask(`loss-flow ${port} ${share}`)
  }

  /** From here on nothing passes, and nobody is told: what a cable does that somebody has cut. */
  async cut(): Promise<void> {
    await this.#ask('cut')
  }

  async heal(): Promise<void> {
    await this.#ask('heal')
  }

  async stats(): Promise<Record<D, DirectionStats>> {
    return JSON.parse(await this.#ask('stats'))
  }

  /** What has passed of each TCP connection since this was asked last. */
  async flows(): Promise<{ from: number; to: number; packets: number; bytes: number }[]> {
    const seen = JSON.parse(await this.#ask('flows')) as Record<string, { packets: number; bytes: number }>
    return Object.entries(seen).map(([ports, sizes]) => {
      const [from = 0, to = 0] = ports.split('-').map(Number)
      return { from, to, ...sizes }
    })
  }

  /** @param text one word: packets are looked through for it, from now on */
  async look(text: string): Promise<void> {
    await this.#ask(`look ${text}`)
  }

  /** How many packets it was in, in clear text. */
  async seen(): Promise<number> {
    return Number(await this.#ask('seen'))
  }

  stop(): void {
    this.#program.stdin.end()
  }

  async #ask(command: string): Promise<string> {
    if (!this.#program.stdin.writable) throw new Error('the line has ended')
    this.#program.stdin.write(`${command}\n`)
    const answer = await this.#answer()
    if (answer.startsWith('error')) throw new Error(`${command}: ${answer}`)
    return answer
  }

  #answer(): Promise<string> {
    const waiting = Promise.withResolvers<string>()
    this.#waiting.push(waiting)
    return waiting.promise
  }

  #end(): void {
    for (const each of this.#waiting.splice(0)) each.reject(new Error('the line has ended'))
  }
}
