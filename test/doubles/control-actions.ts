import type { Readable } from 'node:stream'
import type { AssetActions, ControlActions, LinkActions, SlotActions } from '../../proxy/control/actions.ts'
import type {
  AssetsAnswer,
  AssetsStatus,
  CertificatesAnswer,
  DrainStatus,
  HoldStatus,
  ImportAnswer,
  ImportRequest,
  LinkMeasure,
  LinkStatus,
  MeasureRequest,
  PairRequest,
  RenewAnswer,
  RenewalStatus,
  RenewRequest,
  StandbyAnswer,
  StatusAnswer,
  Tally
} from '../../proxy/control/protocol.ts'

const nowhere = {
  streams: 0,
  webSockets: 0,
  drain: null,
  hold: { mode: 'open', waiting: 0 },
  tally: { since: new Date(0).toISOString(), requests: 0, failed: 0, streamsCut: 0, longestMs: 0 }
} as const

export const status: StatusAnswer = {
  server: 'frontend',
  version: '0.1.0',
  pid: 4_242,
  startedAt: new Date(Date.now() - 7_200_000).toISOString(),
  configFile: '/etc/twinedge/frontend.yaml',
  configLoadedAt: new Date(Date.now() - 60_000).toISOString(),
  logLevel: 'info',
  connections: 12,
  inFlight: 3,
  upstreams: [
    {
      name: 'web',
      slot: 'blue',
      origin: 'http://127.0.0.1:3001',
      isActive: true,
      health: 'up',
      lastProbe: '200 in 3 ms',
      inFlight: 2,
      connections: 4,
      owned: 0,
      ...nowhere
    },
    {
      name: 'api',
      slot: 'only',
      origin: 'http://127.0.0.1:8000',
      isActive: true,
      health: 'down',
      lastProbe: 'ECONNREFUSED \u001b[2J',
      inFlight: 0,
      connections: 0,
      owned: 0,
      ...nowhere
    }
  ],
  certificates: [
    {
      domains: ['example.com', 'www.example.com'],
      issuer: 'CN=local authority',
      beginsAt: new Date(Date.now() - 77.5 * 86_400_000).toISOString(),
      expiresAt: new Date(Date.now() + 12.5 * 86_400_000).toISOString(),
      isLocal: true
    }
  ],
  renewals: [],
  link: {
    state: 'up',
    peer: '203.0.113.7:7443',
    fault: null,
    roundTripMs: 201,
    lines: { spare: 15, wanted: 16, inUse: 3, incoming: 17, resumed: 2 }
  }
}

/** A moment so many days from now. */
export function inDays(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString()
}

/** A certificate that is good for another 60 days. */
export function renewal(name: string, differences: Partial<RenewalStatus> = {}): RenewalStatus {
  return {
    name,
    domains: [name],
    state: 'waiting',
    issuer: "C=US, O=Let's Encrypt, CN=E7",
    expiresAt: inDays(60.5),
    nextAt: inDays(30.5),
    reason: 'age',
    failures: 0,
    lastError: null,
    ...differences
  }
}

/** Slots with nothing in them: they remember what was asked for, and do it if `fail` is null. */
export class StubSlots implements SlotActions {
  readonly asked: unknown[] = []
  fail: Error | null = null

  async probe(request: unknown) {
    return this.#take(request, { isGood: true, saw: '200 ok' })
  }
  async promote(request: { upstream: string; slot: string }) {
    const { upstream, slot } = request
    return this.#take(request, { upstream, slot, before: 'blue', probes: ['200 ok'] })
  }
  drain(request: unknown): DrainStatus {
    const at = new Date(0).toISOString()
    const carried = { requests: 1, streams: 2, webSockets: 3 }
    return this.#take(request, { beganAt: at, cutAt: at, carried, cut: 0, isDone: false })
  }
  hold(request: { mode: HoldStatus['mode'] }): HoldStatus {
    return this.#take(request, { mode: request.mode, waiting: 4 })
  }
  tally(request: unknown): Tally {
    return this.#take(request, nowhere.tally)
  }
  #take<T>(request: unknown, answer: T): T {
    this.asked.push(request)
    if (this.fail !== null) throw this.fail
    return answer
  }
}

