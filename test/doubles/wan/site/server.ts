import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import type { LinkStatus, StandbyAnswer, StandbyVerdict } from '../../../../proxy/control/protocol.ts'
import { type Outcome, twinedge } from '../../command.ts'
import { type EdgeProcess, type LogLine, startEdgeProcess } from '../../edge-process.ts'
import type { Place } from '../place.ts'
import type { Target } from '../programs/exchange.ts'

export type Role = 'frontend' | 'backend'

export const siteName = 'two.test'
export const linkPort = 7443
const LOOKS_FOR_MS = 60_000

/** One of the two: its edge, which may be started again on the same state, and an operator on it. */
export class Server {
  readonly role: Role
  readonly place: Place
  readonly state: string
  readonly #t: Pick<Test, 'teardown'>
  #edge: EdgeProcess | null = null
  #ca = ''

  private constructor(t: Pick<Test, 'teardown'>, role: Role, place: Place, state: string) {
    this.#t = t
    this.role = role
    this.place = place
    this.state = state
  }

  /** Its edge is not started yet. */
  static async make(t: Pick<Test, 'teardown'>, role: Role, place: Place): Promise<Server> {
    const state = await mkdtemp(join(tmpdir(), 'twinedge-'))
    t.teardown(() => rm(state, { recursive: true, force: true }))
    return new Server(t, role, place, state)
  }

  get edge(): EdgeProcess {
    if (this.#edge === null) throw new Error(`the edge of the ${this.role} was not started`)
    return this.#edge
  }

  get lines(): readonly LogLine[] {
    return this.edge.lines
  }

  /** Its edge, from now on by this configuration. @param via a command's start that runs what follows */
  async start(yaml: string, via: readonly string[] = []): Promise<void> {
    const inside = [...this.place.command, ...via]
    this.#edge = await startEdgeProcess(
      this.#t,
      `${yaml}state: "${this.state}"
`,
      {},
      inside
    )
    this.#ca = await readFile(join(this.state, 'local-ca', 'root.pem'), 'utf8').catch(() => '')
  }

  /** As visitors find it. */
  target(protocol: Target['protocol'] = 'h1', isFresh = true): Target {
    const { address } = this.place
    return { address, port: 443, name: siteName, protocol, isFresh, ...(this.#ca !== '' && { ca: this.#ca }) }
  }

  /** Resolves with the first line of its log, from now on, that is like that. @throws when none comes within a minute */
  async next(wanted: (line: LogLine) => boolean): Promise<LogLine> {
    const { edge } = this
    const before = new Set(this.lines)
    const found = (): LogLine | undefined => edge.lines.find(line => !before.has(line) && wanted(line))
    await until(
      () => found() !== undefined,
      () => `a line in the log of the ${this.role} like ${wanted}`
    )
    return found()!
  }

  /** An operator's command on this server. */
  twinedge(...args: string[]): Promise<Outcome> {
    return twinedge([...args, '--socket', join(this.state, 'control.sock')])
  }

  async link(): Promise<LinkStatus> {
    return JSON.parse((await this.twinedge('link', '--json')).out)
  }

  /** What `twinedge standby` says here of either server, the other one first. */
  async standby(...args: string[]): Promise<readonly StandbyVerdict[]> {
    return (JSON.parse((await this.twinedge('standby', ...args, '--json')).out) as StandbyAnswer).verdicts
  }

  /** Resolves as soon as the other one of the two is (not) said to be able to take over, with the verdict. */
  async verdict(wanted: (verdict: StandbyVerdict) => boolean, ...args: string[]): Promise<StandbyVerdict> {
    const isSelf = args.includes('--self')
    let last: StandbyVerdict | undefined
    await until(
      async () => {
        last = (await this.standby(...args)).find(one => one.isSelf === isSelf)
        return last !== undefined && wanted(last)
      },
      () => `what standby says on the ${this.role}: ${JSON.stringify(last)}`
    )
    return last!
  }

  /** Resolves as soon as its link is like that. */
  async linkUntil(wanted: (link: LinkStatus) => boolean): Promise<LinkStatus> {
    let last: LinkStatus | undefined
    await until(
      async () => {
        last = await this.link()
        return wanted(last)
      },
      () => `the link of the ${this.role}: ${JSON.stringify(last)}`
    )
    return last!
  }
}

export const isReady = ({ state, lines }: LinkStatus): boolean => state === 'up' && lines.spare >= lines.wanted

/** Looks until it is so. @throws after a minute of looking: far longer than anything here takes, even on a busy machine */
export async function until(isSo: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  const lateMs = performance.now() + LOOKS_FOR_MS
  while (!(await isSo())) {
    if (performance.now() > lateMs) throw new Error(`not within ${LOOKS_FOR_MS / 1000} s: ${what()}`)
    await pause(20)
  }
}
