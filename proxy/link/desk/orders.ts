import type {
  LinkFault,
  LinkKeys,
  LinkMeasure,
  LinkStatus,
  MeasureRequest,
  PairRequest,
  PeerReport,
  StandbyAnswer
} from '../../control/protocol.ts'
import { EdgeError, failures } from '../../errors.ts'
import { placeOf } from '../line/dial.ts'
import type { Link } from '../link.ts'
import { standbyOf } from '../report/verdict.ts'
import { asDown } from '../state.ts'
import { askAbout, type Conversation } from './conversation.ts'
import { measureLink } from './measure.ts'

/** Nothing has failed, but nothing has come of it either. */
const notYet: LinkFault = {
  code: 'LINK_DOWN',
  detail: 'it is only being opened',
  next: failures.LINK_DOWN.next,
  at: ''
}

/** What an operator may ask of the link. Each throws LINK_OFF where there is none. */
export class LinkOrders {
  readonly #link: Link
  readonly #conversation: Conversation
  readonly #report: () => PeerReport

  /** @param report of this edge */
  constructor(link: Link, conversation: Conversation, report: () => PeerReport) {
    this.#link = link
    this.#conversation = conversation
    this.#report = report
  }

  status(): LinkStatus {
    const { state, roundTrip } = this.#link
    const { config, keys, heard, incoming, outgoing } = this.#link.held
    const { isUp, failure, since } = state
    const { spares, inUse, resumed } = outgoing
    const isPaired = keys.status.peer.length > 0
    return {
      state: isUp ? 'up' : !isPaired ? 'unpaired' : failure === null ? 'connecting' : 'down',
      since: since.toISOString(),
      peer: placeOf(config.peer),
      fault: failure,
      roundTripMs: roundTrip.ms,
      lines: { spare: spares.count, wanted: spares.wanted, inUse, incoming: incoming.inUse, resumed },
      keys: keys.status,
      report: heard.report,
      reportedAt: heard.at?.toISOString() ?? null,
      clockAheadMs: this.#conversation.clockAheadMs
    }
  }

  /** @throws EdgeError EDGE_USAGE, EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  async pair({ fingerprint, forget }: PairRequest): Promise<LinkKeys> {
    const { keys } = this.#link.held
    await (forget ? keys.unpin(fingerprint) : keys.pin(fingerprint))
    return keys.status
  }

  /** @throws EdgeError LINK_DOWN: the next key is kept, and handed over later; EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  async rotate(): Promise<LinkKeys> {
    const { keys } = this.#link.held
    await keys.beginRotation(new Date())
    try {
      await keys.finishRotation((...order) => askAbout(this.#link, ...order))
    } catch (cause) {
      if (!(cause instanceof EdgeError) || keys.next === null) throw cause
      const detail = `${cause.detail}; the next key is kept, and handed over as soon as the link is up`
      throw new EdgeError(cause.code, detail, cause)
    }
    return keys.status
  }

  /** @throws EdgeError LINK_DOWN */
  async measure(request: MeasureRequest): Promise<LinkMeasure> {
    const { held, state, roundTrip } = this.#link
    if (!state.isUp) throw asDown(state.failure ?? notYet)
    return await measureLink(request, held.outgoing, roundTrip)
  }

  standby(): StandbyAnswer {
    const { held, state, roundTrip } = this.#link
    const { report, at } = held.heard
    return standbyOf({
      own: this.#report(),
      report,
      reportedAt: at?.getTime() ?? null,
      linkFault: state.isUp ? null : (state.failure ?? notYet),
      peer: placeOf(held.config.peer),
      clockAheadMs: this.#conversation.clockAheadMs,
      roundTripMs: roundTrip.ms
    })
  }
}
