import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { startEdge, yamlFor } from '../../doubles/edge.ts'
import { until } from '../../doubles/edge-process.ts'
import { ask, protocols, valuesOf } from '../../doubles/foreign-client.ts'
import { assetsStatus, assetsYaml, buildTar, script, sendBuild, startAssetsEdge } from '../../fixtures/build.ts'

const path = (name: string): string => `/_next/static/${name}`

for (const protocol of protocols) {
  t.test(`over ${protocol}, a chunk of an earlier build is served after the upstream has forgotten it`, async t => {
    const { edge, web } = await startAssetsEdge(t)
    const first = await sendBuild(
      edge.folder,
      buildTar({ 'chunks/first-1a2b.js': 'first', 'chunks/app/[id]/page.js': 'page' })
    )
    t.match(first, { status: 200, answer: { files: 2, newFiles: 2, contested: [] } })
    t.match(await sendBuild(edge.folder, buildTar({ 'chunks/second-3c4d.js': 'second' })), { status: 200 })
    for (const [name, body] of [
      ['chunks/first-1a2b.js', 'first'],
      ['chunks/second-3c4d.js?dpl=7', 'second'],
      ['chunks/app/%5Bid%5D/page.js', 'page']
    ] as const) {
      const answer = await ask(t, edge, protocol, { path: path(name) })
      t.match(answer, { status: 200, body, isComplete: true }, name)
    }
    t.equal(web.received(), '', 'the upstream was not asked')
    t.match(await assetsStatus(edge.folder), { upstream: 'web', builds: [{ files: 1 }, { files: 2 }], files: 3 })
  })

  t.test(`over ${protocol}, whatever else there is goes to the upstream as before`, async t => {
    const { edge, web } = await startAssetsEdge(t)
    await sendBuild(edge.folder, buildTar({ 'a.js': 'kept' }))
    const others = [
      { path: path('unknown.js') },
      { path: path('') },
      { path: path('../static/unknown.js') },
      { path: path('..%2f..%2fbuilds') },
      { path: path('%2e%2e/%2e%2e/blobs/') },
      { path: '/a.js' },
      { path: path('a.js'), method: 'POST', body: 'x', headers: ['content-length', '1'] },
      { path: path('a.js'), method: 'DELETE' },
      { path: path('a.js'), body: 'x', headers: ['content-length', '1'] }
    ]
    for (const [i, what] of others.entries()) {
      const answer = await ask(t, edge, protocol, what)
      t.match(answer, { status: 200, body: 'of the upstream' }, `${what.method} ${what.path}`)
      t.equal(web.received().match(/ HTTP\/1\.1\r\n/g)?.length, i + 1)
    }
    t.match(await ask(t, edge, protocol, { path: path('a.js') }), { body: 'kept' })
    t.match(
      await ask(t, edge, protocol, { path: '/x/%2e%2e/_next/static/a.js' }),
      { body: 'kept' },
      'as routes are matched'
    )
  })
}

t.test('it is answered as everything else is: id, HSTS, a line with its route, a count', async t => {
  const { edge } = await startAssetsEdge(t)
  await sendBuild(edge.folder, buildTar({ 'a.js': 'kept' }))
  const answer = await ask(t, edge, 'h1', { path: path('a.js') })
  const [id] = valuesOf(answer.headers, 'x-request-id')
  t.equal(valuesOf(answer.headers, 'strict-transport-security')[0], 'max-age=86400')
  t.equal(valuesOf(answer.headers, 'date').length, 1)
  const line = await edge.line(line => line.id === id)
  t.match(line, {
    level: 'info',
    route: '/',
    upstream: 'web',
    status: 200,
    ended: 'complete',
    in: 0,
    out: 4,
    method: 'GET'
  })
  t.ok(Number(line.ttfb) >= 0)
  t.notOk('slot' in line)
  t.match(await edge.edge.metrics.render(), /twinedge_requests_total\{[^}]*status="2xx"[^}]*\} 1/)
})

