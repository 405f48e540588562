import type { Readable } from 'node:stream'
import type { LogLevel } from '../config/config.ts'
import type { Log } from '../record/log.ts'
import type {
  AssetsAnswer,
  AssetsStatus,
  CertificatesAnswer,
  DrainRequest,
  DrainStatus,
  HealthAnswer,
  HoldRequest,
  HoldStatus,
  ImportAnswer,
  ImportRequest,
  LinkKeys,
  LinkMeasure,
  LinkStatus,
  MeasureRequest,
  PairRequest,
  ProbeAnswer,
  ProbeRequest,
  PromoteAnswer,
  PromoteRequest,
  ReloadAnswer,
  RenewAnswer,
  RenewRequest,
  StandbyAnswer,
  StatusAnswer,
  Tally,
  TallyRequest
} from './protocol.ts'

/** What an operator may ask of a running edge; edge.ts gives them. An EdgeError from one of them is answered as 409. */
export interface ControlActions {
  health(): HealthAnswer
  status(): StatusAnswer
  /** Prometheus text format. */
  metrics(): Promise<string>
  /** @throws EdgeError: then what ran goes on running */
  reload(): Promise<ReloadAnswer>
  certificates(): CertificatesAnswer
  /** Begins the orders, or makes the whole dry run. @throws EdgeError ACME_OFF */
  renewCertificates(request: RenewRequest): Promise<RenewAnswer>
  /** @throws EdgeError ACME_OFF, TLS_*, EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  importCertificates(request: ImportRequest): Promise<ImportAnswer>
  readonly slots: SlotActions
  readonly assets: AssetActions
  readonly link: LinkActions
  getLogLevel(): string
  setLogLevel(level: string): void
}

/** EDGE_USAGE, where there is no upstream or slot of that name, is answered as 400. */
export interface SlotActions {
  probe(request: ProbeRequest): Promise<ProbeAnswer>
  /** @throws EdgeError EDGE_SLOT_UNHEALTHY, EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  promote(request: PromoteRequest, asker: AbortSignal): Promise<PromoteAnswer>
  /** @throws EdgeError EDGE_SLOT_ACTIVE */
  drain(request: DrainRequest): DrainStatus
  hold(request: HoldRequest): HoldStatus
  tally(request: TallyRequest): Tally
}

export interface AssetActions {
  readonly status: AssetsStatus
  /** @throws EdgeError EDGE_ASSETS_OFF, EDGE_ASSETS_REFUSED, EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  take(tar: Readable): Promise<AssetsAnswer>
}

/** @throws EdgeError LINK_OFF where there is no link; so do all of these */
export interface LinkActions {
  status(): LinkStatus
  /** @throws EdgeError EDGE_USAGE, EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  pair(request: PairRequest): Promise<LinkKeys>
  /** @throws EdgeError LINK_DOWN: the next key is kept, and handed over later; EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  rotate(): Promise<LinkKeys>
  /** @throws EdgeError LINK_DOWN */
  measure(request: MeasureRequest): Promise<LinkMeasure>
  standby(): StandbyAnswer
}

/** What an operator's orders come down to. */
export interface Operated {
  readonly health: HealthAnswer
  readonly metrics: { render(): Promise<string> }
  readonly keyring: Keyring
  readonly slots: SlotActions
  readonly assets: AssetActions
  readonly link: LinkActions
  status(): StatusAnswer
  reload(): Promise<ReloadAnswer>
}

interface Keyring {
  answer(): CertificatesAnswer
  renew(request: RenewRequest): Promise<RenewAnswer>
  import(request: ImportRequest): Promise<ImportAnswer>
}

type Levelled = Pick<Log, 'getLevel' | 'setLevel'>

/** The orders that the control socket takes, carried out on a running edge. */
export function actionsOn(edge: Operated, log: Levelled): ControlActions {
  const { keyring, slots, assets, link } = edge
  return {
    health: () => edge.health,
    status: () => edge.status(),
    metrics: () => edge.metrics.render(),
    reload: () => edge.reload(),
    certificates: () => keyring.answer(),
    renewCertificates: request => keyring.renew(request),
    importCertificates: request => keyring.import(request),
    slots,
    assets,
    link,
    getLogLevel: () => log.getLevel(),
    setLogLevel: level => log.setLevel(level as LogLevel)
  }
}
