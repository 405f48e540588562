import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import manifest from '../../package.json' with { type: 'json' }
import { project } from '../doubles/command.ts'
import { type Page, readPage } from '../fixtures/page.ts'

const verbs = readdirSync(join(project, 'scripts/verbs')).map(file => file.replace(/\.ts$/, ''))

/** What a page tells its reader to type. */
function commandsIn({ spans, blocks }: Page): string[] {
  const typed = blocks.flatMap(({ language, text }) => {
    if (language === 'console') return [...text.matchAll(/^\$ (.*)$/gm)].map(([, line = '']) => line)
    return language === 'sh' || language === 'ini' ? text.split('\n') : []
  })
  return [...typed, ...spans]
}

function named(page: Page, pattern: RegExp): string[] {
  const found = commandsIn(page).flatMap(command => [...command.matchAll(pattern)].map(([, name = '']) => name))
  return [...new Set(found)].sort()
}

for (const file of ['README.md', 'README.zh-CN.md']) {
  t.test(`${file}: every verb that it names exists, and every verb is named`, async t => {
    t.same(named(readPage(file), /(?:^|[\s/])twinedge ([a-z][a-z-]*)/g), verbs.sort())
  })

  t.test(`${file}: every npm script that it names exists`, async t => {
    const names = [...named(readPage(file), /\bnpm run ([\w:-]+)/g), ...named(readPage(file), /\bnpm (start|test)\b/g)]
    t.ok(names.length > 4)
    t.same(
      names.filter(name => !(name in manifest.scripts)),
      []
    )
  })
}

t.test('every verb that the other pages name exists', async t => {
  const pages = [
    'settings',
    'requests',
    'failures',
    'swaps',
    'swaps.zh-CN',
    'link',
    'link.zh-CN',
    'manual',
    'manual.zh-CN'
  ].map(name => `docs/${name}.md`)
  for (const file of [...pages, 'CHANGELOG.md']) {
    const unknown = named(readPage(file), /(?:^|[\s/])twinedge ([a-z][a-z-]*)/g).filter(verb => !verbs.includes(verb))
    t.same(unknown, [], file)
  }
})
