import { write, writeSync } from 'node:fs'

const flushBytes = 32_768
const flushMs = 250
const retryMs = 20
/** A reader that has stopped must not make the edge grow: lines on top of these are dropped, counted and confessed. */
const waitingLimit = 4 * 1_024 * 1_024

/**
 * Lines on their way to a file descriptor: gathered for 250 ms or 32 kB, written beside the event loop, one write at a
 * time, whatever is at the other end. (sonic-boom, pino's own, measures each line twice, which costs more than making
 * it; and its flushSync never returns once the reader has gone.)
 */
export class Output {
  /** Told how many lines were dropped, when there is room again. */
  onDropped: (lines: number) => void = () => {}
  readonly #fd: number
  readonly #gatherBytes: number
  #waiting = ''
  #writing: Buffer | null = null
  #dropped = 0
  #isBroken = false
  #timer: NodeJS.Timeout | null = null
  #onEmpty: (() => void)[] = []

  /** @param isEager writes each line at once: somebody is watching */
  constructor(fd: number, isEager: boolean) {
    this.#fd = fd
    this.#gatherBytes = isEager ? 1 : flushBytes
  }

  append(line: string): void {
    if (this.#isBroken) return
    if (this.#waiting.length > waitingLimit) {
      this.#dropped += 1
      return
    }
    this.#waiting += line
    if (this.#writing !== null) return
    if (this.#waiting.length >= this.#gatherBytes) this.#pass()
    else this.#timer ??= setTimeout(() => this.#pass(), flushMs).unref()
  }

  /** Resolves when every line so far is with the kernel, or after a second of a reader that takes nothing. */
  async flush(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const late = setTimeout(resolve, 1_000)
    this.#onEmpty.push(resolve)
    if (this.#writing === null) this.#pass()
    await promise
    clearTimeout(late)
  }

  /** For a process that is about to end; what is being written at this moment is left to the kernel. */
  flushSync(): void {
    let rest = Buffer.from(this.#waiting)
    this.#waiting = ''
    for (let tries = 0; rest.length > 0 && tries < 50 && !this.#isBroken; tries++) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest))
      } catch (cause) {
        this.#isBroken = !isFull(cause)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs)
      }
    }
  }

  #pass(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#waiting === '') return this.#rest()
    this.#writing = Buffer.from(this.#waiting)
    this.#waiting = ''
    const dropped = this.#dropped
    this.#dropped = 0
    if (dropped > 0) this.onDropped(dropped)
    this.#write(this.#writing)
  }

  #write(bytes: Buffer): void {
    write(this.#fd, bytes, (cause, written) => {
      if (cause !== null && !isFull(cause)) return this.#break()
      const rest = bytes.subarray(cause === null ? written : 0)
      if (rest.length > 0) setTimeout(() => this.#write(rest), cause === null ? 0 : retryMs)
      else this.#rest()
    })
  }

  /** Nothing is being written: go on, or tell those who wait for that. */
  #rest(): void {
    this.#writing = null
    if (this.#waiting.length >= this.#gatherBytes || (this.#waiting !== '' && this.#onEmpty.length > 0)) {
      this.#pass()
    } else if (this.#waiting !== '') this.#timer ??= setTimeout(() => this.#pass(), flushMs).unref()
    else for (const resolve of this.#onEmpty.splice(0)) resolve()
  }

  /** The reader is gone for good (`twinedge run | head`): the edge goes on without a log. */
  #break(): void {
    this.#isBroken = true
    this.#waiting = ''
    this.#dropped = 0
    this.#rest()
  }
}

function isFull(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === 'EAGAIN'
}
