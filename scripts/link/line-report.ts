import type { LinkMeasure } from '../../proxy/control/protocol.ts'

/** From here on users feel it, whatever the kernel does. */
const slowMs = 1_000
/** A network that loses more than this is to be complained of. */
const muchLoss = 0.02

/** The line's half of `twinedge link check`. */
export function lineReport({ roundTripMs, messages, up, down }: LinkMeasure): string {
  const { least, median, most } = roundTripMs
  const loss = lossOf(messages)
  const lost =
    messages.late === 0 ? 'none was late' : `${messages.late} came late: about ${percent(loss)} are lost each way`
  const lines = [
    `round trip: ${ms(least)} at least, ${ms(median)} in the middle, ${ms(most)} at most`,
    `messages: ${messages.sent}, of which ${lost}`,
    `throughput on one line: ${megabits(up)} there, ${megabits(down)} back`
  ]
  if (least > slowMs)
    lines.push(`LINK_SLOW: ${ms(least)} is far even across oceans: ask the providers for another route`)
  if (loss > muchLoss)
    lines.push(`LINK_SLOW: a line that loses ${percent(loss)} is slow at its best: ask the providers`)
  return lines.join('\n')
}

/** A message is late when it, or its answer, was lost. */
function lossOf({ sent, late }: LinkMeasure['messages']): number {
  return sent === 0 ? 0 : 1 - Math.sqrt(1 - late / sent)
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
}

function ms(amount: number): string {
  return `${amount < 10 ? amount.toFixed(1) : Math.round(amount)} ms`
}

function megabits(bytesPerSecond: number): string {
  return `${((bytesPerSecond * 8) / 1e6).toFixed(1)} Mbit/s`
}
