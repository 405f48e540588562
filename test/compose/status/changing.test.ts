import t from 'tap'
import { changingOf } from '../../../compose/status/changing.ts'
import { pending } from './findings.ts'

const lock = { who: 'li@cn', verb: 'swap web app:3', since: '2026-11-01T00:00:00Z', pid: 42, isAlive: true }
const blue = new Map([['web', 'blue']] as const)
const green = new Map([['web', 'green']] as const)

t.test('a change is in progress while its process lives, with the step that it is at', async t => {
  const planned = { state: 'in progress', what: 'swap web app:3', who: 'li@cn', pid: 42, step: null, hasFlipped: null }
  t.match(changingOf(lock, null, blue), planned)
  t.match(changingOf(lock, pending('promote'), blue), { step: 'promote', hasFlipped: false, next: null })
  t.match(changingOf(lock, pending('drainOld'), green), { step: 'drainOld', hasFlipped: true })
})

t.test('what a dead command left is finished or undone, by which slot serves', async t => {
  const dead = { ...lock, isAlive: false }
  const left = { state: 'unfinished', what: 'the swap of web to app:3', who: 'li@cn', pid: null, step: 'promote' }
  t.match(changingOf(dead, pending('promote'), blue), { ...left, next: /^twinedge slots settle undoes it/ })
  t.match(changingOf(null, pending('promote'), green), { ...left, next: /^twinedge slots settle finishes it/ })
  t.match(changingOf(null, pending('promote'), null), { ...left, hasFlipped: null, next: /^once the edge answers/ })
})

t.test('nobody changes anything: a lock of the dead is no change', async t => {
  t.equal(changingOf(null, null, blue), null)
  t.equal(changingOf({ ...lock, isAlive: false }, null, blue), null)
})
