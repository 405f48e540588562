import t from 'tap'
import { type Page, readPage, spansIn } from '../fixtures/page.ts'

/** Comments are for readers, and translated; all else in a block is for machines. */
function withoutComments({ blocks }: Page): string[] {
  return blocks.map(({ language, text }) => `${language}\n${text.replace(/[ \t]+# .*$/gm, '')}`)
}

/** A link into the page itself, as the number of the heading that it leads to; the language of other pages is left out. */
function targetsOf({ links, headings }: Page): string[] {
  const slugs = headings.map(heading => heading.replace(/^#+ |[^\p{L}\p{N}\s-]/gu, '').replaceAll(' ', '-'))
  const target = (link: string): string =>
    link.startsWith('#')
      ? `heading ${slugs.findIndex(slug => `#${slug.toLowerCase()}` === link)}`
      : link.replace('.zh-CN.', '.')
  return links.map(target).sort()
}

for (const [file, twin] of [
  ['README.md', 'README.zh-CN.md'],
  ['docs/swaps.md', 'docs/swaps.zh-CN.md'],
  ['docs/link.md', 'docs/link.zh-CN.md'],
  ['docs/manual.md', 'docs/manual.zh-CN.md']
] as const) {
  const [english, chinese] = [readPage(file), readPage(twin)]

  t.test(`${file} and its Chinese twin have the same headings, level by level`, async t => {
    const levels = ({ headings }: Page): number[] => headings.map(heading => heading.indexOf(' '))
    t.ok(english.headings.length > 8)
    t.same(levels(chinese), levels(english))
  })

  t.test(`${file}: the same code blocks, but for comments`, async t => {
    t.ok(english.blocks.length > 6)
    t.same(withoutComments(chinese), withoutComments(english))
  })

  t.test(`${file}: the same tables: as many rows, and the same names in their first column`, async t => {
    const shape = ({ tables }: Page) =>
      tables.map(rows => rows.map(row => [row.length, ...spansIn(row[0] ?? '').sort()]))
    t.ok(english.tables.length > 3)
    t.same(shape(chinese), shape(english))
  })

  t.test(`${file}: the same links, to each other too, and those into the page itself lead to a heading`, async t => {
    t.same(targetsOf(chinese), targetsOf(english))
    t.notOk(targetsOf(english).includes('heading -1'))
    const name = (path: string): string => path.replace('docs/', '')
    t.ok(english.links.includes(name(twin)) && chinese.links.includes(name(file)))
  })
}
