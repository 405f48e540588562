/** What one command on the server said. */
export interface Answer {
  readonly text: string
  readonly code: number
}

/** What `facts.sh` has brought. */
export class Answers {
  readonly #all: readonly (readonly [string, Answer])[]

  /** @param said its stdout; what a login shell says before the first answer, or cut off behind, is passed over */
  constructor(said: string) {
    const lines = said.split('\n')
    const all: [string, Answer][] = []
    for (let at = 0; at < lines.length; at++) {
      const [, name, code, count] = /^@@ (\w+) (\d+) (\d+)$/.exec(lines[at]!) ?? []
      if (name === undefined) continue
      // Counted, so that nothing that a file holds can pass for an answer.
      const text = lines.slice(at + 1, at + 1 + Number(count)).join('\n')
      all.push([name, { text, code: Number(code) }])
      at += Number(count)
    }
    this.#all = all
  }

  /** @returns '' when it has failed, or was not asked */
  text(name: string): string {
    const found = this.get(name)
    return found?.code === 0 ? found.text : ''
  }

  lines(name: string): string[] {
    return this.text(name).split('\n').filter(Boolean)
  }

  get(name: string): Answer | null {
    return this.#all.find(([one]) => one === name)?.[1] ?? null
  }

  /** Of what was asked several times. */
  every(name: string): string[] {
    return this.#all.filter(([one]) => one === name).map(([, { text }]) => text)
  }

  has(name: string): boolean {
    return this.#all.some(([one]) => one === name)
  }
}
