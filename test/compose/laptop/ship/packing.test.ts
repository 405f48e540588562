import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Packing } from '../../../../compose/laptop/ship/packing.ts'

t.test('what is still being packed when the operator has stopped it is cleared away', async t => {
  const { TMPDIR } = process.env
  const folder = t.testdir({})
  process.env.TMPDIR = folder
  t.teardown(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  })
  const packing = await Packing.open('x:one', [])
  const own = join(folder, readdirSync(folder)[0]!)
  let pieces = 0
  const write = (): void => {
    try {
      if (pieces < 2_000) writeFileSync(join(own, `piece-${pieces++}`), '')
    } catch {} // it is gone
  }
  const writing = setInterval(() => Array.from({ length: 20 }, write), 1)
  await packing.close()
  clearInterval(writing)
  t.same(readdirSync(folder), [])
})
