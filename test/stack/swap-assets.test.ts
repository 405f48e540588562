import { setTimeout as pause } from 'node:timers/promises'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import t from 'tap'
import { Agent, request } from 'undici'
import { browserMissing, openDemo } from '../doubles/browser.ts'
import { command, project } from '../doubles/command.ts'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { build } from '../doubles/stack/image.ts'
import { type Stack, upStack } from '../doubles/stack/stack.ts'

t.setTimeout(600_000)

const decoded = { br: brotliDecompressSync, gzip: gunzipSync, zstd: zstdDecompressSync }
const copiesMs = 60_000

type Get = (path: string, headers?: Record<string, string>) => ReturnType<typeof ask>

async function ask(dispatcher: Agent, stack: Stack, path: string, headers: Record<string, string>) {
  const url = `https://127.0.0.1:${stack.httpsPort}${path}`
  const answer = await request(url, { dispatcher, headers: { host: 'localhost', ...headers } })
  return { status: answer.statusCode, headers: answer.headers, body: Buffer.from(await answer.body.arrayBuffer()) }
}

/** The scripts that a page asks for. */
async function chunksOf(get: Get): Promise<string[]> {
  const page = `${(await get('/build')).body}`
  return [...new Set(page.match(/\/_next\/static\/[^"'\\ ]+\.js/g))]
}

/** The compressed copies are made after a build has come: until then it is answered as it is. */
async function getCoded(get: Get, path: string, coding: string) {
  for (const end = Date.now() + copiesMs; ; await pause(100)) {
    const answer = await get(path, { 'accept-encoding': coding })
    if (answer.headers['content-encoding'] === coding || Date.now() > end) return answer
  }
}

t.test('tabs of an earlier build go on working after a swap', { skip: engineMissing }, async t => {
  const stack = await upStack(t, 'single')
  const dispatcher = new Agent({ connect: { ca: stack.ca, servername: 'localhost' } })
  t.teardown(() => dispatcher.destroy())
  const get: Get = (path, headers = {}) => ask(dispatcher, stack, path, headers)
  const image = await build(t, 'web', 'images/web/sample', ['--build-arg', 'BUILD_ID=another'])
  t.teardown(() => docker(['rmi', ...['1', '2', '3'].map(n => `${stack.project}/web:release-${n}`)]))
  const before = await chunksOf(get)
  const contents = await Promise.all(before.map(path => get(path, { 'accept-encoding': 'identity' })))
  const tab = browserMissing ? null : await openDemo(`https://localhost:${stack.httpsPort}/build`)
  t.teardown(() => tab?.close())
  await tab?.page.waitForLoadState('networkidle')
  await tab?.page.evaluate('globalThis.isSameDocument = true')

  const swapped = await run('swap', 'web', image, '--project', stack.project)
  t.equal(swapped.code, 0, swapped.err)
  for (const service of ['web-blue', 'web-green']) {
    t.match(swapped.out, new RegExp(`^${service}: the edge keeps its \\d+ files, \\d+ of them new`, 'm'))
  }
  const after = await chunksOf(get)
  const gone = before.filter(path => !after.includes(path))
  t.ok(gone.length > 0, 'the builds differ')

  t.test('every chunk of either is there, whoever serves', async t => {
    for (const [at, path] of before.entries()) {
      const { status, headers, body } = await get(path, { 'accept-encoding': 'identity' })
      t.equal(status, 200, path)
      t.ok(body.equals(contents[at]!.body), 'the same bytes')
      t.equal(headers['cache-control'], 'public, max-age=31536000, immutable')
    }
    const green = `http://127.0.0.1:${stack.ports.WEB_GREEN_PORT}`
    t.equal((await fetch(green + gone[0])).status, 404, 'its own container has gone')
    for (const path of after) t.equal((await get(path)).status, 200, path)
  })

  t.test('a chunk of the earlier build is compressed as asked, and answered in part or not at all', async t => {
    // The largest: what fits into one packet is sent as it is.
    const bytesOf = (path: string): number => contents[before.indexOf(path)]!.body.length
    const [path = ''] = before.toSorted((a, b) => bytesOf(b) - bytesOf(a))
    const whole = contents[before.indexOf(path)]!.body
    for (const [coding, decode] of Object.entries(decoded)) {
      const { status, headers, body } = await getCoded(get, path, coding)
      t.match([status, headers['content-encoding'], headers.vary], [200, coding, /accept-encoding/i])
      t.ok(decode(body).equals(whole), coding)
      t.ok(body.length < whole.length)
      const etag = `${headers.etag}`
      t.match(etag, /^(W\/)?"/)
      const same = await get(path, { 'accept-encoding': coding, 'if-none-match': etag })
      t.match([same.status, same.body.length], [304, 0], coding)
    }
    const lost = contents[before.indexOf(gone[0]!)]!.body
    const part = await get(gone[0]!, { 'accept-encoding': 'identity', range: 'bytes=10-29' })
    t.match([part.status, part.headers['content-range']], [206, `bytes 10-29/${lost.length}`])
    t.ok(part.body.equals(lost.subarray(10, 30)))
  })

  t.test('a tab that was open loads what it had not loaded yet, and goes on to other pages', async t => {
    if (tab === null) return t.pass(browserMissing)
    const { page, complaints, says } = tab
    await page.getByTestId('show-details').click()
    t.match(await says('[data-testid=details]', /So did this chunk/), 'of build unnamed')
    t.equal(await page.evaluate('globalThis.isSameDocument'), true, 'without a new document')
    await page.getByTestId('to-login').click()
    await page.waitForURL('**/login')
    await page.goto(`https://localhost:${stack.httpsPort}/`)
    await says('[data-testid=web-build]', /^another$/)
    // What the browser itself gives up when its page is left is nobody's fault.
    t.same(
      complaints.filter(line => !line.endsWith('net::ERR_ABORTED')),
      []
    )
  })

  t.test('there and back: the build that was served meanwhile is kept, too', async t => {
    const { code, out, err } = await run('rollback', 'web', '--hold', '--project', stack.project)
    t.equal(code, 0, err)
    t.match(out, /^web-blue: the edge keeps its \d+ files, 0 of them new \(0\.0 MB\)$/m, 'it is known already')
    for (const path of after) t.equal((await get(path)).status, 200, path)
    t.same(await chunksOf(get), before)
  })
})

/** `twinedge …`, with time for two containers and what is in flight. */
function run(...args: string[]) {
  const { NODE_OPTIONS: _, EDGE_CONTROL_SOCKET: __, ...env } = process.env
  return command(`${project}/scripts/twinedge`, args, { env, timeoutMs: 180_000 })
}
