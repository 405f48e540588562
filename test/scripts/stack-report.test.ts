import t from 'tap'
import { historyTable, seenReport } from '../../scripts/stack/report.ts'
import { stackReport } from '../../scripts/stack/status-report.ts'
import { entry } from '../compose/status/findings.ts'

const nowMs = Date.parse('2026-11-01T02:00:00Z')
const report = { requests: 9_999, failed: 0, carried: { requests: 1, streams: 2, webSockets: 0 }, cut: 0, longestMs: 5 }

t.test('history says which release serves after each outcome, within 120 columns', async t => {
  const long = {
    image: 'registry.example.com:5000/some/team/web-app:2026-11-22',
    who: 'administrator@frontend-server-1'
  }
  const told = historyTable(
    [
      entry({ verb: 'found', release: 1, before: null }),
      entry({ report, ...long }),
      entry({ verb: 'rollback', outcome: 'resumed', release: 1, before: 2 }),
      entry({ outcome: 'failed', code: 'COMPOSE_CANDIDATE_FAILED', release: 3, ...long }),
      entry({ outcome: 'undone', release: 4 }),
      entry({ outcome: 'failed', code: 'COMPOSE_REFUSED', release: 1, before: 0 })
    ],
    nowMs
  ).split('\n')
  const rows = told.map(line =>
    line
      .split(/ {2,}/)
      .slice(1, 4)
      .concat(line.split(/ {2,}/)[6] ?? '')
  )
  t.same(rows.slice(1), [
    ['found web', '1', 'done', '-'],
    ['swap web', '1 → 2', 'done', '0 of 9999 failed, 0 cut'],
    ['rollback web', '2 → 1', 'resumed', 'not counted'],
    ['swap web', '1, not 3', 'failed', 'COMPOSE_CANDIDATE_FAILED'],
    ['swap web', '1, not 4', 'undone', '-'],
    ['swap web', 'not 1', 'failed', 'COMPOSE_REFUSED']
  ])
  t.match(told[2], /^2 h ago .* …team\/web-app:2026-11-22 +4\.2 s .* …ontend-server-1$/)
  t.ok(Math.max(...told.map(({ length }) => length)) <= 120)
})

t.test('what is held, left over, short of memory or strange is told, and cannot forge a line', async t => {
  const copies = [
    { upstream: 'web', neededBytes: 104_857_600, fits: false },
    { upstream: 'api', neededBytes: 0, fits: true }
  ]
  const changing = {
    state: 'unfinished',
    what: 'the swap',
    who: 'li\n@cn',
    since: '2026-11-01T01:00:00Z',
    pid: null
  } as const
  const text = stackReport(
    {
      ...{ project: 'p', folder: '/srv', slots: [], holds: [{ upstream: 'web', mode: 'paused', waiting: 4 }] },
      changing: { ...changing, step: 'promote', hasFlipped: null, next: 'wait' },
      last: [entry({ outcome: 'failed', code: 'COMPOSE_REFUSED', release: 3, before: 2 })],
      memory: { totalBytes: 1_073_741_824, availableBytes: 52_428_800, copies },
      disagreements: [{ said: 'odd', next: 'mend' }]
    },
    nowMs
  )
  t.same(text.split('\n').slice(3), [
    'hold: web is paused, 4 requests waiting',
    'last change: swap web app:2 (release 2, not 3): FAILED, COMPOSE_REFUSED; li@cn, 2 h ago',
    'UNFINISHED: the swap, begun by li\\u000a@cn 1 h ago, left at promote, who serves is not known',
    '  next: wait',
    'memory: 50 MB of 1024 MB available; a second web needs some 100 MB, which DOES NOT FIT: swap with --hold; ' +
      'what a second api needs is not known',
    'WARNING: odd',
    '  next: mend'
  ])
})

t.test('where nobody came, no row of noughts is told', async t => {
  const none = { requests: 0, failed: 0, carried: { requests: 0, streams: 0, webSockets: 0 }, cut: 0, longestMs: 0 }
  t.equal(seenReport({ report: none, tookMs: 4_200 }), 'nobody came meanwhile; 4.2 s in all')
  t.match(seenReport({ report: { ...none, cut: 1 }, tookMs: 4_200 }), /^0 requests meanwhile, 0 failed; .*cut: 1/)
})
