import t from 'tap'
import { HeadScanner } from '../../../../proxy/listener/h1/head-scanner.ts'

const head = '\r\nGET / HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n\r\n'

/** What a scanner says that sees the bytes grow from cut to cut. */
function scanGrowing(text: string, cuts: readonly number[]): unknown {
  const scanner = new HeadScanner()
  for (const cut of cuts) {
    const found = scanner.scan(Buffer.from(text.slice(0, cut)), 1_000)
    if (found !== null) return found
  }
  return null
}

t.test('a head is found wherever its pieces are cut', async t => {
  const whole = { text: head.slice(2, -4), end: head.length }
  for (let cut = 0; cut < head.length; cut++)
    t.strictSame(scanGrowing(head, [cut, head.length]), whole, `cut at ${cut}`)
  const everyByte = Array.from(head, (_, i) => i + 1)
  t.strictSame(scanGrowing(head, everyByte), whole, 'byte by byte')
})

t.test('a bare LF or CR is refused as soon as it is there, wherever the pieces are cut', async t => {
  for (const bad of ['GET / HTTP/1.1\nHost: a\r\n', 'GET / HTTP/1.1\r\nHost: a\n\n', 'GET / HTTP/1.1\rHost: a\r\n']) {
    for (let cut = 0; cut < bad.length; cut++) {
      t.throws(() => scanGrowing(bad, [cut, bad.length]), { code: 'EDGE_REQUEST_MALFORMED' }, `cut at ${cut}`)
    }
  }
})

t.test('a head over the limit is refused before and after its end is there', async t => {
  const scanner = new HeadScanner()
  t.throws(() => scanner.scan(Buffer.alloc(11, 'a'), 10), { code: 'EDGE_HEAD_TOO_LARGE' })
  t.throws(() => new HeadScanner().scan(Buffer.from(`${'a'.repeat(11)}\r\n\r\n`), 10), { code: 'EDGE_HEAD_TOO_LARGE' })
  t.equal(new HeadScanner().scan(Buffer.from(`${'a'.repeat(10)}\r\n\r\n`), 10)?.end, 14)
})

t.test('after one head the next one is looked for from its beginning', async t => {
  const scanner = new HeadScanner()
  scanner.scan(Buffer.from(head), 1_000)
  t.equal(scanner.scan(Buffer.from('GET /b HTTP/1.1\r\n\r\n'), 1_000)?.text, 'GET /b HTTP/1.1')
})
