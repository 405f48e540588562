import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { variables } from '../../compose/env/variables.ts'
import { serverChecks, siteChecks } from '../../compose/laptop/doctor/checks.ts'
import { failures } from '../../proxy/errors.ts'
import { failuresPage } from '../../scripts/failures-table.ts'
import { project } from '../doubles/command.ts'
import { readPage, sectionsOf, spansIn } from '../fixtures/page.ts'

t.test('the page of failures is what the rows say: node scripts/failures-table.ts --write', async t => {
  t.equal(readFileSync(join(project, 'docs/failures.md'), 'utf8'), failuresPage())
})

/** The first words of codes: EDGE, COMPOSE, SERVER. */
const families = new Set(Object.keys(failures).map(code => code.replace(/_.*/, '')))
/** Variables of a process, which no `.env` has. */
const others = ['EDGE_PORT', 'EDGE_STATE', 'EDGE_CONTROL_SOCKET']

t.test('every code that a page names is one that the edge or a command has', async t => {
  for (const [file, least] of [
    ['README.md', 5],
    ['README.zh-CN.md', 5],
    ['docs/requests.md', 15],
    ['docs/failures.md', 15],
    ['docs/swaps.md', 2],
    ['docs/swaps.zh-CN.md', 2],
    ['docs/link.md', 15],
    ['docs/link.zh-CN.md', 15],
    ['docs/manual.md', 5],
    ['docs/manual.zh-CN.md', 5]
  ] as const) {
    const { spans, blocks } = readPage(file)
    const printed = blocks.flatMap(({ text }) => text.match(/^[A-Z]+_[A-Z_]+(?=: )/gm) ?? [])
    const codes = [...spans.flatMap(span => /^[A-Z]+(?:_[A-Z]+)+$/.exec(span) ?? []), ...printed]
    const known = codes.filter(code => families.has(code.replace(/_.*/, '')))
    t.ok(known.length >= least, `${file} names ${known.length}`)
    t.same(
      known.filter(code => !(code in failures || code in variables || others.includes(code))),
      [],
      file
    )
  }
})

t.test('every finding that the manual names is one of the doctor', async t => {
  const ids = new Set([...serverChecks, ...siteChecks].map(({ id }) => id))
  for (const file of ['docs/manual.md', 'docs/manual.zh-CN.md']) {
    const chapter = sectionsOf(file).find(({ headings: [own = ''] }) => own.startsWith('## 10.'))
    const named = chapter?.tables.flat().flatMap(row => spansIn(row[2] ?? '')) ?? []
    t.ok(named.length > 12, `${named.length}`)
    t.same(
      named.filter(name => !ids.has(name)),
      [],
      file
    )
  }
})
