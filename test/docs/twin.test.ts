import t from 'tap'
import { type Page, readPage, spansIn } from '../fixtures/page.ts'

const english = readPage('README.md')
const chinese = readPage('README.zh-CN.md')

/** Comments are for readers, and translated; all else in a block is for machines. */
function withoutComments({ blocks }: Page): string[] {
  return blocks.map(({ language, text }) => `${language}\n${text.replace(/[ \t]+# .*$/gm, '')}`)
}

t.test('the two READMEs have the same headings, level by level', async t => {
  const levels = ({ headings }: Page): number[] => headings.map(heading => heading.indexOf(' '))
  t.ok(english.headings.length > 10)
  t.same(levels(chinese), levels(english))
})

t.test('the same code blocks, but for comments', async t => {
  t.ok(english.blocks.length > 8)
  t.same(withoutComments(chinese), withoutComments(english))
})

t.test('the same tables: as many rows, and the same names in their first column', async t => {
  const shape = ({ tables }: Page) => tables.map(rows => rows.map(row => [row.length, ...spansIn(row[0] ?? '').sort()]))
  t.ok(english.tables.length > 6)
  t.same(shape(chinese), shape(english))
})

t.test('the same links, but for the one to each other', async t => {
  const targets = ({ links }: Page) => links.filter(link => !link.startsWith('README')).sort()
  t.same(targets(chinese), targets(english))
  t.ok(english.links.includes(chinese.file) && chinese.links.includes(english.file))
})
