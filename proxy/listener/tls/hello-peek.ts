import type { Socket } from 'node:net'
import type { Timed } from '../../deadlines.ts'
import { type ClientHello, parseClientHello } from '../../tls/client-hello.ts'
import type { ClientConnection, ListenerContext } from '../context.ts'

/** Chromium's, with a post-quantum key in it, takes 2 KB. */
const MOST_BYTES = 16 * 1024

/** A new connection, read until its ClientHello is whole; then every byte is put back, as if nobody had looked. */
export class HelloPeek implements ClientConnection, Timed {
  readonly dueMs: number
  readonly #socket: Socket
  readonly #context: ListenerContext
  readonly #onHello: (hello: ClientHello | null) => void
  readonly #onReadable = (): void => this.#read()
  #bytes: Buffer = Buffer.alloc(0)
  #isOver = false

  /** @param onHello null: it is none, or a larger one than is waited for */
  constructor(socket: Socket, context: ListenerContext, onHello: (hello: ClientHello | null) => void) {
    this.#socket = socket
    this.#context = context
    this.#onHello = onHello
    this.dueMs = context.deadlines.nowMs + context.limits().headMs
    context.deadlines.watch(this)
    socket.on('readable', this.#onReadable)
    socket.once('close', () => this.#leave())
  }

  /** Nothing is in flight before the hello. */
  finish(): void {
    this.destroy()
  }

  destroy(): void {
    if (!this.#isOver) this.#socket.destroy()
  }

  onDue(): void {
    this.#socket.destroy()
  }

  #read(): void {
    const chunk = this.#socket.read() as Buffer | null
    if (chunk === null) return
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    const hello = parseClientHello(this.#bytes)
    if (hello === 'more' && this.#bytes.length < MOST_BYTES) return
    this.#leave()
    this.#socket.unshift(this.#bytes)
    this.#bytes = Buffer.alloc(0)
    this.#onHello(hello === 'more' ? null : hello)
  }

  #leave(): void {
    this.#isOver = true
    this.#context.deadlines.unwatch(this)
    this.#socket.off('readable', this.#onReadable)
  }
}
