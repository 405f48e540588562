import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { serversOf, siteAt, siteOf } from '../../../scripts/laptop/site.ts'

const text = `domains: example.com
servers: { single: { ssh: back, address: 198.51.100.4 } }
web: { source: . }
api: { source: . }
`

t.test('the nearest deploy.yaml above counts, unless one is named', async t => {
  const folder = t.testdir({
    'deploy.yaml': text,
    below: { deep: {} },
    other: { 'deploy.yaml': text.replace('back', 'forth') }
  })
  const before = process.cwd()
  t.teardown(() => process.chdir(before))
  process.chdir(join(folder, 'below/deep'))
  t.equal((await siteOf({})).servers[0]?.ssh, 'back')
  t.equal((await siteAt({ site: join(folder, 'other/deploy.yaml') }))?.servers[0]?.ssh, 'forth')
  await t.rejects(siteOf({ site: 'nowhere.yaml' }), { code: 'SITE_MISSING' })
  writeFileSync('deploy.yaml', 'domains: [')
  await t.rejects(siteAt({}), { code: 'SITE_INVALID' }, 'a broken one is not passed over')
  process.chdir('/')
  t.equal(await siteAt({}), null)
  await t.rejects(
    siteAt({ server: 'frontend' }),
    { code: 'SITE_MISSING' },
    'a server that is named is not this machine'
  )
  await t.rejects(siteOf({}), { code: 'SITE_MISSING' })
})

t.test('a server that the site has not is no server', async t => {
  const folder = t.testdir({ 'deploy.yaml': text })
  const site = await siteOf({ site: join(folder, 'deploy.yaml') })
  t.equal(serversOf(site, {}).length, 1)
  t.throws(() => serversOf(site, { server: 'frontend' }), { code: 'EDGE_USAGE', detail: /single/ })
})
