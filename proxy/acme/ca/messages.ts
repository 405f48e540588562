import type { PemPair } from '../../tls/pem-files.ts'
import type { Directory, Issued, Order, Outcome, RenewalInfo } from '../authority.ts'

/** What the edge and the process that talks to an authority tell each other. Never in argv or env: there are keys in it. */
export type ToChild =
  | { readonly say: 'order'; readonly order: Order }
  | { readonly say: 'advice'; readonly directory: Directory; readonly cert: string }
  /** The listeners answer the challenge: the authority may be told to look. */
  | { readonly say: 'opened'; readonly id: number }

export type FromChild =
  | { readonly say: 'open-http'; readonly id: number; readonly token: string }
  | { readonly say: 'open-alpn'; readonly id: number; readonly domain: string; readonly pair: PemPair }
  /** What it is at, for who finds that it took too long. */
  | { readonly say: 'at'; readonly what: string }
  | { readonly say: 'answer'; readonly outcome: Outcome<Issued> | Outcome<RenewalInfo | null> }
