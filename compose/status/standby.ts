import type { StandbyVerdict } from '../../proxy/control/protocol.ts'

/** What it would be if the other server were dead. */
export function alone(verdict: StandbyVerdict): StandbyVerdict {
  const { isGo, reasons, borrowed } = verdict
  return { ...verdict, isGo: isGo && borrowed.length === 0, reasons: [...reasons, ...borrowed], borrowed: [] }
}
