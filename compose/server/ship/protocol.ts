import type { FailureCode } from '../../../proxy/errors.ts'

/**
 * What a laptop and `twinedge server receive` say to each other over a channel of their own: one JSON line each; after
 * a `piece` come its bytes. In this order: look → found, begin → kept or loaded, pieces → at and piece, load → loaded or lacking.
 */
export type Sent =
  | { readonly look: Looked }
  /** @param by of the ship, over however many lines */
  | { readonly begin: Bundle; readonly by: string }
  /** So many bytes follow, which belong there. @param from where in the piece they begin */
  | { readonly piece: string; readonly from: number; readonly bytes: number }
  | { readonly load: true }
  /** Nothing but that it is still there: while it packs, it has nothing to say. */
  | { readonly here: true }

export type Heard =
  | { readonly found: Found }
  /** Of each piece of the bundle, how many bytes are there; what is not named has none. */
  | { readonly kept: Readonly<Record<string, number>> }
  /** How many bytes of pieces have come over this channel. */
  | { readonly at: number }
  /** It is whole; it may still be none that was sent, and then nothing of it is kept. */
  | { readonly piece: string; readonly isGood: boolean }
  /** The image's id there. */
  | { readonly loaded: string }
  /** Layers that it needs after all: it had said that it had them, or their pieces have gone. */
  | { readonly lacking: readonly string[] }
  /** It still works at what it was told last. */
  | { readonly here: true }
  | { readonly failure: { readonly code: FailureCode; readonly detail: string } }

export interface Looked {
  readonly reference: string
  /** As HeldImage has it. */
  readonly fingerprint: string
  readonly diffIds: readonly string[]
}

export interface Found {
  /** The image's id when all of it is there; it then has the name as well. */
  readonly id: string | null
  /** Of its layers, those that are there. */
  readonly diffIds: readonly string[]
  /** linux/amd64 */
  readonly platform: string
}

/** All that an image needs where it goes. */
export interface Bundle {
  /** Its configuration, base64. */
  readonly config: string
  readonly layers: readonly PackedLayer[]
}

export interface PackedLayer {
  readonly diffId: string
  /** Of the plain tar. */
  readonly bytes: number
  readonly pieces: readonly Piece[]
}

/** `pieceBytes` of a layer's plain tar, compressed on their own; the last of a layer is shorter. */
export interface Piece {
  /** SHA-256 of the compressed bytes, hex. */
  readonly hash: string
  readonly bytes: number
}

/** Each side tells that it is still there so often while the other waits for it. */
export const hereMs = 10_000

/** Whoever has waited so long for a word, or for a byte of a piece, waits for nobody. */
export const silenceMs = 60_000

/** Small enough that one that is broken costs little; larger ones would compress by 3 % better at the most. */
export const pieceBytes = 4 << 20
/** What compressing adds to what cannot be compressed is less. */
export const mostPieceBytes = pieceBytes + (64 << 10)
