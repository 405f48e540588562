import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import type { LinkConfig } from '../config/config.ts'

/** A name's addresses change seldom; a stranger must not make us ask for them each time. */
const LOOK_MS = 30_000

/** From where the peer may come: its own addresses, and what the operator names besides. */
export class Welcome {
  readonly #host: string
  readonly #blocks = new BlockList()
  #named: ReadonlySet<string> = new Set()
  #lookedMs = Number.NEGATIVE_INFINITY

  constructor({ peer, from }: LinkConfig) {
    this.#host = peer.host
    if (isIP(peer.host) !== 0) this.#blocks.addAddress(peer.host, familyOf(peer.host))
    for (const block of from) {
      const [address = '', bits = ''] = block.split('/')
      this.#blocks.addSubnet(address, Number(bits), familyOf(address))
    }
  }

  /** @param address IPv4 in IPv6 as IPv4 */
  admits(address: string, nowMs: number): boolean {
    if (isIP(address) === 0) return false
    if (this.#blocks.check(address, familyOf(address)) || this.#named.has(address)) return true
    // It may have moved: its next try finds the door open.
    void this.look(nowMs)
    return false
  }

  /** Never throws: what cannot be found is tried again. */
  async look(nowMs: number): Promise<void> {
    if (isIP(this.#host) !== 0 || nowMs - this.#lookedMs < LOOK_MS) return
    this.#lookedMs = nowMs
    const found = await lookup(this.#host, { all: true }).catch(() => [])
    if (found.length > 0) this.#named = new Set(found.map(({ address }) => address))
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return address.includes(':') ? 'ipv6' : 'ipv4'
}
