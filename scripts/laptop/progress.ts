import type { Progress } from '../../compose/laptop/ship/transfer.ts'
import { printable } from '../../proxy/record/terminal.ts'
import { span } from '../terminal.ts'

/** Where it is printed: a terminal, a file, a pipe. */
export interface Paper {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Lines, and below them how far something is. */
export interface Printer {
  say(text: string): void
  progress(what: string, how: Progress): void
}

const barWidth = 24
/** A terminal's line is drawn so often at most. */
const drawMs = 100
/** Where nothing can be drawn anew, a line each so often. */
const tellMs = 5_000

/** On a terminal one line that is drawn again and again; elsewhere plain lines, now and then. */
export function printerOn(paper: Paper, now: () => number): Printer {
  const isTerminal = paper.isTTY === true
  let drawnAt = 0
  let isDrawn = false
  const clear = (): void => {
    if (isDrawn) paper.write('\r\x1b[K')
    isDrawn = false
  }
  return {
    say(text) {
      clear()
      paper.write(`${text.split('\n').map(printable).join('\n')}\n`)
    },
    progress(what, how) {
      const isEnd = how.sent >= how.total
      if (now() - drawnAt < (isTerminal ? drawMs : tellMs) && !isEnd) return
      drawnAt = now()
      const text = printable(progressLine(what, how, isTerminal))
      if (!isTerminal) {
        paper.write(`${text}\n`)
        return
      }
      // A line that wraps could not be drawn over.
      paper.write(`\r\x1b[K${text.slice(0, (paper.columns ?? 80) - 1)}`)
      isDrawn = true
      if (isEnd) clear()
    }
  }
}

/** @returns `web to frontend [######......] 52 %, 10.3 of 19.8 MB, 1.4 MB/s, 6 s left` */
export function progressLine(what: string, { sent, total, rate }: Progress, hasBar: boolean): string {
  const part = total === 0 ? 1 : Math.min(1, sent / total)
  const filled = Math.round(part * barWidth)
  const bar = hasBar ? [`[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}]`] : []
  const words = [
    `${Math.floor(part * 100)} %`,
    `${inMegabytes(sent)} of ${inMegabytes(total)} MB`,
    ...(rate > 0 ? [`${inMegabytes(rate)} MB/s`, `${span(((total - sent) / rate) * 1_000)} left`] : [])
  ]
  return [what, ...bar, words.join(', ')].join(' ')
}

function inMegabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1)
}
