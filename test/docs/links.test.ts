import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { project } from '../doubles/command.ts'
import { readPage } from '../fixtures/page.ts'

const inDocs = readdirSync(join(project, 'docs')).filter(file => file.endsWith('.md'))
const pages = ['README.md', 'README.zh-CN.md', 'CHANGELOG.md', ...inDocs.map(file => `docs/${file}`)].map(readPage)

t.test('every relative link leads to a file', async t => {
  for (const { file, links } of pages) {
    const targets = links.filter(link => !/^[a-z]+:/.test(link)).map(link => link.replace(/#.*$/, ''))
    const missing = targets.filter(target => !existsSync(join(project, dirname(file), target)))
    t.same(missing, [], file)
  }
})

t.test('every file of the project that a page names is there', async t => {
  for (const { file, spans } of pages) {
    const paths = spans.filter(span => /^(?:proxy|scripts|test|docs)\/[\w./-]+$/.test(span.replace(/ .*$/, '')))
    const missing = paths.map(path => path.replace(/ .*$/, '')).filter(path => !existsSync(join(project, path)))
    t.same(missing, [], file)
  }
})

t.test('every page below docs/ is reached from the README', async t => {
  const linked = pages.slice(0, 2).map(({ links }) => links)
  for (const file of inDocs) for (const links of linked) t.ok(links.includes(`docs/${file}`), file)
})
