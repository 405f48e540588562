import { writeFileSync } from 'node:fs'
import { failures, type Side } from '../proxy/errors.ts'
import { laptopFailures } from '../proxy/failures/laptop/laptop.ts'

/** The page of failure codes, from the rows that the edge answers with. `--write` brings the file up to date. */
const page = new URL('../docs/failures.md', import.meta.url)

const head = `# Failures

Every failure has a code. A client sees the code and a request id; the log line of that id has the detail and the next
step. A code is stable: match it, never a text. [How a request runs, and where it can fail](requests.md).

- **Whose**: the client's, the upstream's, the edge's or the operator's doing. It decides the level of the log line:
  client \`info\`, upstream \`warn\`, edge and operator \`error\`.
- **499** is for the log alone: the client is no longer there to be told.

This page is made from \`proxy/failures/\`: \`node scripts/failures-table.ts --write\`.
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
  const links = operators.filter(isOfLink)
  const laptops = operators.filter(isOfLaptop)
  const printed = operators.filter(row => !isOfRenewal(row) && !isOfLink(row) && !isOfLaptop(row))
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
    '\n## Of the link\n\nWhat stands between the two servers, or is not well: in `twinedge link`, in `twinedge health` and in the log.\n',
    table(
      ['Code', 'What to do'],
      links.map(({ code, next }) => [`\`${code}\``, next])
    ),
    '\n## Of a command\n\nPrinted by `twinedge`, with the detail above the next step.\n',
    table(
      ['Code', 'What to do'],
      printed.map(({ code, next }) => [`\`${code}\``, next])
    ),
    '\n## From a laptop\n\nPrinted by the commands that reach the servers over ssh.\n',
    table(
      ['Code', 'What to do'],
      laptops.map(({ code, next }) => [`\`${code}\``, next])
    )
  ]
  return `${parts.join('\n')}\n`
}

function isOfLaptop({ code }: Row): boolean {
  return code in laptopFailures
}

function isOfRenewal({ code }: Row): boolean {
  return (code.startsWith('ACME_') && code !== 'ACME_OFF') || code === 'EDGE_DISK_FULL'
}

/** Those that a command alone ends with are told with the others of commands. */
const ofCommands = ['LINK_OFF', 'LINK_TUNE_REFUSED', 'LINK_NO_GO']

function isOfLink({ code }: Row): boolean {
  return code.startsWith('LINK_') && !ofCommands.includes(code)
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  return [columns, columns.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

if (import.meta.main) {
  if (process.argv.includes('--write')) writeFileSync(page, failuresPage())
  else process.stdout.write(failuresPage())
}
