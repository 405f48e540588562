import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Deadlines } from '../../../proxy/deadlines.ts'
import type { EdgeError } from '../../../proxy/errors.ts'
import { Incoming } from '../../../proxy/link/incoming.ts'
import { LinkKeys } from '../../../proxy/link/keys/link-keys.ts'
import type { Line } from '../../../proxy/link/line/line.ts'
import { Budget } from '../../../proxy/link/line/outbox.ts'
import { RoundTrip } from '../../../proxy/link/line/round-trip.ts'
import type { WireContext } from '../../../proxy/link/line/wire.ts'
import { Outgoing } from '../../../proxy/link/outgoing.ts'
import { openDoor } from '../../../proxy/listener/listener.ts'
import { Relay } from './relay.ts'

/** Time as the ends see it, which a test can let pass at once. */
export class Clock {
  readonly #deadlines = new Set<Deadlines>()
  #aheadMs = 0

  deadlines(t: Test): Deadlines {
    const made = new Deadlines(() => performance.now() + this.#aheadMs)
    this.#deadlines.add(made)
    t.teardown(() => this.#deadlines.delete(made))
    return made
  }

  /** In steps, as it passes for a process that runs. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 250) {
      this.#aheadMs += Math.min(250, left)
      for (const deadlines of this.#deadlines) deadlines.tick()
    }
  }

  /** At once, as for one that was stopped. */
  leap(ms: number): void {
    this.#aheadMs += ms
    for (const deadlines of this.#deadlines) deadlines.tick()
  }
}

/** One process of the peer. */
export interface Acceptor {
  readonly incoming: Incoming
  readonly budget: Budget
  readonly wires: WireContext
  readonly port: number
  readonly lines: Line[]
  readonly refused: EdgeError[]
  close(): void
}

/** Both ends of a link, with nothing above the lines, over real TLS, and a relay between them. */
export interface Ends {
  readonly clock: Clock
  readonly relay: Relay
  readonly outgoing: Outgoing
  readonly budget: Budget
  readonly wires: WireContext
  readonly keys: readonly [dialer: LinkKeys, acceptor: LinkKeys]
  readonly states: (EdgeError | null)[]
  acceptor: Acceptor
  /** A line, and its end at the acceptor: each has heard of the other. */
  open(): Promise<readonly [Line, Line]>
  /** The acceptor is another process from here on. */
  restart(): Promise<void>
}

const bytesForAll = 48 * 1_048_576

export async function startEnds(t: Test, options: { budgetBytes?: number } = {}): Promise<Ends> {
  const { budgetBytes = bytesForAll } = options
  const clock = new Clock()
  const keys = [await keysIn(t), await keysIn(t)] as const
  await keys[0].pin(keys[1].current.fingerprint)
  await keys[1].pin(keys[0].current.fingerprint)
  const contextOf = (instance: string): WireContext => {
    return { instance, deadlines: clock.deadlines(t), roundTrip: new RoundTrip() }
  }
  const accept = (instance: string): Promise<Acceptor> => startAcceptor(t, keys[1], contextOf(instance), budgetBytes)
  let acceptor = await accept('acceptor 1')
  const relay = await Relay.start(t, () => acceptor.port)
  const budget = new Budget(budgetBytes)
  const states: (EdgeError | null)[] = []
  const up = Promise.withResolvers<void>()
  const wires = contextOf('dialer 1')
  const outgoing = new Outgoing({
    peer: { host: '127.0.0.1', port: relay.port },
    keys: keys[0],
    wires,
    budget,
    onState(failure) {
      states.push(failure)
      if (failure === null) up.resolve()
    }
  })
  t.teardown(() => outgoing.stop())
  await up.promise
  return {
    ...{ clock, relay, outgoing, budget, wires, keys, states },
    get acceptor() {
      return acceptor
    },
    async open() {
      const line = outgoing.take()
      line.write('!')
      const end = await endOf(acceptor, line)
      end.write('!')
      await until(() => line.readableLength > 0, 'the first byte back')
      line.read(1)
      return [line, end]
    },
    async restart() {
      acceptor.close()
      acceptor = await accept('acceptor 2')
    }
  }
}

async function startAcceptor(t: Test, keys: LinkKeys, wires: WireContext, budgetBytes: number): Promise<Acceptor> {
  const lines: Line[] = []
  const refused: EdgeError[] = []
  const budget = new Budget(budgetBytes)
  const incoming = new Incoming({
    ...{ keys, wires, budget },
    onLine: line => void lines.push(line),
    onPeer() {},
    onRefused: failure => void refused.push(failure)
  })
  const door = await openDoor(
    { host: '127.0.0.1', port: 0 },
    () => true,
    socket => incoming.accept(socket)
  )
  const close = (): void => {
    incoming.stop()
    void door.close()
  }
  t.teardown(close)
  return { incoming, budget, wires, lines, refused, close, port: door.port }
}

/** The acceptor's end of a line, once it is there and its first byte was taken off. */
async function endOf(acceptor: Acceptor, { id }: Line): Promise<Line> {
  const find = (): Line | undefined => acceptor.lines.find(line => line.id.equals(id))
  await until(() => find() !== undefined, 'a line at the other side')
  const end = find()!
  await until(() => end.readableLength > 0, 'its first byte')
  end.read(1)
  return end
}

/** Resolves when it is so. @throws when it is not within ten seconds */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + 10_000
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`waited in vain for ${what}`)
    const { promise, resolve } = Promise.withResolvers<void>()
    setTimeout(resolve, 2)
    await promise
  }
}

async function keysIn(t: Test): Promise<LinkKeys> {
  const folder = await mkdtemp(join(tmpdir(), 'twinedge-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return LinkKeys.open(folder, new Date(), warning => t.fail(warning))
}
