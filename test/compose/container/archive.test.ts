import { execFileSync } from 'node:child_process'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { archiveOf } from '../../../compose/container/archive.ts'

t.test('tar reads it: one file, for everybody, of any length', async t => {
  for (const text of ['', 'one\n', 'é'.repeat(256), 'x'.repeat(100_000)]) {
    const input = await buffer(archiveOf('environment', text))
    t.equal(input.length % 512, 0)
    t.equal(execFileSync('tar', ['-xO', 'environment'], { input }).toString(), text)
    t.match(
      execFileSync('tar', ['-tv', '--numeric-owner'], { input }).toString(),
      /^-r--r--r-- 0\/0 +\d+ .*environment\n$/
    )
  }
})
