// Starts an authority on another network than the test's, and talks to it there.
import { answer } from '../../../bench/load/worker.ts'
import { type Pebble, type PebbleOptions, startPebble } from '../../pebble/pebble.ts'

const stops: (() => unknown)[] = []
let pebble: Pebble | undefined

const verbs = {
  async start(options: PebbleOptions): Promise<Pick<Pebble, 'directory' | 'ca' | 'caFile' | 'issuingRoot'>> {
    pebble = await startPebble({ teardown: stop => stops.unshift(stop) }, options)
    const { directory, ca, caFile, issuingRoot } = pebble
    return { directory, ca, caFile, issuingRoot }
  },
  async setDns({ domain, addresses }: { domain: string; addresses: readonly string[] }): Promise<void> {
    await pebble?.setDns(domain, addresses)
  },
  async close(): Promise<void> {
    for (const stop of stops.splice(0)) await stop()
  }
}
export type AuthorityVerbs = typeof verbs
answer(verbs)
