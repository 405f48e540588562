import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import t from 'tap'
import { tarOf as engineTar } from '../../../compose/assets/tar.ts'
import { edgeAt } from '../../../compose/edge-client.ts'
import { until } from '../../doubles/edge-process.ts'
import { assetsStatus, buildTar, startAssetsEdge, tarOf } from '../../fixtures/build.ts'

t.test('a build reaches the edge as it comes, and none is sent where there is none', async t => {
  const { edge } = await startAssetsEdge(t)
  const client = edgeAt(join(edge.folder, 'control.sock'))
  t.match(await client.keepBuild(async () => Readable.from([buildTar({ 'a.js': 'a' })])), { files: 1, newFiles: 1 })
  t.equal(await client.keepBuild(async () => null), null)
  t.match(await client.assets(), { upstream: 'web', builds: [{ files: 1 }] })
})

t.test('a build that is refused in the middle is refused in the words of the edge, and is read no further', async t => {
  const { edge } = await startAssetsEdge(t, ', size: 1m')
  let blocks = 0
  async function* endless(): AsyncGenerator<Buffer> {
    yield tarOf([{ name: 'static/b.js', content: Buffer.alloc(900 * 1024 * 1024) }]).subarray(0, 512)
    for (; blocks < 12_800; blocks++) yield Buffer.alloc(65_536)
  }
  const tar = Readable.from(endless())
  const sending = edgeAt(join(edge.folder, 'control.sock')).keepBuild(async () => tar)
  await t.rejects(sending, { code: 'EDGE_ASSETS_REFUSED', detail: /more than \d+ bytes/ })
  t.ok(tar.destroyed)
  t.ok(blocks < 12_800)
})

t.test('an engine that goes away in the middle is named as what failed, and nothing is kept', async t => {
  const { edge } = await startAssetsEdge(t)
  const answer = new PassThrough()
  const sending = edgeAt(join(edge.folder, 'control.sock')).keepBuild(async () => engineTar(answer))
  answer.write(buildTar({ 'a.js': Buffer.alloc(100_000) }).subarray(0, 50_000))
  await until(() => answer.readableLength === 0, 'it is on its way')
  answer.destroy(new Error('aborted'))
  await t.rejects(sending, { code: 'COMPOSE_ENGINE_UNREACHABLE', detail: 'aborted' })
  t.match(await assetsStatus(edge.folder), { builds: [] })
})

t.test('an edge that is not there leaves no archive open', async t => {
  const answer = new PassThrough()
  const client = edgeAt(join(t.testdirName, 'control.sock'))
  await t.rejects(
    client.keepBuild(async () => engineTar(answer)),
    { code: 'EDGE_NOT_RUNNING' }
  )
  await until(() => answer.destroyed, 'it is closed')
})
