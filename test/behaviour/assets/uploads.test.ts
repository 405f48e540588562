import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { PassThrough, Readable } from 'node:stream'
import t from 'tap'
import { Agent, request } from 'undici'
import { startEdgeProcess, until } from '../../doubles/edge-process.ts'
import { ask } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'
import { assetsStatus, assetsYaml, buildTar, script, sendBuild, startAssetsEdge, tarOf } from '../../fixtures/build.ts'

const path = '/_next/static/a.js'

t.test('an archive with evil names is refused whole: the code, the name, and nothing changed', async t => {
  const { edge } = await startAssetsEdge(t)
  await sendBuild(edge.folder, buildTar({ 'a.js': 'kept' }))
  const before = await readdir(join(edge.folder, 'assets'), { recursive: true })
  const evil = tarOf([
    { name: 'static/b.js', content: 'b' },
    { name: 'static/../../../../evil.js', content: 'evil' }
  ])
  const { status, answer } = await sendBuild(edge.folder, evil)
  t.match(
    { status, answer },
    { status: 409, answer: { code: 'EDGE_ASSETS_REFUSED', detail: /evil\.js" leads outside/ } }
  )
  t.same(await readdir(join(edge.folder, 'assets'), { recursive: true }), before)
  t.match(await ask(t, edge, 'h1', { path: '/_next/static/b.js' }), { body: 'of the upstream' })
  t.match(await ask(t, edge, 'h1', { path }), { body: 'kept' })
})

t.test('a build of more than assets.size is refused while it comes', async t => {
  const { edge } = await startAssetsEdge(t, ', size: 1m')
  async function* endless(): AsyncGenerator<Buffer> {
    yield tarOf([{ name: 'static/a.js', content: Buffer.alloc(10) }]).subarray(0, 1024)
    const head = tarOf([{ name: 'static/b.js', content: Buffer.alloc(200 * 1024 * 1024) }]).subarray(0, 512)
    yield head
    for (let i = 0; i < 3200; i++) yield Buffer.alloc(65_536)
  }
  const { status, answer } = await sendBuild(edge.folder, Readable.from(endless()))
  t.match({ status, answer }, { status: 409, answer: { code: 'EDGE_ASSETS_REFUSED', detail: /more than \d+ bytes/ } })
  t.same(await readdir(join(edge.folder, 'assets')), ['blobs', 'builds'])
})

t.test('what is no tar is refused, and so is JSON', async t => {
  const { edge } = await startAssetsEdge(t)
  t.match(await sendBuild(edge.folder, Buffer.alloc(10_000, 'x')), {
    status: 409,
    answer: { code: 'EDGE_ASSETS_REFUSED' }
  })
  const dispatcher = new Agent({ connect: { socketPath: join(edge.folder, 'control.sock') } })
  t.teardown(() => dispatcher.destroy())
  const json = await request('http://edge/assets', {
    dispatcher,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}'
  })
  t.equal(json.statusCode, 400)
  t.match(await json.body.json(), { code: 'EDGE_USAGE', detail: /application\/x-tar/ })
})

t.test('a client that sends all of it before it listens hears the refusal too', async t => {
  const { edge } = await startAssetsEdge(t)
  const body = Buffer.alloc(20 * 1024 * 1024, 'x')
  const socket = connect(join(edge.folder, 'control.sock'))
  t.teardown(() => socket.destroy())
  const head = `POST /assets HTTP/1.1\r\nHost: edge\r\nContent-Type: application/x-tar\r\nContent-Length: ${body.length}\r\n\r\n`
  socket.write(head)
  await new Promise<unknown>(resolve => socket.write(body, resolve))
  const [answer] = await once(socket, 'data')
  t.match(`${answer}`, /^HTTP\/1\.1 409 /)
})

t.test('a client that leaves in the middle leaves what was', async t => {
  const { edge } = await startAssetsEdge(t)
  await sendBuild(edge.folder, buildTar({ 'a.js': 'kept' }))
  const body = new PassThrough()
  const dispatcher = new Agent({ connect: { socketPath: join(edge.folder, 'control.sock') } })
  const headers = { 'content-type': 'application/x-tar' }
  const sending = request('http://edge/assets', { dispatcher, method: 'POST', headers, body }).catch(() => null)
  const assets = join(edge.folder, 'assets')
  const incoming = async (): Promise<string[]> => (await readdir(assets)).filter(name => name.startsWith('incoming-'))
  body.write(buildTar({ 'a.js': 'x'.repeat(500_000), 'b.js': 'x'.repeat(500_000) }).subarray(0, 700_000))
  await until(async () => (await incoming()).length === 1, 'it has begun')
  await dispatcher.destroy()
  await sending
  await until(async () => (await incoming()).length === 0, 'what came was removed')
  t.match(await ask(t, edge, 'h1', { path }), { body: 'kept' })
  t.equal((await assetsStatus(edge.folder)).builds.length, 1)
})

t.test('kill -9 in the middle of an upload: the next edge serves what was, and has removed the rest', async t => {
  const web = await startRawUpstream(t, socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nu'))
  const edge = await startEdgeProcess(t, assetsYaml(web.origin))
  await sendBuild(edge.folder, buildTar({ 'a.js': 'kept' }))
  const assets = join(edge.folder, 'assets')
  const before = await readdir(assets, { recursive: true })
  const body = new PassThrough()
  const dispatcher = new Agent({ connect: { socketPath: edge.socket } })
  t.teardown(() => dispatcher.destroy())
  const headers = { 'content-type': 'application/x-tar' }
  const sending = request('http://edge/assets', { dispatcher, method: 'POST', headers, body }).catch(() => null)
  const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i}.js`, script(50_000, i + 1)]))
  body.write(buildTar(files).subarray(0, 700_000))
  await until(
    async () => (await readdir(assets, { recursive: true })).length > before.length + 5,
    'half of it has come'
  )
  edge.child.kill('SIGKILL')
  await edge.exit
  await sending
  t.ok(
    (await readdir(assets)).some(name => name.startsWith('incoming-')),
    'a kill removes nothing'
  )
  const { edge: next } = await startAssetsEdge(t, '', edge.folder)
  t.match(await ask(t, next, 'h1', { path }), { status: 200, body: 'kept' })
  t.same(await readdir(assets, { recursive: true }), before)
  t.match(await sendBuild(edge.folder, buildTar(files)), { status: 200, answer: { newFiles: 20 } })
})

t.test('50 MB come while requests are answered: how long the event loop was held up', { timeout: 120_000 }, async t => {
  const { edge } = await startAssetsEdge(t)
  const files = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`${i}.js`, script(200_000, i + 1)]))
  const tar = buildTar(files)
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  const began = performance.now()
  let isDone = false
  const sending = sendBuild(edge.folder, tar).finally(() => {
    isDone = true
  })
  let answered = 0
  while (!isDone) {
    if ((await ask(t, edge, 'h1', { path: '/' })).status === 200) answered++
  }
  t.match(await sending, { status: 200, answer: { files: 250, bytes: 50_000_000 } })
  const uploadMs = Math.round(performance.now() - began)
  const [p99, most] = [delay.percentile(99), delay.max].map(ns => Math.round(ns / 1e6))
  t.comment(`upload ${uploadMs} ms, ${answered} requests meanwhile; loop delay p99 ${p99} ms, max ${most} ms`)
  t.ok(answered > 0, 'requests were answered meanwhile')
})
