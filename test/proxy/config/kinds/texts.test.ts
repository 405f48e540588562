import t from 'tap'
import { filePath, name, pathPrefix, requestPath, text } from '../../../../proxy/config/kinds/texts.ts'

t.test('a route begins with a plain path that a request could have', async t => {
  for (const right of ['/', '/api/', '/a%20b', '/_next/static/', '/.well-known/x'])
    t.equal(pathPrefix.read(right), right)
  for (const wrong of ['', 'api', '/a b', '/a?b', '/a#b', '/a\\b', '//a', '/a//b', '/a/../b', '/.', '/a/..']) {
    t.equal(pathPrefix.read(wrong), undefined, JSON.stringify(wrong))
  }
  const named = { '/api/*': /without a \*/, '~ ^/api': /regular expressions/, '/表格': /percent-encoded/ }
  for (const [wrong, why] of Object.entries(named)) {
    t.equal(pathPrefix.read(wrong), undefined, wrong)
    t.match(pathPrefix.why?.(wrong), why)
  }
})

t.test('a probe may carry a query', async t => {
  t.equal(requestPath.read('/health?deep=1'), '/health?deep=1')
  for (const wrong of ['', 'health', '/a b', '/a#b', '/a\r\nx: y', 'http://x/'])
    t.equal(requestPath.read(wrong), undefined, wrong)
})

t.test('a name can be told from an environment variable', async t => {
  for (const right of ['a', 'my-api', 'api2', '2']) t.equal(name.read(right), right)
  for (const wrong of ['', 'My', 'my_api', '-a', 'a-', 'a.b', 'a b', 'x'.repeat(64)])
    t.equal(name.read(wrong), undefined, wrong)
})

t.test('texts and paths are anything but nothing', async t => {
  t.equal(text.read('"status":"ok"'), '"status":"ok"')
  t.equal(text.read(''), undefined)
  t.equal(filePath.read('certs/证书.pem'), 'certs/证书.pem')
  t.equal(filePath.read(''), undefined)
  t.equal(filePath.read('a\0b'), undefined)
})
