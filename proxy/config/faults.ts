/** Where a setting was written: a line of the file, or an environment variable. */
export interface Place {
  /** 1-based; null for what did not come from the file. */
  readonly line: number | null
  readonly variable?: string
}

/** One thing that is wrong in the configuration, in words for the operator. */
export interface Fault extends Place {
  /** As the operator would point at it: `routes[1].idle`; empty for the file as a whole. */
  readonly path: string
  readonly found: string
  readonly expected: string
  /** The known name that was probably meant. */
  readonly nearest?: string
}

const longestShown = 60
const widestColumn = 32

/** A value as a fault shows it: short, on one line, and never with a password in it. */
export function shown(text: string): string {
  if (text === '') return 'nothing'
  // An origin with a login in it is refused, and its fault must not carry the password into a log.
  return `"${cut(clean(text.replace(/^(.*?\/\/)?.*@/s, '$1…@')))}"`
}

/** Nearest of `known` to `name` if it is near enough to be a typo of it; else undefined. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  // A third of the letters wrong is no longer a typo. One swap in a short word is.
  let bestDistance = Math.max(2, Math.floor(name.length / 3) + 1)
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue
    const found = distance(name.toLowerCase(), candidate.toLowerCase())
    if (found < bestDistance) [best, bestDistance] = [candidate, found]
  }
  return best
}

/** `nearest` as the part of a Fault that it is. */
export function meant(name: string, known: Iterable<string>): { nearest?: string } {
  const near = nearest(name, known)
  return near === undefined ? {} : { nearest: near }
}

/** One line per fault: those of the file by line, then those of the environment, each in columns. */
export function formatFaults(faults: readonly Fault[], file: string): string {
  const inFile = faults.filter(fault => fault.variable === undefined)
  const inEnvironment = faults.filter(fault => fault.variable !== undefined)
  return [inFile.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)), inEnvironment]
    .flatMap(group => columns(group, file))
    .join('\n')
}

function columns(faults: readonly Fault[], file: string): string[] {
  const rows = faults.map(fault => {
    const place = fault.variable ?? (fault.line === null ? file : `${file}:${fault.line}`)
    const hint = fault.nearest === undefined ? '' : `; did you mean "${fault.nearest}"?`
    const text = `found ${fault.found}, expected ${fault.expected}${hint}`
    // `expected` and the hint may name what the operator named.
    return { place, path: cut(clean(fault.path)), text: clean(text) }
  })
  const placeWidth = Math.max(...rows.map(row => row.place.length))
  const pathWidth = Math.min(widestColumn, Math.max(...rows.map(row => row.path.length)))
  return rows.map(({ place, path, text }) => {
    const named = pathWidth === 0 ? '' : `${path.padEnd(pathWidth)}  `
    return `${place.padEnd(placeWidth)}  ${named}${text}`
  })
}

/** Without what would move a terminal's cursor. */
function clean(text: string): string {
  return text.replace(/\p{C}/gu, ' ')
}

function cut(text: string): string {
  return text.length > longestShown ? `${text.slice(0, longestShown - 1)}…` : text
}

/** Letters to insert, drop, change or swap with their neighbour (optimal string alignment). */
function distance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const change = a[row - 1] === b[column - 1] ? 0 : 1
      let best = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + change)
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (isSwap) best = Math.min(best, beforeLast[column - 2]! + 1)
      current.push(best)
    }
    ;[beforeLast, last] = [last, current]
  }
  return last[b.length]!
}
