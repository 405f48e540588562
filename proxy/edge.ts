import { Assets } from './assets/assets.ts'
import type { EdgeConfig } from './config/config.ts'
import { actionsOn, type LinkActions } from './control/actions.ts'
import type { HealthAnswer, ReloadAnswer, StatusAnswer } from './control/protocol.ts'
import { type Control, startControl } from './control/server.ts'
import { Deadlines } from './deadlines.ts'
import { EdgeError } from './errors.ts'
import { buildSite, cutAll, type Site, statusOf, switchUpstreams, upstreamLog, warningsOf } from './forward/site.ts'
import { Keyring } from './keyring.ts'
import { Admission } from './listener/admission.ts'
import { createAccessLog } from './record/access-line.ts'
import type { Log } from './record/log.ts'
import { createMetrics, type Metrics } from './record/metrics.ts'
import { SlotDesk } from './upstream/slot-desk.ts'
import { ActiveSlots } from './upstream/slots/active-slots.ts'
import type { UpstreamContext } from './upstream/upstream.ts'
import { Entrances } from './wiring/entrances.ts'
import { Peering } from './wiring/peering.ts'
import { applicable, changesBetween, ReloadQueue } from './wiring/reload.ts'

export interface EdgeOptions {
  /** Reads the configuration, at the start and at each reload. */
  load(): Promise<EdgeConfig>
  readonly log: Log
  readonly configFile: string | null
  readonly version: string
}

/** Composition root: builds everything, starts it in order, and stops it in reverse. It sees no request. */
export class Edge {
  readonly #options: EdgeOptions
  readonly #deadlines = new Deadlines()
  readonly #admission: Admission
  readonly #entrances: Entrances
  readonly #reloads: ReloadQueue
  readonly #upstreams: UpstreamContext
  readonly #startedAt = new Date()
  #loadedAt = new Date()
  #site: Site
  /** The certificates that serve, and what an operator may do about them. */
  readonly keyring: Keyring
  /** Which slots serve, and what an operator may do about them. */
  readonly slots: SlotDesk
  /** The files of this build and earlier ones, which it serves itself. */
  readonly assets: Assets
  readonly #peering: Peering
  readonly metrics: Metrics
  #control: Control | null = null
  readonly #isTrusted = (address: string): boolean => this.#site.isTrusted?.(address) ?? false
  #isStopping = false

  private constructor(options: EdgeOptions, config: EdgeConfig, keyring: Keyring, active: ActiveSlots) {
    const { log } = options
    this.#options = options
    this.keyring = keyring
    const entrances = (): Entrances => this.#entrances
    this.#peering = new Peering({ deadlines: this.#deadlines, log, witness: this, entrances })
    const promotedSlot: UpstreamContext['promotedSlot'] = of => active.of(of)
    this.#upstreams = { deadlines: this.#deadlines, peer: this.#peering.link, promotedSlot, ...upstreamLog(log) }
    this.#site = buildSite(config, this.#upstreams, null)
    this.assets = new Assets(config.stateFolder, () => this.config.assets, log)
    this.#admission = new Admission(() => this.config.limits, this.#isTrusted)
    this.metrics = createMetrics(() => this.status())
    this.#entrances = this.#createEntrances()
    this.#reloads = new ReloadQueue(() => this.#reload(), log)
    this.slots = new SlotDesk({
      upstreams: () => this.#site.upstreams,
      active,
      inTurn: change => this.#reloads.inTurn(change),
      tell: (message, fields) => log.info(message, fields)
    })
  }

  /** @throws EdgeError with what the operator has to mend */
  static async start(options: EdgeOptions): Promise<Edge> {
    const config = await options.load()
    const keyring = await Keyring.open(config, options.log)
    const active = await ActiveSlots.load(config.stateFolder, new Date(), message => options.log.warn(message))
    const edge = new Edge(options, config, keyring, active)
    await edge.#start()
    return edge
  }

  async #start(): Promise<void> {
    // The socket first: it tells whether another edge runs on this state.
    this.#control = await startControl({ ...this.config.control, actions: actionsOn(this, this.#options.log) })
    try {
      await this.assets.open()
      await this.#entrances.open(this.config).then(change => change.keep())
    } catch (error) {
      await this.#control.close()
      throw error
    }
    switchUpstreams(null, this.#site)
    this.keyring.start()
    this.#peering.start()
  }

  get config(): EdgeConfig {
    return this.#site.config
  }

  /** What an operator may ask of the way to the other server. */
  get link(): LinkActions {
    return this.#peering.orders
  }

  /** Port of the first https (or http) listener, as bound. */
  port(kind: 'http' | 'https'): number {
    return this.#entrances.front.ports(kind)[0] ?? 0
  }

  /** Applies the configuration as it is now, whole or not at all. @throws EdgeError; then what ran goes on running */
  reload(): Promise<ReloadAnswer> {
    return this.#reloads.take()
  }

  async #reload(): Promise<ReloadAnswer> {
    const { log } = this.#options
    const before = this.#site
    const wanted = await this.#options.load()
    const config = applicable(before.config, wanted)
    const prepared = await this.keyring.prepare(config)
    const changed = changesBetween([before.config, this.keyring], [wanted, prepared.certificates])
    const change = await this.#entrances.open(config)
    if (this.#isStopping) {
      change.drop()
      throw new EdgeError('EDGE_STOPPING', 'too late for a reload')
    }
    const site = buildSite(config, this.#upstreams, before)
    this.#site = site
    this.keyring.adopt(prepared)
    this.#loadedAt = new Date()
    change.keep()
    switchUpstreams(before, site)
    if (config.log.level !== before.config.log.level) log.setLevel(config.log.level)
    await this.assets.open()
    log.info('reloaded', { changed })
    return { changed }
  }

  /** Accepts nothing more, lets what is in flight end within the grace time, then cuts it. @returns how many requests */
  async stop(): Promise<number> {
    if (this.#isStopping) return 0
    this.#isStopping = true
    this.#options.log.info('stopping', { inflight: this.status().inFlight })
    // First: while what is in flight ends, :80 is closed, and an authority would find nobody.
    this.#peering.stop()
    await this.keyring.stop()
    let cut = 0
    await this.#entrances.stop(this.config.graceMs, () => (cut = cutAll(this.#site)))
    switchUpstreams(this.#site, null)
    await Promise.all([this.#peering.ended, this.assets.close()])
    await this.#control?.close()
    return cut
  }

  status(): StatusAnswer {
    return {
      server: this.config.server,
      version: this.#options.version,
      pid: process.pid,
      startedAt: this.#startedAt.toISOString(),
      configFile: this.#options.configFile,
      configLoadedAt: this.#loadedAt.toISOString(),
      logLevel: this.#options.log.getLevel(),
      connections: this.#admission.open,
      ...statusOf(this.#site),
      certificates: this.keyring.status,
      renewals: this.keyring.renewals,
      link: this.#peering.summary
    }
  }

  get health(): HealthAnswer {
    return {
      status: this.#isStopping ? 'stopping' : 'ok',
      warnings: [...this.keyring.warnings, ...warningsOf(this.#site), ...this.#peering.warnings]
    }
  }

  #createEntrances(): Entrances {
    const toLog = createAccessLog(this.#options.log)
    return new Entrances({
      site: () => this.#site,
      assets: this.assets,
      deadlines: this.#deadlines,
      keyring: this.keyring,
      admission: this.#admission,
      isTrusted: this.#isTrusted,
      link: this.#peering.link,
      questions: this.#peering.questions,
      record: entry => {
        toLog(entry)
        this.metrics.record(entry)
      }
    })
  }
}
