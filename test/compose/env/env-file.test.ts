import fc from 'fast-check'
import t from 'tap'
import { readEnvFile } from '../../../compose/env/env-file.ts'

const reference = (name: string): string => `$\{${name}}`

/** What Compose 2.26 made of each, by `docker compose config`. */
const asCompose: readonly [string, Record<string, string>][] = [
  ['A=plain # c', { A: 'plain' }],
  ['A=pla#in', { A: 'pla#in' }],
  ['A=#c', { A: '#c' }],
  ['A=x\t#c', { A: 'x\t#c' }],
  ['# B=1\n\n  # C=1\nA=x', { A: 'x' }],
  ["A='si$ngle # x'   # c", { A: 'si$ngle # x' }],
  ["A='q' trailing", { A: 'q' }],
  ["A='it\\'s'", { A: "it's" }],
  ["A='a\\\\b'", { A: 'a\\\\b' }],
  ["A='a\\nb'", { A: 'a\\nb' }],
  ["A='x\\\\'\nB=1", { A: 'x\\\\', B: '1' }],
  ["A='multi\nline'\nB=2", { A: 'multi\nline', B: '2' }],
  ['A="dou\\"ble"', { A: 'dou"ble' }],
  ['A="a\\nb\\rc"', { A: 'a\nb\rc' }],
  ['A="a\\tb\\\\c"', { A: 'a\tb\\c' }],
  ['A="x\\\\"\nB=1', { A: 'x\\', B: '1' }],
  ['A="a\\qb"', { A: 'a\\qb' }],
  ['A="a\\$b"', { A: 'a$b' }],
  ['A="a\nb"', { A: 'a\nb' }],
  ['A="" # c', { A: '' }],
  ["A=a'b'", { A: "a'b'" }],
  ['A=a\\nb', { A: 'a\\nb' }],
  ['A=', { A: '' }],
  ['A=a=b=c', { A: 'a=b=c' }],
  ['  A =  x  ', { A: 'x' }],
  ['export A=exp', { A: 'exp' }],
  ['A: yaml', { A: 'yaml' }],
  ['A=x\r\nB=y\r\n', { A: 'x', B: 'y' }],
  ['\uFEFFA=x', { A: 'x' }],
  [`B=1\nA=x${reference('B')}y`, { A: 'x1y', B: '1' }],
  [`B=1\nA="x${reference('B')}"`, { A: 'x1', B: '1' }]
]

t.test('a file is read as Compose reads it', async t => {
  for (const [text, env] of asCompose) t.same(readEnvFile(text, '.env'), { env, faults: [] }, JSON.stringify(text))
})

t.test('a $ that Compose would replace is refused, without a word of the value', async t => {
  const unknown = ['ww', 'ww:-e', 'S'].map(name => `S=qq${reference(name)}`)
  for (const text of ['S=qq$ww', 'S="qq$ww"', 'S=qq$$ww', 'S=qq\\$ww', ...unknown]) {
    const [fault, ...more] = readEnvFile(text, '.env').faults
    t.match(fault, { name: 'S', found: /^a \$/, expected: "single quotes around what it is: S='…'" }, text)
    t.same(more, [])
    t.notMatch(JSON.stringify(fault), /qq|ww/)
  }
})

t.test('a name that stands there twice is told with both lines', async t => {
  const { env, faults } = readEnvFile("A=1\nB='x\ny'\nA=2\n", '.env')
  t.same(faults, [{ name: 'A', found: 'it on lines 1 and 4', expected: 'it once: the last counts' }])
  t.equal(env.A, '2', 'as Compose has it')
})

t.test('what Compose would stop at, or take for something else, is told with its line', async t => {
  const { env, faults } = readEnvFile("A=1\nsome words\nB='open\nC=# not a comment\n", '.env')
  t.same(faults, [
    { name: '.env:2', found: 'no NAME=value', expected: 'one, or a # before it' },
    { name: '.env:3', found: "one '", expected: 'another one where the value ends' },
    { name: 'C', found: 'a comment as its value', expected: 'it on a line above' }
  ])
  t.same(env, { A: '1', C: '# not a comment' })
})

t.test('every text is read to its end, whatever ends its lines', async t => {
  const texts = ['X=1\r\r\n', '\r', 'A\rB=1', '# \u2028', 'A=\u2029"', "A='\r"]
  // Not one by one: a report with such characters in it is cut there.
  t.ok(texts.every(text => Array.isArray(readEnvFile(text, '.env').faults)))
  const any = fc.array(
    fc.constantFrom('\r', '\n', '\u2028', '\u2029', '\u0085', 'A', '=', '"', "'", '#', '$', ' ', '\\')
  )
  fc.assert(fc.property(any, parts => Array.isArray(readEnvFile(parts.join(''), '.env').faults)))
})
