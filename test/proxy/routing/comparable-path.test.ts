import fc from 'fast-check'
import t from 'tap'
import { comparablePath } from '../../../proxy/routing/route.ts'

const runs = { numRuns: 2_000 }
const pieces = [
  '/',
  '//',
  '.',
  '..',
  '%2e',
  '%2E',
  '%2f',
  '%5c',
  '%',
  '%2',
  '%00',
  '%c0%ae',
  '%252e',
  'a',
  'api',
  ';',
  '\\'
]
const targets = fc
  .tuple(
    fc.array(fc.constantFrom(...pieces, '\xe4\xbd\xa0'), { maxLength: 14 }),
    fc.constantFrom('', '?', '?/../..', '?a=//b')
  )
  .map(([path, query]) => `/${path.join('')}${query}`)

t.test('a comparable path has no dot segments and no doubled slashes, and never throws', async () => {
  const isPlain = fc.property(targets, target => {
    const path = comparablePath(target)
    return path.startsWith('/') && !path.includes('//') && !/\/\.{1,2}(?:\/|$)/.test(path) && !path.includes('?')
  })
  fc.assert(isPlain, runs)
})

t.test('whatever bytes a target has, comparing does not throw', async () => {
  const anything = fc.property(fc.string({ unit: 'binary', maxLength: 60 }), text => comparablePath(`/${text}`) !== '')
  fc.assert(anything, runs)
})

t.test('dots and slashes mean what they mean to an upstream that decodes first', async t => {
  const rows = {
    '/api/x': '/api/x',
    '/x/../api/': '/api/',
    '/x/%2e%2e/api/': '/api/',
    '/x/%2E./api/': '/api/',
    '/x%2f..%2fapi/': '/api/',
    '//api//x': '/api/x',
    '/api/.': '/api/',
    '/api/..': '/',
    '/../../api': '/api',
    '/api%2Fx': '/api/x',
    '/%61pi/': '/api/',
    '/a%252e%252e/b': '/a%2e%2e/b',
    '/api/...': '/api/...',
    '/api/.x': '/api/.x',
    '/api?/../x': '/api',
    '/%zz/%': '/%zz/%',
    '/': '/',
    '//': '/'
  }
  for (const [target, path] of Object.entries(rows)) t.equal(comparablePath(target), path, target)
})
