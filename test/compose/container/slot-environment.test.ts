import { execFileSync } from 'node:child_process'
import t from 'tap'
import { exportLines, readSlotEnvironment } from '../../../compose/container/slot-environment.ts'

t.test('NAME=VALUE, or NAME with the value that the command itself has', async t => {
  t.same(readSlotEnvironment(['A=b=c', 'E=', 'TOKEN'], { TOKEN: 't', A: 'no' }), { A: 'b=c', E: '', TOKEN: 't' })
  t.same(readSlotEnvironment([], { A: 'b' }), {})
})

t.test('what cannot be meant is refused, and no value is told', async t => {
  for (const [texts, detail] of [
    [['=hidden'], /expected NAME=VALUE/],
    [['hidden value'], /expected NAME=VALUE/],
    [['1A=hidden'], /expected NAME=VALUE/],
    [['TOKEN'], /expected TOKEN=VALUE, or TOKEN in the environment of this command$/],
    [['A=hidden', 'B=', 'A=hidden'], /A is given twice$/]
  ] as const) {
    t.throws(() => readSlotEnvironment(texts, {}), { code: 'EDGE_USAGE', detail }, texts.join(' '))
    try {
      readSlotEnvironment(texts, {})
    } catch (cause) {
      t.notMatch((cause as Error).message, 'hidden')
    }
  }
})

t.test('a shell reads every value as it is', async t => {
  const values = { A: `it's "$HOME" \`id\` $(id)`, B: 'two\nlines\\', C: '', D: 'Grüße 你好' }
  const show = `${exportLines(values)}exec "$0" -p "JSON.stringify([process.env.A, process.env.B, process.env.C, process.env.D])"`
  const { NODE_OPTIONS: _, ...env } = process.env
  const out = execFileSync('/bin/sh', ['-c', show, process.execPath], { env }).toString()
  t.same(JSON.parse(out), Object.values(values))
})
