import { writeFileSync } from 'node:fs'
import { type Field, fields } from '../proxy/config/fields.ts'

/** The page of settings, from the rows that also check them. `--write` brings the file up to date. */
const page = new URL('../docs/settings.md', import.meta.url)

const head = `# Settings

One YAML file per server; [frontend.yaml](examples/frontend.yaml) and [backend.yaml](examples/backend.yaml) are whole ones.
\`twinedge check FILE\` reads a file and says everything that is wrong with it.

- \`*\` stands for a name that you choose (lower-case letters, digits, hyphens), \`[]\` for each item of a list.
- Durations read \`250ms\`, \`600s\`, \`5m\`, \`1h30m\`; a bare number is seconds. Sizes read \`32k\`, \`100m\`, \`1g\`; a bare number is bytes.
- Where several values may stand, \`[a, b]\` or a single one without brackets.
- Any setting can be overridden by an environment variable: \`EDGE_\` and the path in upper case, with \`_\` for every other
  character. \`EDGE_LISTEN_HTTPS=8443\`, \`EDGE_UPSTREAMS_API_ORIGIN=http://127.0.0.1:8000\`, \`EDGE_ROUTES_0_IDLE=600s\`;
  whole lists and maps too, as YAML: \`EDGE_TRUSTED_PROXIES='[10.0.0.0/8]'\`. An empty variable is one that is not set.

This page is made from \`proxy/config/fields.ts\`: \`node scripts/settings-table.ts --write\`.
`

const columns = ['Setting', 'Is', 'Default', 'Meaning', 'Example', 'In nginx']

export function settingsPage(): string {
  const rows = Object.entries<Field>(fields).map(([path, field]) => [
    `\`${path}\``,
    kindOf(field),
    defaultOf(field),
    field.meaning,
    codeOf(field.example),
    codeOf(field.nginx)
  ])
  const lines = [columns, columns.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`)
  return `${head}\n${lines.join('\n')}\n`
}

function kindOf({ kind, many, unit }: Field): string {
  const counts = unit ?? kind.unit
  return `${kind.name}${many ? ', one or more' : ''}${counts === undefined ? '' : ` (${counts})`}`
}

function defaultOf(field: Field): string {
  if (field.default === undefined) return '**required**'
  return codeOf([field.default].flat().join(', ') || undefined) || 'none'
}

function codeOf(text: string | undefined): string {
  return text === undefined ? '' : `\`${text}\``
}

if (import.meta.main) {
  if (process.argv.includes('--write')) writeFileSync(page, settingsPage())
  else process.stdout.write(settingsPage())
}
