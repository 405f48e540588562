import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import manifest from '../../package.json' with { type: 'json' }
import { project } from '../doubles/command.ts'
import { type Page, readPage, spansIn, tableUnder } from '../fixtures/page.ts'

/** Folders below these mirror the code, and are not listed one by one. */
const mirrors = ['test/proxy', 'test/compose', 'test/scripts', 'docs/examples', 'images/web', 'images/api']

function mapOf({ blocks }: Page): string[] {
  const map = blocks.find(({ text }) => text.includes('proxy/main.ts'))
  return (map?.text ?? '').split('\n').flatMap(line => /^\S+/.exec(line)?.[0] ?? [])
}

const files = globSync('{proxy,compose,scripts,images,test,docs}/**/*', { cwd: project, withFileTypes: true })
  .filter(entry => entry.isFile())
  .map(entry => join(entry.parentPath, entry.name).slice(project.length + 1))

for (const file of ['README.md', 'README.zh-CN.md']) {
  t.test(`${file}: the map has every folder, and nothing that is not there`, async t => {
    const map = mapOf(readPage(file))
    const folders = new Set(files.map(path => `${dirname(path)}/`))
    const gone = map.filter(path => !files.includes(path) && !folders.has(path))
    t.same(gone, [], 'what it lists is there')
    const isMirror = (folder: string): boolean => mirrors.some(mirror => folder.startsWith(`${mirror}/`))
    // proxy/ and test/ themselves hold files, which are listed one by one or have no part in the map.
    const unlisted = [...folders].filter(folder => !map.includes(folder) && folder !== 'proxy/' && folder !== 'test/')
    t.same(
      unlisted.filter(folder => !isMirror(folder)),
      [],
      'what is there is listed'
    )
    const own = files.filter(path => dirname(path) === 'proxy' && path.endsWith('.ts'))
    t.same(
      own.filter(path => !map.includes(path)),
      [],
      'every file of proxy/ itself'
    )
  })

  t.test(`${file}: every dependency has its row, and every row its dependency`, async t => {
    const rows = readPage(file).tables.find(([, first]) => first?.[0] === '`yaml`') ?? []
    const named = rows.slice(1).flatMap(([name = '']) => spansIn(name))
    const { dependencies, devDependencies, optionalDependencies } = manifest
    const declared = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })
    t.same(named.toSorted(), declared.toSorted())
    for (const [name = '', ...cells] of rows) t.ok(cells.length === 2 && cells.every(cell => cell !== ''), name)
  })
}

t.test('every metric in the README is one that the edge has, and the other way round', async t => {
  const named = tableUnder(readPage('README.md'), 'Metric').flatMap(([names = '']) => spansIn(names))
  const { createMetrics } = await import('../../proxy/record/metrics.ts')
  const text = await createMetrics(() => ({
    connections: 0,
    upstreams: [],
    certificates: [],
    renewals: [],
    link: null
  })).render()
  const published = [...text.matchAll(/^# TYPE (twinedge_\w+) /gm)].map(([, name = '']) => name)
  t.same(named.toSorted(), published.toSorted())
})
