// The users of a site, all of them in a process of their own: so that what the test does delays nobody.
import { setTimeout as pause } from 'node:timers/promises'
import { answer } from '../../bench/load/worker.ts'
import { clientH1, clientH2, type Site } from './client.ts'
import { type Figures, Ledger } from './ledger.ts'
import { Requests } from './requests.ts'
import { talk } from './sockets.ts'
import { readChats } from './streams.ts'
import { upload } from './uploads.ts'

export interface CrowdSize {
  readonly requestsPerSecond: number
  /** At a time, each. */
  readonly streams: number
  readonly uploads: number
  readonly sockets: number
  readonly longestStreamMs: number
  readonly uploadBytes: number
  readonly uploadMs: number
}

const sessions = 6
const endMs = 100_000

let phase = new Ledger()
let ledger = new Ledger(phase)
let requests: Requests
const stopped = new AbortController()
const others: Promise<void>[] = []
const current = (): Ledger => ledger

const verbs = {
  /** Half of them over HTTP/1.1, half over HTTP/2. */
  start({ site, size }: { site: Site; size: CrowdSize }) {
    const h1 = clientH1(site)
    const h2 = Array.from({ length: sessions }, () => clientH2(site, () => ledger.count('sessionsEnded')))
    const clientOf = (nth: number) => (nth % 2 === 0 ? h1 : h2[(nth >> 1) % sessions]!)
    const { signal } = stopped
    const times = (count: number, begin: (nth: number) => Promise<void>): void => {
      for (let nth = 0; nth < count; nth++) others.push(begin(nth))
    }
    requests = new Requests(
      Array.from({ length: 2 * sessions }, (_, nth) => clientOf(nth)),
      current
    )
    beginPhase()
    requests.start(size.requestsPerSecond)
    times(size.streams, nth => readChats(clientOf(nth), current, { longestMs: size.longestStreamMs, signal }))
    const file = { bytes: size.uploadBytes, ms: size.uploadMs, signal }
    times(size.uploads, nth => upload(clientOf(nth), current, file))
    times(size.sockets, () => talk(site, current, signal))
  },
  /** What happened since it was asked last. */
  read(): Figures {
    const { figures } = ledger
    ledger = new Ledger(phase)
    return figures
  },
  /** The same of a phase, in which there may have been many readings. */
  readPhase(): Figures {
    const { figures } = phase
    beginPhase()
    return figures
  },
  /** What happened so far, without counting anew. */
  peek: (): Figures => ledger.figures,
  /** No one begins anything new. @returns what happened until the last has ended */
  async stop(): Promise<Figures> {
    requests.stop()
    stopped.abort()
    await Promise.race([Promise.all(others), pause(endMs)])
    for (const end = performance.now() + endMs; requests.underWay > 0 && performance.now() < end; ) await pause(50)
    return ledger.figures
  }
}
export type CrowdVerbs = typeof verbs
answer(verbs)

function beginPhase(): void {
  phase = new Ledger()
  ledger = new Ledger(phase)
}
