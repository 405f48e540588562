import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import type { HostPort } from '../../config/config.ts'
import type { Timed } from '../../deadlines.ts'
import { EdgeError, type FailureCode } from '../../errors.ts'
import { frame, type Hello, helloOf, readHello } from './frames.ts'
import { checkPeer, failureOfDial, type Keys, refusedBy, secureOptions } from './secure.ts'
import { Wire, type WireContext, type WireUser } from './wire.ts'

/** Who wants the wire. One of the two is called, once. */
export interface DialOwner {
  /** It is open, both ends know each other, and nobody uses it yet. */
  onWire(dial: Dial, wire: Wire, hello: Hello): void
  onFailed(dial: Dial, failure: EdgeError): void
}

/** One try to open a wire to the peer: connection, handshake, each other's key, the peer's first word. */
export class Dial implements Timed, WireUser {
  readonly dueMs: number
  readonly #where: string
  readonly #context: WireContext
  readonly #owner: DialOwner
  readonly #socket: TLSSocket
  #wire: Wire | null = null
  #isOver = false

  constructor(peer: HostPort, keys: Keys, context: WireContext, owner: DialOwner) {
    this.#where = placeOf(peer)
    this.#context = context
    this.#owner = owner
    this.dueMs = context.deadlines.nowMs + context.roundTrip.handshakeMs
    context.deadlines.watch(this)
    // A pinned key stands for a name: none is sent, none is checked.
    const options: ConnectionOptions = {
      ...secureOptions(keys),
      servername: '',
      checkServerIdentity: () => undefined
    }
    this.#socket = connect(peer.port, peer.host, options)
    this.#socket.on('error', error => this.#fail(failureOfDial(error, this.#where)))
    this.#socket.once('close', () => this.#give('LINK_UNREACHABLE', `${this.#where}: closed in the handshake`))
    this.#socket.once('secureConnect', () => this.#greet(keys))
  }

  cancel(): void {
    if (!this.#leave()) return
    this.#wire?.destroy()
    this.#socket.destroy()
  }

  onDue(): void {
    this.#give(
      'LINK_UNREACHABLE',
      `${this.#where}: no answer within ${Math.round(this.#context.roundTrip.handshakeMs)} ms`
    )
  }

  onData(): void {
    this.#give('LINK_PEER_REFUSED', `${this.#where}: another first word than hello`)
  }

  onFrame(type: number, payload: Buffer): void {
    if (type === frame.refuse) return this.#fail(refusedBy(payload.toString()))
    const hello = type === frame.hello ? readHello(payload) : null
    if (hello === null) this.onData()
    else if (this.#leave()) this.#owner.onWire(this, this.#wire!, hello)
  }

  onWritable(): void {}

  onClosed(why: string): void {
    this.#give('LINK_UNREACHABLE', `${this.#where}: ${why}`)
  }

  #greet(keys: Keys): void {
    try {
      this.#wire = new Wire(this.#socket, checkPeer(this.#socket, keys), this.#context, this)
      this.#wire.isPinging = true
      this.#wire.send(frame.hello, helloOf({ instance: this.#context.instance }))
    } catch (error) {
      this.#fail(failureOfDial(error, this.#where))
    }
  }

  #give(code: FailureCode, detail: string): void {
    this.#fail(new EdgeError(code, detail))
  }

  #fail(failure: EdgeError): void {
    if (!this.#leave()) return
    this.#wire?.destroy()
    this.#socket.destroy()
    this.#owner.onFailed(this, failure)
  }

  #leave(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#context.deadlines.unwatch(this)
    return true
  }
}

/** Host and port as they are written. */
export function placeOf({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
