import t from 'tap'
import type { Entry } from '../../../compose/record/journal.ts'
import { nextRelease, outdated, releasesOf, rollbackTarget } from '../../../compose/record/releases.ts'

function entry(release: number, before: number | null, outcome: Entry['outcome'] = 'done'): Entry {
  const fixed = {
    at: '',
    who: '',
    verb: 'swap',
    upstream: 'web',
    code: null,
    slot: 'blue',
    tookMs: 0,
    report: null
  } as const
  return {
    ...fixed,
    outcome,
    release,
    before,
    image: `app:${release}`,
    imageId: `sha256:${release}`,
    tag: `web:release-${release}`
  }
}

const journal = [entry(1, null), entry(2, 1), entry(3, 2, 'failed'), entry(4, 2), { ...entry(9, 8), upstream: 'api' }]

t.test('without a number it goes to what served before, and then forward again', async t => {
  t.equal(rollbackTarget(journal, 'web', undefined).release, 2)
  const after = [...journal, entry(2, 4)]
  t.equal(rollbackTarget(after, 'web', undefined).release, 4)
  t.equal(rollbackTarget(after, 'web', 1).release, 1)
})

t.test('a release that failed, that serves, or of another upstream is none to go to', async t => {
  t.throws(() => rollbackTarget(journal, 'web', 3), {
    code: 'COMPOSE_NO_RELEASE',
    detail: 'web: no release 3; kept besides: 1, 2'
  })
  t.throws(() => rollbackTarget(journal, 'web', 4), {
    code: 'COMPOSE_NO_RELEASE',
    detail: 'web: release 4 serves already; kept besides: 1, 2'
  })
  t.throws(() => rollbackTarget(journal, 'web', 9), {
    code: 'COMPOSE_NO_RELEASE',
    detail: 'web: no release 9; kept besides: 1, 2'
  })
  t.throws(() => rollbackTarget([], 'web', undefined), {
    code: 'COMPOSE_NO_RELEASE',
    detail: 'web was never swapped here'
  })
  t.throws(() => rollbackTarget([entry(1, null)], 'web', undefined), {
    code: 'COMPOSE_NO_RELEASE',
    detail: 'web: no release before this one; no other is kept'
  })
})

t.test('numbers are not given twice, not even that of a failure', async t => {
  t.equal(nextRelease(journal, 'web'), 5)
  t.equal(nextRelease([entry(3, 2, 'failed')], 'web'), 4)
  t.equal(nextRelease([], 'web'), 1)
})

t.test('those that served last are kept, however old they are', async t => {
  const after = [...journal, entry(1, 4)]
  t.same(
    releasesOf(after, 'web').map(({ release }) => release),
    [2, 4, 1]
  )
  t.same(
    outdated(after, 'web', 2).map(({ release }) => release),
    [2]
  )
  t.same(
    outdated(after, 'web', 0).map(({ release }) => release),
    [2, 4],
    'what serves is always kept'
  )
})

t.test('an image is over when no release that is kept runs it', async t => {
  const after = [...journal, { ...entry(5, 4), imageId: 'sha256:1' }]
  t.same(
    outdated(after, 'web', 2).map(({ release, isImageOver }) => [release, isImageOver]),
    [
      [1, false],
      [2, true]
    ]
  )
})

t.test('a release that was taken back takes no place of one that is kept, until it serves again', async t => {
  const back = (to: number, from: number): Entry => ({ ...entry(to, from), verb: 'take-back' })
  const failed = [entry(1, null), entry(2, 1), entry(3, 2), back(2, 3), entry(4, 2), back(2, 4), entry(5, 2)]
  const old = (journal: readonly Entry[]): number[] => outdated(journal, 'web', 3).map(({ release }) => release)
  t.same(old(failed), [3, 4])
  t.same(old([...failed, { ...entry(4, 5), verb: 'rollback' }]), [1, 3])
})
