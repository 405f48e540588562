import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import type { Test } from 'tap'
import { converse } from '../../doubles/stack/conversation.ts'
import type { Promises, Way } from './way.ts'

const types: Readonly<Record<string, RegExp>> = {
  js: /^application\/javascript/,
  css: /^text\/css/,
  png: /^image\/png$/,
  woff2: /^font\/woff2$/
}
const FOR_A_YEAR = 'public, max-age=31536000, immutable'

/** What Next.js answers, and the edge passes on. */
export const pages: Promises = {
  async 'every page comes with all its assets, byte for byte'(t, way) {
    const paths = new Set<string>()
    for (const path of ['/', '/build', '/login']) {
      const page = await converse(t, way.edge, way.protocol, { path })
      t.match(page, { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } }, path)
      for (const found of assetsIn(await page.text())) paths.add(found)
    }
    for (const extension of ['js', 'css', 'png']) {
      t.ok(
        [...paths].some(path => path.endsWith(`.${extension}`)),
        `the pages name some .${extension}`
      )
    }
    for (const path of paths) await isWhole(t, way, path)
  },

  async 'an asset that the browser has is a 304, and HEAD has no body'(t, { edge, protocol }) {
    const [path = ''] = assetsIn(await (await converse(t, edge, protocol, { path: '/' })).text())
    const head = await converse(t, edge, protocol, { method: 'HEAD', path })
    t.match(head, { status: 200, headers: { 'content-length': /^[1-9]\d*$/, etag: /./ } })
    t.equal(await head.text(), '')
    const again = await converse(t, edge, protocol, { path, headers: { 'if-none-match': String(head.headers.etag) } })
    t.match(again, { status: 304, headers: { 'cache-control': FOR_A_YEAR } })
    t.equal(await again.text(), '')
  },

  async 'a page passes as Next compressed it'(t, { edge, protocol }) {
    const page = await converse(t, edge, protocol, { path: '/', headers: { 'accept-encoding': 'gzip' } })
    t.match(page.headers, { 'content-encoding': 'gzip', vary: /accept-encoding/i })
    t.match(String(gunzipSync(Buffer.concat(await page.body.toArray()))), 'data-testid="web-host"')
  },

  async "Next's own 404, and its navigation without a page, pass as they are"(t, { edge, protocol }) {
    const missing = await converse(t, edge, protocol, { path: encodeURI('/没有') })
    t.match(missing, {
      status: 404,
      headers: { 'content-type': 'text/html; charset=utf-8', 'x-powered-by': 'Next.js' }
    })
    t.match(await missing.text(), 'This page could not be found')
    // Next sends whoever asks without the right mark to the right one.
    const hinted = await converse(t, edge, protocol, { path: '/build?_rsc=1', headers: { rsc: '1' } })
    t.match(hinted, { status: 307, headers: { location: /^\/build\?_rsc/ } })
    const inner = await converse(t, edge, protocol, { path: String(hinted.headers.location), headers: { rsc: '1' } })
    t.match(inner, { status: 200, headers: { 'content-type': /^text\/x-component/ } })
    t.match(await inner.text(), '/_next/static/chunks/')
  }
}

/** The paths that a page has the browser fetch. */
function assetsIn(html: string): string[] {
  return [...new Set(html.match(/\/_next\/static\/[\w/.~-]+\.\w+|\/logo\.png/g))]
}

async function isWhole(t: Test, { edge, protocol, webPort }: Way, path: string): Promise<void> {
  const own = await fetch(`http://127.0.0.1:${webPort}${path}`)
  const asset = await converse(t, edge, protocol, { path })
  const extension = path.split('.').at(-1) ?? ''
  t.equal(asset.status, 200, path)
  t.match(asset.headers['content-type'], types[extension] ?? /^never$/, `${path}: type`)
  const isHashed = path.startsWith('/_next/static/')
  t.equal(asset.headers['cache-control'], isHashed ? FOR_A_YEAR : own.headers.get('cache-control'), `${path}: cache`)
  const bytes = Buffer.concat(await asset.body.toArray())
  t.equal(hash(bytes), hash(Buffer.from(await own.arrayBuffer())), `${path}: bytes`)
}

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
