import t, { type Test } from 'tap'
import { startDemoWeb } from '../../../proxy/demo/web.ts'

async function demo(t: Test): Promise<string> {
  const web = await startDemoWeb()
  t.teardown(() => web.close())
  return web.origin
}

t.test('the page and everything that it names are served, each with its type', async t => {
  const origin = await demo(t)
  const page = await fetch(`${origin}/`)
  t.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
  const html = await page.text()
  const script = await (await fetch(`${origin}/panels.js`)).text()
  const named = [...html.matchAll(/(?:href|src)="(\/[^"]*\.\w+)"/g), ...script.matchAll(/from '\.(\/[^']+)'/g)]
  t.ok(named.length >= 3)
  for (const [, path] of named) t.equal((await fetch(origin + path)).status, 200, `${path} is served`)
})

t.test('nothing is fetched from elsewhere, and nothing runs inline', async t => {
  const page = await fetch(`${await demo(t)}/`)
  t.match(page.headers.get('content-security-policy'), /^default-src 'none'; script-src 'self'; style-src 'self'/)
  const html = await page.text()
  t.notMatch(html, /(?:href|src)="(?:https?:)?\/\//)
  t.notMatch(html, /<script(?![^>]*src=)|\son\w+=|\sstyle=/)
})

t.test('what is said in English is said in Chinese', async t => {
  const html = await (await fetch(`${await demo(t)}/`)).text()
  const english = Array.from(html.matchAll(/<(?:h2|h3|dt|th|button|label)\b([^>]*)>([^<]+)</g))
  const bare = english.filter(([, attributes, text]) => !attributes?.includes('data-zh') && /[a-z]{2}/.test(text ?? ''))
  t.same(
    bare.map(([, , text]) => text?.trim()),
    ['X-Forwarded-For', 'X-Forwarded-Proto']
  )
})

t.test('login answers the health check, other paths and methods are refused', async t => {
  const origin = await demo(t)
  t.equal((await fetch(`${origin}/login`)).status, 200)
  t.equal((await fetch(`${origin}/nowhere`)).status, 404)
  t.equal((await fetch(`${origin}/`, { method: 'POST' })).status, 405)
})

t.test('an unchanged page is not sent twice', async t => {
  const origin = await demo(t)
  const tag = (await fetch(`${origin}/`)).headers.get('etag') ?? ''
  const again = await fetch(`${origin}/`, { headers: { 'if-none-match': tag } })
  t.equal(again.status, 304)
  t.equal(await again.text(), '')
})
