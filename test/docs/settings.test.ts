import t from 'tap'
import { fields } from '../../proxy/config/fields.ts'
import { readConfig } from '../../proxy/config/load.ts'
import { readPage, spansIn, tableUnder } from '../fixtures/page.ts'

for (const file of ['README.md', 'README.zh-CN.md']) {
  t.test(`${file}: the configuration that it shows is one that the edge takes`, async t => {
    const shown = readPage(file).blocks.filter(
      ({ language, text }) => language === 'yaml' && text.startsWith('server:')
    )
    t.equal(shown.length, 1)
    for (const { text } of shown) t.equal(readConfig(text, 'edge.yaml', {}).routes.length, 3)
  })

  t.test(`${file}: every setting that the table for nginx users names exists`, async t => {
    const rows = tableUnder(readPage(file), 'nginx')
    const settings = rows.flatMap(([, here = '']) => spansIn(here)).filter(span => /^[a-z][\w.*[\]-]*$/.test(span))
    t.ok(settings.length > 20)
    t.same(
      settings.filter(setting => !(setting in fields)),
      []
    )
  })
}
