import t from 'tap'
import { roomOf } from '../../../compose/status/room.ts'
import { slotsOf } from '../../../compose/status/slot-status.ts'
import { container, findings } from './findings.ts'

const meminfo = 'MemTotal:  2000 kB\nMemAvailable:   1000 kB\n'
const room = (limitBytes: number, usedBytes: number) => {
  const blue = container('web-blue', 'app:1', { memoryLimitBytes: limitBytes })
  return roomOf(slotsOf(findings({ containers: [blue], memoryBytes: new Map([['web-blue', usedBytes]]) })), meminfo)
}

t.test('a second copy of what serves fits, or does not, as a swap would find', async t => {
  t.same(room(1_024_001, 0), {
    totalBytes: 2_048_000,
    availableBytes: 1_024_000,
    copies: [{ upstream: 'web', neededBytes: 1_024_001, fits: false }]
  })
  t.match(room(1_024_001, 100_000), { copies: [{ neededBytes: 150_000, fits: true }] })
  t.match(room(0, 0), { copies: [{ neededBytes: 0, fits: true }] }, 'nothing is known of it')
})

t.test('a machine that does not tell its memory has none to show', async t => {
  t.equal(roomOf(slotsOf(findings()), ''), null)
})
