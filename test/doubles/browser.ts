import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { type Browser, chromium, type Page } from 'playwright-core'

const CHROMIUM = '/usr/bin/chromium'
const WAIT_MS = 20_000

/** Why the tests in a browser cannot run here, in one line; '' when they can. */
export const browserMissing = existsSync(CHROMIUM) ? '' : `no ${CHROMIUM} here: apt-get install chromium`

/** A real Chromium with a profile of its own, quiet, and without HTTP/3, which no edge of ours speaks. */
export function launchBrowser(): Promise<Browser> {
  const quiet = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', ...quiet]
  })
}

export interface OpenDemo {
  readonly page: Page
  /** Every console error, uncaught exception and failed request, as it happened. */
  readonly complaints: string[]
  /** What an element says now. */
  text(selector: string): Promise<string>
  /** Waits until an element says what `pattern` matches. */
  says(selector: string, pattern: RegExp): Promise<string>
  close(): Promise<void>
}

/** Opens the demo page, whoever serves it; a certificate that this browser does not know is accepted. */
export async function openDemo(url: string, locale = 'en-GB'): Promise<OpenDemo> {
  const browser = await launchBrowser()
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale })
  context.setDefaultTimeout(WAIT_MS)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  page.on('requestfailed', failed => complaints.push(`${failed.url()}: ${failed.failure()?.errorText}`))
  await page.goto(url)
  const text = async (selector: string): Promise<string> => (await page.textContent(selector)) ?? ''
  const says = async (selector: string, pattern: RegExp): Promise<string> => {
    await page.locator(selector, { hasText: pattern }).first().waitFor()
    return text(selector)
  }
  return { page, complaints, text, says, close: () => browser.close() }
}

/** The least that can stand in for the edge: `/api/` to one origin, the rest to the other, a request id, upgrades. */
export async function startRouter(web: string, api: string): Promise<{ url: string; close(): Promise<void> }> {
  const originOf = (path = '/'): URL => new URL(path.startsWith('/api/') ? api : web)
  const server = createServer((asked, answer) => {
    const { hostname, port } = originOf(asked.url)
    const { method, url: path, headers } = asked
    const onward = request({ hostname, port, method, path, headers, agent: false }, reply => {
      answer.writeHead(reply.statusCode ?? 502, { ...reply.headers, 'x-request-id': randomUUID() })
      answer.flushHeaders()
      reply.on('error', () => answer.destroy()).pipe(answer)
    })
    onward.on('error', () => {
      if (answer.headersSent) return answer.destroy()
      answer.writeHead(502, { 'content-type': 'application/json', 'x-request-id': randomUUID() })
      answer.end('{"code":"EDGE_UPSTREAM_CLOSED"}')
    })
    answer.on('close', () => onward.destroy())
    asked.pipe(onward)
  })
  server.on('upgrade', (asked, socket) => {
    const { hostname, port } = originOf(asked.url)
    const onward = connect(Number(port), hostname)
    const lines = asked.rawHeaders.map((text: string, i: number) => text + (i % 2 === 0 ? ': ' : '\r\n'))
    onward.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${lines.join('')}\r\n`)
    onward.on('error', () => socket.destroy()).pipe(socket)
    socket.on('error', () => onward.destroy()).pipe(onward)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = (): Promise<void> =>
    new Promise(resolve => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { url: `http://127.0.0.1:${port}/`, close }
}