t.test('only a route to the upstream of the builds leads to them', async t => {
  const { edge } = await startAssetsEdge(t)
  await sendBuild(edge.folder, buildTar({ 'a.js': 'kept' }))
  const yaml = yamlFor({ web: 'http://127.0.0.1:1', admin: 'http://127.0.0.1:1' }, 'assets: { upstream: web }')
  edge.setYaml(yaml.replace('routes:', 'routes:\n  - { path: /_next/, host: localhost, upstream: admin }'))
  await edge.edge.reload()
  t.equal((await ask(t, edge, 'h1', { path: path('a.js') })).status, 502, 'the upstream was asked')
})

t.test('a reload switches it on and off, and what was kept is still there', async t => {
  const { edge, web } = await startAssetsEdge(t)
  await sendBuild(edge.folder, buildTar({ 'a.js': 'kept' }))
  edge.setYaml(yamlFor({ web: web.origin }))
  t.same((await edge.edge.reload()).changed, ['hsts', 'assets'])
  t.match(await ask(t, edge, 'h1', { path: path('a.js') }), { body: 'of the upstream' })
  const refused = await sendBuild(edge.folder, buildTar({ 'b.js': 'b' }))
  t.match(refused, { status: 409, answer: { code: 'EDGE_ASSETS_OFF', detail: /no assets/ } })
  edge.setYaml(yamlFor({ web: web.origin }, 'assets: { upstream: web, path: /other/ }'))
  await edge.edge.reload()
  t.match(await ask(t, edge, 'h1', { path: '/other/a.js' }), { body: 'kept' })
  t.match(await ask(t, edge, 'h1', { path: path('a.js') }), { body: 'of the upstream' })
})

t.test('what was kept is served by the next edge on the same state, compressed as it was', async t => {
  const { edge, web } = await startAssetsEdge(t)
  const content = script(20_000)
  await sendBuild(edge.folder, buildTar({ 'a.js': content }))
  const br = { path: path('a.js'), headers: ['accept-encoding', 'br'] }
  await until(
    async () => valuesOf((await ask(t, edge, 'h1', br)).headers, 'content-encoding')[0] === 'br',
    'compressed'
  )
  await edge.edge.stop()
  const { edge: next } = await startAssetsEdge(t, '', edge.folder)
  t.match(await ask(t, next, 'h1', { path: path('a.js') }), { status: 200, body: content })
  t.same(valuesOf((await ask(t, next, 'h1', br)).headers, 'content-encoding'), ['br'])
  t.equal(web.received(), '')
})

t.test('an edge that was started without it finds what was kept once a reload asks for it', async t => {
  const { edge, web } = await startAssetsEdge(t)
  await sendBuild(edge.folder, buildTar({ 'a.js': 'kept' }))
  await edge.edge.stop()
  const next = await startEdge(t, yamlFor({ web: web.origin }), edge.folder)
  t.match(await ask(t, next, 'h1', { path: path('a.js') }), { body: 'of the upstream' })
  next.setYaml(assetsYaml(web.origin))
  await next.edge.reload()
  t.match(await ask(t, next, 'h1', { path: path('a.js') }), { body: 'kept' })
})

t.test('a store that cannot be read does not keep the edge from serving', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'te-'))
  await writeFile(`${folder}/assets`, 'a file in the way')
  const { edge } = await startAssetsEdge(t, '', folder)
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  t.match(await edge.line(({ message }) => /cannot be read/.test(`${message}`)), { level: 'warn', detail: /assets/ })
  t.match(await ask(t, edge, 'h1', { path: path('a.js') }), { body: 'of the upstream' })
  t.match(await sendBuild(folder, buildTar({ 'a.js': '' })), { status: 409, answer: { code: 'EDGE_STATE_UNWRITABLE' } })
  await rm(`${folder}/assets`)
  t.match(await sendBuild(folder, buildTar({ 'a.js': 'kept' })), { status: 200 }, 'once it can, nobody has to restart')
  t.match(await ask(t, edge, 'h1', { path: path('a.js') }), { body: 'kept' })
})
