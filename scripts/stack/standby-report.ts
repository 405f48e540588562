import type { StandbyFinding, StandbyVerdict } from '../../proxy/control/protocol.ts'
import { printable } from '../../proxy/record/terminal.ts'
import { nextHere } from '../terminal.ts'

/** For who has been woken up: the word first, then what it means, then what to do. */
export function standbyReport(verdicts: readonly StandbyVerdict[]): string {
  return verdicts.map(describe).join('\n\n')
}

function describe(verdict: StandbyVerdict): string {
  const { server, isSelf, isGo, reasons, notes, borrowed } = verdict
  const lines = [
    `${isGo ? 'GO' : 'NO-GO'}  ${server}, ${isSelf ? 'this server' : 'the other server'}: ${meaningOf(verdict)}`,
    ...reasons.flatMap(reason => linesOf('-', reason)),
    ...borrowed.flatMap(one => linesOf('note:', one)),
    ...notes.flatMap(note => linesOf('note:', note))
  ]
  return lines.map(printable).join('\n')
}

function meaningOf({ isSelf, isGo, borrowed }: StandbyVerdict): string {
  if (!isGo) return isSelf ? 'it could not serve the whole site' : 'it could not take the whole site over'
  if (borrowed.length === 0) {
    return isSelf ? 'it serves everything without the other' : 'it could take the whole site over now, by itself'
  }
  const names = borrowed.map(({ upstream }) => upstream).join(', ')
  return isSelf
    ? `it serves everything while the other one runs; without it: no ${names}`
    : `it could take the whole site over now, while this one runs; without it: no ${names}`
}

function linesOf(mark: string, { what, next }: StandbyFinding): string[] {
  return [`  ${mark} ${what}`, ...(next === null ? [] : [`    next: ${nextHere(next)}`])]
}
