import type { LinkSummary, PeerReport } from '../control/protocol.ts'
import type { Deadlines } from '../deadlines.ts'
import { Conversation } from '../link/desk/conversation.ts'
import type { Questions } from '../link/desk/desk.ts'
import { LinkOrders } from '../link/desk/orders.ts'
import { questionsTo } from '../link/desk/questions.ts'
import { LinkKeys } from '../link/keys/link-keys.ts'
import { Link } from '../link/link.ts'
import { factsOf, reportOf, type Witness } from '../link/report/compile.ts'
import { LastReport } from '../link/report/heard.ts'
import { openDoor } from '../listener/listener.ts'
import type { Log } from '../record/log.ts'
import type { Entrances } from './entrances.ts'

/** What it works with. */
export interface PeeringOptions {
  readonly deadlines: Deadlines
  readonly log: Log
  /** What this edge tells of itself is read off it. */
  readonly witness: Witness & { readonly keyring: { readonly challenges: { heardThumbprint: string | null } } }
  /** Who answers on the lines from the peer. */
  entrances(): Pick<Entrances, 'takeLine' | 'rehearse'>
}

/** All that concerns the other server: the link, what is said over it, what an operator may ask. */
export class Peering {
  readonly link: Link
  readonly orders: LinkOrders
  readonly questions: Questions
  readonly #conversation: Conversation

  constructor({ deadlines, log, witness, entrances }: PeeringOptions) {
    const { challenges } = witness.keyring
    const warn = (message: string): void => log.warn(message)
    this.link = new Link({
      deadlines,
      log,
      openDoor,
      serve: line => entrances().takeLine(line),
      open: async () => {
        const { stateFolder } = witness.config
        const heard = await LastReport.load(stateFolder, new Date(), warn)
        challenges.heardThumbprint = heard.thumbprint
        return { keys: await LinkKeys.open(stateFolder, new Date(), warn), heard }
      }
    })
    const report = (): PeerReport => reportOf(factsOf(witness, this.link, Date.now()))
    const onReport = ({ thumbprint }: PeerReport): void => {
      challenges.heardThumbprint = thumbprint
    }
    this.#conversation = new Conversation({
      link: this.link,
      deadlines,
      log,
      report,
      onReport,
      rehearse: () => entrances().rehearse()
    })
    this.orders = new LinkOrders(this.link, this.#conversation, report)
    this.questions = questionsTo(this.link, report)
  }

  /** null: there is no link. */
  get summary(): LinkSummary | null {
    if (!this.link.isConfigured) return null
    const { state, peer, fault, roundTripMs, lines } = this.orders.status()
    return { state, peer, fault, roundTripMs, lines }
  }

  /** What an operator should look at. */
  get warnings(): string[] {
    const { summary } = this
    if (summary === null || summary.state === 'up' || summary.state === 'connecting') return []
    const { code } = summary.fault ?? {}
    return [`the link to ${summary.peer} is down${code === undefined ? '' : `: ${code}`}`]
  }

  start(): void {
    this.#conversation.start()
  }

  /** Nothing new is said. */
  stop(): void {
    this.#conversation.stop()
  }

  /** Once the link is stopped. */
  get ended(): Promise<void> {
    return this.#conversation.ended
  }
}
