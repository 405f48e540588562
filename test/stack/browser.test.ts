import { createHash, randomBytes } from 'node:crypto'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { browserMissing, launchBrowser } from '../doubles/browser.ts'
import { engineMissing } from '../doubles/stack/engine.ts'
import { upSite } from '../doubles/stack/site.ts'
import type { Stack } from '../doubles/stack/stack.ts'

t.setTimeout(240_000)

const WAIT_MS = 20_000
const TOKENS = 40
/** Chromium drops what is under way when a network interface of some container comes or goes. */
const CHANGED = 'net::ERR_NETWORK_CHANGED'

interface Tab {
  readonly page: Page
  /** Every console error, uncaught exception and failed request, as it happened. */
  readonly complaints: string[]
  /** Waits until the element says just this. */
  says(testId: string, what: string | RegExp): Promise<void>
}

async function open(t: Test, edge: Stack, path: string): Promise<Tab> {
  const browser = await launchBrowser()
  t.teardown(() => browser.close())
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
  page.setDefaultTimeout(WAIT_MS)
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  page.on('requestfailed', failed => {
    // What the browser itself gives up when its page is left is nobody's fault.
    const why = failed.failure()?.errorText ?? ''
    if (why !== 'net::ERR_ABORTED') complaints.push(`${failed.url()}: ${why}`)
  })
  const url = `https://localhost:${edge.httpsPort}${path}`
  await page.goto(url, { waitUntil: 'networkidle' }).catch(error => {
    if (!String(error).includes(CHANGED)) throw error
    complaints.length = 0
    return page.goto(url, { waitUntil: 'networkidle' })
  })
  const says = async (testId: string, what: string | RegExp): Promise<void> => {
    const exactly = typeof what === 'string' ? new RegExp(`^${what}$`) : what
    await page.getByTestId(testId).filter({ hasText: exactly }).waitFor()
  }
  return { page, complaints, says }
}

/** How many tokens there were each time that there were more, until the stream was over. */
const growth = `new Promise(resolve => {
  const counts = [], find = id => document.querySelector('[data-testid=' + id + ']')
  new MutationObserver(() => {
    const count = find('tokens').children.length
    if (count > (counts.at(-1) ?? 0)) counts.push(count)
  }).observe(find('tokens'), { childList: true })
  new MutationObserver(() => find('chat-state').textContent === 'completed' && resolve(counts))
    .observe(find('chat-state'), { characterData: true, subtree: true, childList: true })
  find('send').click()
})`

t.test('the sample site in a real browser', { skip: engineMissing || browserMissing }, async t => {
  const site = await upSite(t)
  for (const [server, edge] of Object.entries(site) as [string, Stack][]) {
    t.test(`works whole through the ${server}'s edge, without one complaint`, async t => {
      const { page, complaints, says } = await open(t, edge, `/?n=${TOKENS}&ms=50`)
      await says('api-hostname', (await site.backend.container('api-blue')).slice(0, 12))
      await says('web-host', (await site.frontend.container('web-blue')).slice(0, 12))
      t.equal(await page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol"), 'h2')
      const logo = "document.querySelector('[data-testid=logo]')"
      t.ok(await page.evaluate(`${logo}.complete && ${logo}.naturalWidth > 0`), 'the logo is drawn')

      const counts = (await page.evaluate(growth)) as number[]
      t.equal(counts.at(-1), TOKENS)
      t.ok(counts.length > TOKENS / 2, `${TOKENS} tokens were drawn in ${counts.length} steps`)
      for (const testId of ['chat-missed', 'chat-cuts']) await says(testId, '0')

      const buffer = randomBytes(5_000_000)
      await page.getByTestId('file').setInputFiles({ name: '报表.xlsx', mimeType: 'application/octet-stream', buffer })
      await says('upload-state', 'hashes agree')
      await says('upload-sha256', createHash('sha256').update(buffer).digest('hex'))

      await page.getByTestId('ws-text').fill('工作簿')
      await page.getByTestId('ws-send').click()
      await says('ws-echo', '工作簿')
      await says('ws-state', 'open')

      await page.evaluate('globalThis.isSameDocument = true')
      await page.getByTestId('to-build').click()
      await says('build', /came with build/)
      await page.getByTestId('show-details').click()
      await says('details', /So did this chunk/)
      await page.goBack()
      await says('chat-state', 'idle')
      t.equal(await page.evaluate('globalThis.isSameDocument'), true, 'without a new document, there and back')
      await page.reload({ waitUntil: 'networkidle' })
      await says('api-hostname', /^[0-9a-f]{12}$/)
      t.equal(await page.evaluate('globalThis.isSameDocument'), undefined)
      t.same(complaints, [])
    })
  }
})
