import { writeFileSync } from 'node:fs'
import { failures, type Side } from '../proxy/errors.ts'

/** The page of failure codes, from the rows that the edge answers with. `--write` brings the file up to date. */
const page = new URL('../docs/failures.md', import.meta.url)

const head = `# Failures

Every failure has a code. A client sees the code and a request id; the log line of that id has the detail and the next
step. A code is stable: match it, never a text. [How a request runs, and where it can fail](requests.md).

- **Whose**: the client's, the upstream's, the edge's or the operator's doing. It decides the level of the log line:
  client \`info\`, upstream \`warn\`, edge and operator \`error\`.
- **499** is for the log alone: the client is no longer there to be told.

This page is made from \`proxy/errors.ts\`: \`node scripts/failures-table.ts --write\`.
`

interface Row {
  readonly code: string
  readonly status: number
  readonly side: Side
  readonly next: string
}

export function failuresPage(): string {
  const rows: Row[] = Object.entries(failures).map(([code, failure]) => ({ code, ...failure }))
  const answered = rows.filter(({ status }) => status !== 0)
  const operators = rows.filter(({ status }) => status === 0)
  const renewals = operators.filter(isOfRenewal)
  const printed = operators.filter(row => !isOfRenewal(row))
  const parts = [
    head,
    '## Of a request\n',
    table(
      ['Code', 'Status', 'Whose', 'What to do'],
      answered.map(({ code, status, side, next }) => [`\`${code}\``, `${status}`, side, next])
    ),
    '\n## Of a certificate\n\nWhy one was not ordered: in the log, in `twinedge certs` and in `twinedge health`.\n',
    table(
      ['Code', 'What to do'],
      renewals.map(({ code, next }) => [`\`${code}\``, next])
    ),
    '\n## Of a command\n\nPrinted by `twinedge`, with the detail above the next step.\n',
    table(
      ['Code', 'What to do'],
      printed.map(({ code, next }) => [`\`${code}\``, next])
    )
  ]
  return `${parts.join('\n')}\n`
}

function isOfRenewal({ code }: Row): boolean {
  return (code.startsWith('ACME_') && code !== 'ACME_OFF') || code === 'EDGE_DISK_FULL'
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  return [columns, columns.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

if (import.meta.main) {
  if (process.argv.includes('--write')) writeFileSync(page, failuresPage())
  else process.stdout.write(failuresPage())
}
