import { nextAt } from '../compose/laptop/plan/commands.ts'
import type { ServerName } from '../compose/laptop/plan/site.ts'
import { EdgeError, failures } from '../proxy/errors.ts'
import { printable } from '../proxy/record/terminal.ts'

/** What to type: on a server as it is; where a laptop has asked this server and prints what is said, as it works there. */
export function nextHere(next: string): string {
  const name = laptopsName()
  return name === null ? next : nextAt(name, next)
}

/** What the laptop that has asked calls this server; null: nobody's laptop has. */
export function laptopsName(): ServerName | null {
  return (process.env.TWINEDGE_SERVER as ServerName | undefined) || null
}

/** What happened, the details, and what to do next, on stderr. Never a stack. */
export function printFailure(cause: unknown, next?: string): void {
  const failure = cause instanceof EdgeError ? cause : null
  const code = failure?.code ?? 'EDGE_INTERNAL'
  const detail = (failure?.detail ?? (cause instanceof Error ? cause.message : String(cause)))
    .split('\n')
    .map(printable)
  console.error(`${code}: ${detail.join('\n').trimEnd()}`.replace(': \n', ':\n'))
  console.error(`next: ${nextHere(next ?? failure?.next ?? failures[code].next)}`)
}

/** @returns the rows in columns, the first row being their heads */
export function table(rows: readonly (readonly string[])[]): string {
  const safe = rows.map(row => row.map(printable))
  const widths = safe[0]!.map((_, column) => Math.max(...safe.map(row => row[column]!.length)))
  return safe
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd()
    )
    .join('\n')
}

/** @returns `3 d`, `4 h`, `5 min` or `6 s`: the largest unit that there is one of */
export function span(ms: number): string {
  const units: [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000]
  ]
  const [unit, unitMs] = units.find(([, length]) => ms >= length) ?? units.at(-1)!
  return `${Math.floor(ms / unitMs)} ${unit}`
}

/** @returns its end, which tells one image from another, when it is longer */
export function cutTo(text: string, width: number): string {
  return text.length <= width ? text : `…${text.slice(1 - width)}`
}
