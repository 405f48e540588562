import type { Finding, Fine, Verdict } from '../../compose/laptop/doctor/finding.ts'
import { printable } from '../../proxy/record/terminal.ts'

/** What is wrong, each with its mend; then how much is not. */
export function doctorReport({ findings, fine, untold }: Verdict, isAll: boolean): string {
  const told = findings.map(found => paragraph(found).map(printable).join('\n'))
  const rows = isAll ? [listOf('fine', fine), listOf('not told', untold)].filter(text => text !== '') : []
  return [counted(findings), ...told, ...rows, lastLine(fine, untold, isAll)].join('\n\n')
}

function counted(findings: readonly Finding[]): string {
  const faults = findings.filter(({ severity }) => severity === 'fault').length
  const amount = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
  return `${amount(faults, 'fault')}, ${amount(findings.length - faults, 'warning')}`
}

function paragraph({ id, severity, server, what, seen, mend }: Finding): string[] {
  const where = server === null ? '' : ` ${server}:`
  return [
    `${severity === 'fault' ? 'FAULT' : 'warning'} ${id}:${where} ${what}`,
    `  seen: ${seen}`,
    `  mend: ${mend}`
  ].map(line => line.replaceAll('\n', '; '))
}

function listOf(mark: string, all: readonly Fine[]): string {
  return all
    .map(({ id, server, about }) => `${mark}: ${server === null ? '' : `${server}: `}${about} (${id})`)
    .join('\n')
}

function lastLine(fine: readonly Fine[], untold: readonly Fine[], isAll: boolean): string {
  const rest = untold.length === 0 ? '' : `, ${untold.length} do not apply or cannot be told`
  const how = isAll ? '' : ' (--all lists them)'
  return `${fine.length} checks are fine${rest}${how}`
}
