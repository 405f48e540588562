import type { CertificatesAnswer, LinkMeasure } from '../../proxy/control/protocol.ts'
import type { FailureCode } from '../../proxy/errors.ts'
import type { Server } from '../env/environment.ts'
import type { Part } from '../laptop/plan/site.ts'
import type { Claim, DeployLine, Followed, Order, Serving, SiteRecords } from './deploy/records.ts'
import type { EntrySeen } from './entry/records.ts'
import type { Examination, Looked } from './look/records.ts'

/**
 * What a laptop asks `twinedge server`, the tool's end on a server, over ssh: one JSON line per question, one per answer,
 * in whatever order the answers come. A question that streams bytes has a channel of its own instead.
 */
export interface Asked {
  readonly id: number
  readonly ask: string
  readonly with: unknown
}

export type Answered =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: { readonly code: FailureCode; readonly detail: string } }

/** Each question: what it is asked with, and what is answered. */
export interface Questions extends DeployQuestions, LookQuestions {
  /** What the tool here is, and whose questions it understands. */
  hello: { with: null; answer: Hello }
  /** Of this project's edge; `folder` is the server's, FOLDER. */
  entry: { with: { readonly project: string; readonly folder: string }; answer: EntrySeen }
}

/** Each may be asked again by whoever has lost the line before the answer. */
export interface DeployQuestions {
  deploys: { with: null; answer: SiteRecords }
  /** Of this project's edge and engine. */
  serving: { with: { readonly project: string }; answer: Serving }
  /** Takes the site, or keeps it; free again 45 s after the last time. `breaks`: a claim of which the laptop is dead. */
  hold: { with: { readonly claim: Claim; readonly breaks: string | null }; answer: null }
  free: { with: { readonly id: string }; answer: null }
  /** Both hold the site by the same word: the agent that held it may have been cut off. */
  note: { with: { readonly claim: Claim; readonly line: DeployLine }; answer: null }
  order: { with: { readonly claim: Claim; readonly order: Order }; answer: null }
  /** Answered when there is news of an order, or after 2 s. */
  follow: { with: { readonly id: string; readonly from: number }; answer: Followed }
  stop: { with: { readonly id: string }; answer: null }
  /** Answered with what was done, in words. */
  prune: { with: Pruning; answer: readonly string[] }
}

/** Of these parts' images those of the last `keep` releases stay. */
export interface Pruning {
  readonly claim: Claim
  /** Compose's. */
  readonly project: string
  readonly parts: readonly Part[]
  readonly keep: number
}

/** Each is about the stack of one of Compose's projects, and changes nothing. */
export interface LookQuestions {
  status: { with: { readonly project: string }; answer: Looked }
  certificates: { with: { readonly project: string }; answer: CertificatesAnswer }
  examine: { with: { readonly project: string; readonly server: Server; readonly salt: string }; answer: Examination }
  /** The line to the other server; takes up to `longestMs`. */
  measure: {
    with: { readonly project: string; readonly bytes: number; readonly longestMs: number }
    answer: LinkMeasure
  }
}

export type Question = keyof Questions

export interface Hello {
  /** Of the tool, as in package.json. */
  readonly version: string
  /** `tool-` and the hash of all its files: another laptop's of the same version may differ. '': nobody knows. */
  readonly tool: string
  /** Which language of questions. */
  readonly protocol: number
}

/**
 * Raised with every change that an older end would misunderstand: only equals talk.
 * 2: orders that take a part back to a release (`back`), which 1 takes for the release before.
 */
export const protocolVersion = 2
