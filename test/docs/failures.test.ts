import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { variables } from '../../compose/env/variables.ts'
import { failures } from '../../proxy/errors.ts'
import { failuresPage } from '../../scripts/failures-table.ts'
import { project } from '../doubles/command.ts'
import { readPage } from '../fixtures/page.ts'

t.test('the page of failures is what the rows say: node scripts/failures-table.ts --write', async t => {
  t.equal(readFileSync(join(project, 'docs/failures.md'), 'utf8'), failuresPage())
})

t.test('every code that a page names is one that the edge knows', async t => {
  for (const [file, least] of [
    ['docs/requests.md', 15],
    ['docs/failures.md', 15],
    ['docs/swaps.md', 2],
    ['docs/swaps.zh-CN.md', 2]
  ] as const) {
    const { spans, blocks } = readPage(file)
    const printed = blocks.flatMap(({ text }) => text.match(/^[A-Z]+_[A-Z_]+(?=: )/gm) ?? [])
    const codes = [...spans.filter(span => /^(?:EDGE|CONFIG|TLS|COMPOSE)_[A-Z_]+$/.test(span)), ...printed]
    t.ok(codes.length >= least, `${file} names ${codes.length}`)
    t.same(
      codes.filter(code => !(code in failures || code in variables)),
      [],
      file
    )
  }
})
