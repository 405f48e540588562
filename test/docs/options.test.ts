import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { project } from '../doubles/command.ts'
import { faultOf, optionsOf } from '../doubles/reading.ts'
import { readPage, sectionsOf, spansIn } from '../fixtures/page.ts'
import { typedIn, typedOn } from '../fixtures/typed.ts'

const verbs = readdirSync(join(project, 'scripts/verbs')).map(file => file.replace(/\.ts$/, ''))
const inDocs = readdirSync(join(project, 'docs')).filter(file => file.endsWith('.md') && file !== 'failures.md')
const pages = ['README.md', 'README.zh-CN.md', 'CHANGELOG.md', ...inDocs.map(file => `docs/${file}`)]

/** What a page is about as a whole, and need not name again. */
const subjects: Readonly<Record<string, readonly string[][]>> = {
  'docs/swaps.md': [['swap']],
  'docs/swaps.zh-CN.md': [['swap']]
}
/** Of Compose. */
const others = ['remove-orphans']

/** `--ref REF`: an option by itself, which is one of the command that the text is about. */
const optionAlone = /^--([a-z][a-z-]*)/

for (const file of pages) {
  t.test(`${file}: every command on it is one that its verb takes, with all its words`, async t => {
    const commands = typedOn(readPage(file), verbs).filter(([first = '']) => !first.startsWith('-'))
    if (/README|manual|swaps|link/.test(file)) t.ok(commands.length > 15, `${commands.length}`)
    for (const words of commands) t.equal(await faultOf(words), '', `twinedge ${words.join(' ')}`)
  })

  t.test(`${file}: an option by itself is one of a command of its section, or of its row`, async t => {
    for (const section of sectionsOf(file)) {
      const near = [...others, ...(await optionsIn([...(subjects[file] ?? []), ...typedOn(section, verbs)]))]
      const alone = section.spans.flatMap(span => optionAlone.exec(span)?.[1] ?? [])
      t.same(
        alone.filter(name => !near.includes(name)),
        [],
        section.headings[0] ?? 'above the first heading'
      )
      for (const [first = '', ...cells] of section.tables.flat()) {
        const commands = spansIn(first).flatMap(typedIn)
        if (commands.length === 0) continue
        const [own, more] = [await optionsIn(commands), await optionsIn(cells.flatMap(spansIn).flatMap(typedIn))]
        const named = cells.flatMap(spansIn).flatMap(span => optionAlone.exec(span)?.[1] ?? [])
        t.same(
          named.filter(name => ![...own, ...more].includes(name)),
          [],
          first
        )
      }
    }
  })
}

async function optionsIn(commands: readonly (readonly string[])[]): Promise<readonly string[]> {
  const names: string[] = []
  for (const words of commands) if (verbs.includes(words[0] ?? '')) names.push(...(await optionsOf(words)))
  return names
}
