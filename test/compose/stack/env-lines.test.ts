import { parseEnv } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { withVariables } from '../../../compose/stack/env-lines.ts'

t.test('what is there is changed in its place, what is new comes last, all the rest stays', async t => {
  const text = '# WEB_GREEN_IMAGE=commented\nA="b # c"\nexport WEB_GREEN_IMAGE = old # why\n\nB=1'
  t.equal(
    withVariables(text, { WEB_GREEN_IMAGE: 'new', COMPOSE_PROFILES: 'web-green' }),
    '# WEB_GREEN_IMAGE=commented\nA="b # c"\nWEB_GREEN_IMAGE=new\n\nB=1\nCOMPOSE_PROFILES=web-green\n'
  )
  t.equal(withVariables('', { A: 'b' }), 'A=b\n')
  t.equal(withVariables('A=1\n', { A: '1' }), 'A=1\n')
  t.equal(withVariables('A=1\r\nB=2\r\n', { A: '3' }), 'A=3\r\nB=2\r\n', 'lines end as they did')
})

t.test('of several lines the last one counts, and is the one that is changed', async t => {
  t.equal(withVariables('A=1\nA=2\nB=3\n', { A: '4' }), 'A=1\nA=4\nB=3\n')
})

t.test('a line within a quoted value is none', async t => {
  const text = 'KEY="-----BEGIN\nWEB_IMAGE=no\n-----END"\nQUOTE=\'a\nWEB_IMAGE=neither\'\n'
  t.equal(withVariables(text, { WEB_IMAGE: 'x' }), `${text}WEB_IMAGE=x\n`)
})

t.test('whatever stands there, it says afterwards what it was given, and of the rest what it said', async t => {
  const line = fc.oneof(
    fc
      .tuple(fc.constantFrom('A', 'B', 'C', 'WEB_IMAGE'), fc.stringMatching(/^[a-z0-9:/.-]{0,9}$/))
      .map(([a, b]) => `${a}=${b}`),
    fc.stringMatching(/^# [ -~]{0,20}$/),
    fc.constant(''),
    fc.constantFrom('B="x\nA=1\ny"', "C='A=2'")
  )
  const texts = fc.tuple(fc.array(line), fc.constantFrom('', '\n')).map(([lines, end]) => lines.join('\n') + end)
  fc.assert(
    fc.property(texts, text => {
      const after = withVariables(text, { WEB_IMAGE: 'new', A: 'set' })
      t.same(parseEnv(after), { ...parseEnv(text), WEB_IMAGE: 'new', A: 'set' })
    })
  )
})
