import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { failures } from '../../proxy/errors.ts'
import { failuresPage } from '../../scripts/failures-table.ts'
import { project } from '../doubles/command.ts'
import { readPage } from '../fixtures/page.ts'

t.test('the page of failures is what the rows say: node scripts/failures-table.ts --write', async t => {
  t.equal(readFileSync(join(project, 'docs/failures.md'), 'utf8'), failuresPage())
})

t.test('every code that a page names is one that the edge knows', async t => {
  for (const file of ['docs/requests.md', 'docs/failures.md']) {
    const codes = readPage(file).spans.filter(span => /^(?:EDGE|CONFIG|TLS)_[A-Z_]+$/.test(span))
    t.ok(codes.length > 15, `${file} names ${codes.length}`)
    t.same(
      codes.filter(code => !(code in failures)),
      [],
      file
    )
  }
})
