import t from 'tap'
import { checkMemory, memoryAvailable, memoryNeeded } from '../../../compose/stack/memory.ts'

const mb = 1_048_576

t.test('a second copy takes half as much again as the first has in use, its limit at most', async t => {
  t.equal(memoryNeeded({ limitBytes: 384 * mb, usedBytes: 100 * mb }), 150 * mb)
  t.equal(memoryNeeded({ limitBytes: 120 * mb, usedBytes: 100 * mb }), 120 * mb)
  t.equal(memoryNeeded({ limitBytes: 384 * mb, usedBytes: 0 }), 384 * mb, 'nothing runs to go by')
  t.equal(memoryNeeded({ limitBytes: 0, usedBytes: 100 * mb }), 150 * mb, 'no limit')
  t.equal(memoryNeeded({ limitBytes: 0, usedBytes: 0 }), 0, 'nothing is known')
})

t.test('what the kernel says is available counts, not what is free', async t => {
  t.equal(memoryAvailable('MemTotal:  9 kB\nMemFree:   1 kB\nMemAvailable:    2048 kB\n'), 2 * mb)
  t.equal(memoryAvailable('nothing of the kind'), Number.POSITIVE_INFINITY)
})

t.test('a refusal has the figures', async t => {
  const need = { limitBytes: 384 * mb, usedBytes: 100 * mb }
  t.throws(() => checkMemory('web-blue', need, 'MemAvailable: 102400 kB\n'), {
    code: 'COMPOSE_MEMORY_SHORT',
    detail: 'a second copy needs some 150 MB (100 MB in use by web-blue now), 100 MB are free'
  })
  t.doesNotThrow(() => checkMemory('web-blue', need, 'MemAvailable: 153600 kB\n'))
})
