import t from 'tap'
import { readDocument } from '../../../../proxy/config/source/document.ts'
import { configOf, faultsOf, written } from '../written.ts'

t.test('what breaks YAML is a fault with its line and a way out', async t => {
  const broken: [string, number, RegExp][] = [
    ['a:\n\tb: 1', 2, /not indented with tabs/],
    ['a: 1\nb: "x', 2, /quote/],
    ['a:\n  - b\n c', 3, /indentation/],
    ['a: 1\n---\nb: 2', 2, /one document/],
    ['a: 1\nb: !important x', 2, /without a !tag/],
    ['listen: { https: [::1]:443 }', 1, /quotes around an IPv6 address/],
    ['a: 1\nb: c: d', 2, /one key on a line/],
    ['a: 1\nb: *nowhere', 2, /an anchor &nowhere above/],
    ['a: 1\n? [b]\n: c', 2, /key: value/]
  ]
  for (const [text, line, expected] of broken) {
    const { faults } = readDocument(text)
    t.match(faults, [{ line, expected }], text)
  }
})

t.test('the same line is not complained about twice', async t => {
  t.equal(readDocument('a: {b: [').faults.length, 1)
})

t.test('a key that comes twice is named with both of its lines, and its path', async t => {
  const [fault, ...rest] = readDocument('a:\n  b: 1\n  c: 2\n  b: 3').faults
  t.match(fault, { path: 'a.b', line: 4, found: 'a second "b"', expected: /on line 2/ })
  t.strictSame(rest, [])
})

t.test('a file with nothing in it is a fault', async t => {
  for (const text of ['', '\n\n', '# only a comment', '---', '~', 'text', '- a']) {
    t.match(faultsOf(text), [{ path: '', line: /^\d+$/, expected: /settings, such as/ }], JSON.stringify(text))
  }
})

t.test('aliases serve, as long as they do not multiply', async t => {
  const shared = 'routes: [{ &p path: /, upstream: web }]\n'
  t.ok(configOf(written(shared)))
  const twice = written(
    'routes: [{ path: /, upstream: web, idle: &long 600s }, { path: /b, upstream: web, idle: *long }]\n'
  )
  t.equal(configOf(twice).routes[1]?.idleMs, 600_000)
  const bomb = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]']
  for (let level = 1; level < 10; level++) bomb.push(`a${level}: &a${level} [${`*a${level - 1},`.repeat(10)}]`)
  const began = Date.now()
  t.match(readDocument(bomb.join('\n')).faults, [{ found: 'too many values inside each other' }])
  t.ok(Date.now() - began < 5000)
  const [itself, ...rest] = readDocument('a: &a [*a, *a]').faults
  t.match(itself, { found: 'too many values inside each other', line: 1 })
  t.strictSame(rest, [], 'said once')
})

t.test('neither depth nor length makes it throw', async t => {
  t.match(readDocument('['.repeat(5000)).faults, [{ path: '', expected: 'fewer levels of nesting' }])
  t.match(readDocument(`a: ${'x'.repeat(1_000_001)}`).faults, [{ expected: 'at most 1000000' }])
})

t.test('no value is guessed from how it looks', async t => {
  const { upstreams } = configOf(
    written(
      'upstreams: { web: { origin: "http://x", health: { path: /, body: no } }, my-api: { origin: "http://y", health: { path: /, body: 022 } } }'
    )
  )
  t.equal(upstreams.get('web')?.health?.body, 'no')
  t.equal(upstreams.get('my-api')?.health?.body, '022')
})
