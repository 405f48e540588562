/** How the text of one kind of setting is read. Everything reaches a kind as text: YAML guesses no types here. */
export interface Kind<T> {
  /** One or two words for the table of settings. */
  readonly name: string
  /** What a bare number counts, if it counts anything. */
  readonly unit?: string
  /** Ends the sentence "expected …". */
  readonly expected: string
  /** All that may be written, when that is a short list: the nearest is offered for a typo. */
  readonly options?: readonly string[]
  /** @returns undefined when the text is not of this kind */
  readonly read: (text: string) => T | undefined
  /** A better end of "expected …" for a mistake that is well known. */
  readonly why?: (text: string) => string | undefined
}
