import type { RenewalError } from '../../proxy/control/protocol.ts'
import { printable } from '../../proxy/record/terminal.ts'
import { nextHere } from '../terminal.ts'

/** Indented, below the name of what failed. The detail is the authority's: any bytes that it likes. */
export function failureLines({ code, detail, next }: RenewalError): string[] {
  const [first = '', ...more] = detail.trim().split(/\r?\n/)
  return [`${code}: ${first}`, ...more, `next: ${nextHere(next)}`].map(line => `  ${printable(line)}`)
}
