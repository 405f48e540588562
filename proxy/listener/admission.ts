import type { LimitsConfig } from '../config/config.ts'
import { addressKey } from '../http/address-key.ts'

/** Counts client connections, in all and per address. */
export class Admission {
  readonly #limits: () => LimitsConfig
  readonly #isExempt: (address: string) => boolean
  readonly #perAddress = new Map<string, number>()
  #open = 0

  /** @param isExempt trusted proxies: many users share their address */
  constructor(limits: () => LimitsConfig, isExempt: (address: string) => boolean) {
    this.#limits = limits
    this.#isExempt = isExempt
  }

  get open(): number {
    return this.#open
  }

  /** @returns false when a limit is reached; else the connection counts until `release()` */
  admit(address: string): boolean {
    const limits = this.#limits()
    const key = addressKey(address)
    const held = this.#perAddress.get(key) ?? 0
    if (this.#open >= limits.connections) return false
    if (held >= limits.connectionsPerAddress && !this.#isExempt(address)) return false
    this.#open++
    this.#perAddress.set(key, held + 1)
    return true
  }

  release(address: string): void {
    const key = addressKey(address)
    const held = this.#perAddress.get(key) ?? 0
    this.#open--
    if (held <= 1) this.#perAddress.delete(key)
    else this.#perAddress.set(key, held - 1)
  }
}
