import type { Judgement } from '../../compose/host/judgement.ts'
import { nextHere, table } from '../terminal.ts'

const states: Record<Judgement['state'], string> = { ok: 'ok', differs: 'DIFFERS', unavailable: 'cannot be had' }

/** The host's half of `twinedge link check`. */
export function hostReport(judged: readonly Judgement[]): string {
  const rows = judged.map(({ name, found, wanted, state }) => [name, found ?? '-', wanted ?? '-', states[state]])
  const reasons = judged.filter(({ state }) => state !== 'ok').map(({ name, why }) => `${name}: ${why}`)
  const differs = judged.some(({ state }) => state === 'differs')
  const next = differs
    ? [
        '',
        `The side that sends decides, so it takes both servers. On each: ${nextHere('sudo twinedge link tune')} --dry-run`
      ]
    : []
  const paragraphs = reasons.length === 0 ? [] : ['', ...reasons]
  return [table([['SETTING', 'NOW', 'WANTED', ''], ...rows]), ...paragraphs, ...next].join('\n')
}
