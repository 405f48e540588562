import t, { type Test } from 'tap'
import { startDemoApi } from '../../../proxy/demo/api.ts'
import { startDemoWeb } from '../../../proxy/demo/web.ts'
import { browserMissing, type OpenDemo, openDemo } from '../../doubles/browser.ts'
import { startEdge, yamlFor } from '../../doubles/edge.ts'

/** Opens the demo behind the real edge, over TLS. */
async function demo(t: Test, locale?: string): Promise<OpenDemo> {
  const api = await startDemoApi()
  const web = await startDemoWeb()
  t.teardown(() => Promise.all([api.close(), web.close()]))
  const edge = await startEdge(t, yamlFor({ web: web.origin, api: api.origin }))
  const page = await openDemo(`https://localhost:${edge.httpsPort}/`, locale)
  t.teardown(() => page.close())
  return page
}

/** How much of the text there was, each time that it grew, until the stream was over. */
const growth = `new Promise(resolve => {
  const sizes = [], tokens = document.getElementById('tokens'), state = document.getElementById('tokens-state')
  new MutationObserver(() => {
    const size = tokens.textContent.length
    if (size > (sizes.at(-1)?.size ?? 0)) sizes.push({ size, ms: performance.now() })
  }).observe(tokens, { childList: true })
  new MutationObserver(() => state.dataset.en === 'complete' && resolve(sizes)).observe(state, { attributes: true })
  document.getElementById('tokens-start').click()
})`

/** Notes, from now on, that an element said `text`, however short a time. */
const seen = `(id, text) => {
  const element = document.getElementById(id)
  const look = () => { globalThis.wasSeen ||= element.textContent === text }
  new MutationObserver(look).observe(element, { childList: true, characterData: true, subtree: true })
}`

t.test('the demo page, in a real browser', { skip: browserMissing }, async t => {
  t.test('shows the edge working as soon as it is open, without one complaint', async t => {
    const { says, text, complaints, page } = await demo(t)
    await says('#tokens-state', /complete/)
    await says('#upload-state', /hashes agree/)
    t.equal(await text('#upload-percent'), '100 %')
    t.match(await text('#upload-sent'), /^[0-9a-f]{12}…[0-9a-f]{6}$/)
    t.equal(await text('#upload-received'), await text('#upload-sent'))
    await says('#socket-echo', /ping/)
    t.match(await text('#socket-rtt'), /^[\d.]+ ms$/)
    t.equal(await says('#protocol', /HTTP/), 'HTTP/2')
    t.match(await text('#web'), /^demo-web, pid \d+$/)
    t.match(await text('#api'), /^demo-api, pid \d+$/)
    t.equal(await says('#answer-status', /\d/), '200')
    t.match(await says('#request-id', /\w/), /^\S{8,}$/)
    await says('#live-text', /live/)
    t.equal(await text('#saw-host'), new URL(page.url()).host, 'the upstream saw the host that the browser asked for')
    t.same(complaints, [])
  })

  t.test('draws the tokens one after another, not in one piece', async t => {
    const { page, text } = await demo(t)
    const sizes = (await page.evaluate(growth)) as { size: number; ms: number }[]
    const count = Number(await text('#tokens-count'))
    t.ok(count > 50)
    t.ok(sizes.length > count / 2, `${count} tokens were drawn in ${sizes.length} steps`)
    t.ok((sizes.at(-1)?.ms ?? 0) - (sizes[0]?.ms ?? 0) > 2_000, 'over the seconds that the model took')
  })

  t.test('stops a stream when its reader has had enough', async t => {
    const { page, says, text } = await demo(t)
    await says('#tokens-state', /streaming/)
    await page.click('#tokens-stop')
    await says('#tokens-state', /stopped/)
    const streams = new URL('/api/v1/streams', page.url()).href
    // The page's own EventSource is the one that is left.
    await page.waitForFunction(`fetch('${streams}').then(r => r.json()).then(({ open }) => open === 1)`)
    t.ok(Number(await text('#tokens-count')) < 100, 'the rest never came')
  })

  t.test('uploads a file that the reader chose, and echoes what they type', async t => {
    const { page, says } = await demo(t)
    await says('#upload-state', /hashes agree/)
    await page.setInputFiles('#upload-file', { name: 'a.bin', mimeType: 'x/y', buffer: Buffer.alloc(2_500_000, 'a') })
    await says('#upload-bytes', /2\.5 \/ 2\.5 MB/)
    await says('#upload-state', /hashes agree/)
    await says('#socket-state', /open/)
    await page.evaluate(`(${seen})('socket-echo', '工作簿.xlsx')`)
    await page.fill('#socket-text', '工作簿.xlsx')
    await page.click('#socket-form button')
    await page.waitForFunction('globalThis.wasSeen') // an echo stands for a second at most, until the next ping's
  })

  t.test('shows a failure with its code and its request id', async t => {
    const { page, says, text, complaints } = await demo(t)
    await says('#answer-state', /^answered/)
    await page.click('[data-ask="die"]')
    t.equal(await says('#answer-status', /5\d\d/), '502')
    t.match(await says('#answer-code', /EDGE/), /^EDGE_UPSTREAM_[A-Z]+$/)
    t.match(await text('#request-id'), /^\S{8,}$/)
    await page.click('[data-ask^="die?"]')
    t.equal(await says('#answer-state', /^(?!waiting)/), 'cut off', `an answer that ends midway: ${complaints}`)
  })

  t.test("speaks the reader's language, and the other one when asked", async t => {
    const { page, text, says } = await demo(t, 'zh-CN')
    t.equal(await text('#upload-title'), '上传，与它的指纹')
    await says('#tokens-state', /接收中|已完成/)
    await page.click('#lang')
    t.equal(await text('#upload-title'), 'An upload, and its fingerprint')
    await says('#tokens-state', /streaming|complete/)
    t.equal(await page.getAttribute('html', 'lang'), 'en')
  })

  t.test('fits a phone and a desk: nothing is wider than the screen', async t => {
    const { page, says } = await demo(t)
    await says('#request-id', /\w{8}/)
    for (const width of [400, 1400]) {
      await page.setViewportSize({ width, height: 900 })
      t.equal(await page.evaluate('document.documentElement.scrollWidth'), width)
    }
    t.ok(Number(await page.evaluate('document.documentElement.scrollHeight')) <= 900, 'one screen on a desk')
  })
})