/** A store that keeps nothing but the bytes that came. */
export class StubAssets implements AssetActions {
  status: AssetsStatus = { upstream: 'web', builds: [], files: 0, bytes: 0 }
  taken = Buffer.alloc(0)
  fail: Error | null = null

  async take(tar: Readable): Promise<AssetsAnswer> {
    if (this.fail !== null) throw this.fail
    this.taken = Buffer.concat(await tar.toArray())
    return { id: 'b'.repeat(32), files: 3, bytes: 300, newFiles: 2, newBytes: 200, contested: [] }
  }
}

const ownKey = { fingerprint: `SHA256:${'o'.repeat(42)}A`, madeAt: inDays(-10), expiresAt: inDays(355.5) }
const peerKey = { fingerprint: `SHA256:${'p'.repeat(42)}A`, madeAt: inDays(-345), expiresAt: inDays(20.5) }
/** As `twinedge link pair` prints them. */
export const fingerprints = { own: ownKey.fingerprint, peer: peerKey.fingerprint }

/** A link that is up. */
export const linkStatus: LinkStatus = {
  state: 'up',
  since: new Date(Date.now() - 7_200_000).toISOString(),
  peer: '203.0.113.7:7443',
  fault: null,
  roundTripMs: 201.4,
  lines: { spare: 15, wanted: 16, inUse: 3, incoming: 17, resumed: 2 },
  keys: { own: ownKey, next: null, peer: [peerKey] },
  report: null,
  reportedAt: null,
  clockAheadMs: 12
}

/** It remembers what was asked for, and does it if `fail` is null. */
export class StubLink implements LinkActions {
  readonly asked: unknown[] = []
  fail: Error | null = null
  /** What the next looks at it find; the last one stays. */
  seen: LinkStatus[] = [linkStatus]

  status(): LinkStatus {
    const [first = linkStatus, ...more] = this.seen
    if (more.length > 0) this.seen = more
    return this.#take('status', first)
  }
  async pair(request: PairRequest) {
    return this.#take(request, this.seen[0]!.keys)
  }
  async rotate() {
    return this.#take('rotate', this.seen[0]!.keys)
  }
  async measure(request: MeasureRequest): Promise<LinkMeasure> {
    const roundTripMs = { least: 200, median: 201, most: 240 }
    return this.#take(request, { roundTripMs, messages: { sent: 100, late: 1 }, up: 9e6, down: 8e6 })
  }
  standby(): StandbyAnswer {
    return this.#take('standby', { verdicts: [] })
  }
  #take<T>(request: unknown, answer: T): T {
    this.asked.push(request)
    if (this.fail !== null) throw this.fail
    return answer
  }
}

/** An edge as its operator sees it, with nothing behind it. */
export class StubActions implements ControlActions {
  level = 'info'
  isStopping = false
  /** What the next reload does. */
  onReload: () => readonly string[] = () => ['routes']
  onMetrics: () => string = () => 'twinedge_connections 12\n'
  listed: CertificatesAnswer = { mode: 'local', certificates: status.certificates, renewals: [], thumbprint: null }
  /** What was asked for, in this order. */
  readonly renewed: RenewRequest[] = []
  readonly imported: ImportRequest[] = []
  onRenew: (request: RenewRequest) => RenewAnswer | Promise<RenewAnswer> = () => ({ renewals: [] })
  onImport: (request: ImportRequest) => ImportAnswer | Promise<ImportAnswer> = () => ({ certificates: [] })

  health() {
    return {
      status: this.isStopping ? ('stopping' as const) : ('ok' as const),
      warnings: ['example.com: 12 days left']
    }
  }
  status() {
    return { ...status, logLevel: this.level }
  }
  async metrics() {
    return this.onMetrics()
  }
  async reload() {
    return { changed: this.onReload() }
  }
  certificates() {
    return this.listed
  }
  async renewCertificates(request: RenewRequest) {
    this.renewed.push(request)
    return this.onRenew(request)
  }
  async importCertificates(request: ImportRequest) {
    this.imported.push(request)
    return this.onImport(request)
  }
  readonly slots = new StubSlots()
  readonly assets = new StubAssets()
  readonly link = new StubLink()
  getLogLevel() {
    return this.level
  }
  setLogLevel(level: string) {
    this.level = level
  }
}
