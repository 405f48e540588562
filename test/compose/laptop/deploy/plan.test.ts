import t from 'tap'
import { type Plan, planDeploy, planRollback } from '../../../../compose/laptop/deploy/plan.ts'
import {
  deploysOf,
  refuseOvertaken,
  refuseUnfinished,
  servingOf,
  unfinishedOf
} from '../../../../compose/laptop/site/deploys.ts'
import type { Begun, DeployLine, Ended, Releases } from '../../../../compose/server/deploy/records.ts'
import { how, siteOf } from '../../../doubles/deploy-servers.ts'

const site = siteOf('frontend', 'backend')

/** Deploys one after the other, as both servers have written them. */
class Past {
  readonly lines: DeployLine[] = []
  serving: Releases = {}

  plan(): Plan {
    const deploys = deploysOf([this.lines])
    return { site, deploys, serving: this.serving, id: `id-${this.lines.length}`, who: 'ann@desk', at: '', how }
  }

  add(begun: Begun, event: Ended['event'] | null): this {
    this.lines.push(begun)
    if (event === null) return this
    const moved = begun.moves.map(({ part, to }) => [
      part,
      'release' in to ? to.release : (this.serving[part] ?? 1) + 1
    ])
    if (event === 'done') this.serving = { ...this.serving, ...Object.fromEntries(moved) }
    this.lines.push({
      event,
      id: begun.id,
      claim: begun.id,
      who: 'ann@desk',
      at: '',
      code: null,
      serving: this.serving
    })
    return this
  }

  deploy(images: Parameters<typeof planDeploy>[1], event: Ended['event'] | null = 'done'): this {
    return this.add(planDeploy(this.plan(), images), event)
  }

  rollback(asked?: number): this {
    return this.add(planRollback(this.plan(), asked, ['web', 'api']), 'done')
  }
}

const both = { api: 'api:1', web: 'web:1' }
const all = ['web', 'api'] as const

t.test('the API changes before the web app that relies on it, and after it on the way back', async t => {
  const past = new Past()
  const forward = planDeploy(past.plan(), { web: 'w', api: 'a' })
  t.strictSame(
    forward.moves.map(({ part, server, order }) => [part, server, order]),
    [
      ['api', 'backend', 'id-0-api'],
      ['web', 'frontend', 'id-0-web']
    ]
  )
  past.deploy(both).deploy(both)
  const back = planRollback(past.plan(), undefined, all)
  t.strictSame(
    back.moves.map(({ part, to }) => [part, to]),
    [
      ['web', { release: 2 }],
      ['api', { release: 2 }]
    ]
  )
  past.add(back, 'done')
  const again = planRollback(past.plan(), undefined, all)
  t.strictSame(
    again.moves.map(({ part }) => part),
    ['api', 'web'],
    'a second one goes forward again'
  )
  t.match(again, { number: 2, before: 1 })
})

t.test('each deploy has the next number, whatever became of those before', async t => {
  const past = new Past().deploy(both).deploy(both, 'failed').rollback()
  t.equal(planDeploy(past.plan(), both).number, 3)
  t.equal(planDeploy(past.plan(), both).before, 0, 'the rollback serves, of what was before the first')
})

t.test(
  'what two laptops deploy at once, each to the server that the other does not reach, has two numbers',
  async t => {
    const past = new Past().deploy(both).deploy(both)
    const without = (name: 'frontend' | 'backend'): Plan => ({ ...past.plan(), away: new Map([[name, null]]) })
    const backend = planDeploy(without('frontend'), { api: 'a' })
    const frontend = planDeploy(without('backend'), { web: 'w' })
    t.match(
      [backend, frontend],
      [
        { number: 4, turn: 4 },
        { number: 5, turn: 5 }
      ]
    )
    // Each goes on without the other.
    const more = { deploys: [...past.plan().deploys, { ...backend, end: null }] }
    t.match(planDeploy({ ...without('frontend'), ...more }, { api: 'a' }), { number: 6, turn: 6 })
    const all = [...past.plan().deploys, ...[backend, frontend].map(begun => ({ ...begun, end: null }))]
    t.equal(planDeploy({ ...past.plan(), deploys: all }, both).number, 6, 'once both are reached, the next again')
  }
)

t.test('what only a server knows that is away is found once it is back, and its number is nobody else’s', async t => {
  const past = new Past().deploy(both).deploy(both)
  // Its laptop died when the backend had it, and the frontend had not.
  const lost = planDeploy(past.plan(), both)
  const without: Plan = { ...past.plan(), id: 'next', away: new Map([['backend', null]]) }
  const next = planDeploy(without, { web: 'w' })
  t.ok(next.number > lost.number && next.turn > lost.turn, `${next.number} after ${lost.number}`)
  const done: Ended = { event: 'done', id: 'next', claim: 'next', who: '', at: '', code: null, serving: {} }
  const deploys = deploysOf([
    [...past.lines, lost],
    [...past.lines, next, done]
  ])
  t.throws(() => refuseUnfinished(deploys), { code: 'DEPLOY_UNFINISHED', detail: /^deploy 3, / })
  t.throws(() => refuseOvertaken(unfinishedOf(deploys)!, deploys), {
    code: 'DEPLOY_UNFINISHED',
    detail: /^deploy 3 cannot be finished: deploy 5 of ann@desk came after it; undo it: twinedge rollback$/
  })
  refuseOvertaken(unfinishedOf(deploysOf([[lost]]))!, deploysOf([past.lines, [lost]]))
})

t.test('one part alone is one release, and comes back alone', async t => {
  const past = new Past().deploy(both).deploy({ api: 'api:2' })
  const back = planRollback(past.plan(), undefined, all)
  t.strictSame(
    back.moves.map(({ part, to }) => [part, to]),
    [['api', { release: 2 }]]
  )
  t.equal(back.number, 1)
})

t.test('a deploy is brought back by its number, with whatever it did not change', async t => {
  const past = new Past().deploy(both).deploy({ api: 'a' }).deploy({ web: 'w' }).deploy(both)
  const back = planRollback(past.plan(), 2, all)
  t.strictSame(
    back.moves.map(({ part, to }) => [part, to]),
    [
      ['web', { release: 2 }],
      ['api', { release: 3 }]
    ]
  )
  t.strictSame(
    planRollback(past.plan(), 2, ['web']).moves.map(({ part }) => part),
    ['web']
  )
  t.throws(() => planRollback(past.plan(), 4, all), { code: 'DEPLOY_NO_RELEASE', detail: /serves already/ })
  t.throws(() => planRollback(past.plan(), 9, all), { code: 'DEPLOY_NO_RELEASE', detail: /no deploy 9/ })
  t.throws(() => planRollback(new Past().plan(), undefined, all), { code: 'DEPLOY_NO_RELEASE' })
})

t.test('what only one server knows counts: the line was cut before the other heard', async t => {
  const past = new Past().deploy(both).deploy(both, null)
  const [first, end, second] = past.lines as [DeployLine, DeployLine, Begun]
  t.equal(unfinishedOf(deploysOf([[first, end, second], [first]]))?.number, 2)
  t.throws(() => refuseUnfinished(deploysOf([[first], [second]])), { code: 'DEPLOY_UNFINISHED', detail: /ann@desk/ })
  const done: Ended = { event: 'done', id: second.id, claim: second.id, who: '', at: '', code: null, serving: {} }
  const deploys = deploysOf([
    [first, second],
    [second, done, end]
  ])
  t.equal(unfinishedOf(deploys), null)
  t.equal(servingOf(deploys)?.number, 2)
  t.strictSame(
    deploys.map(({ turn }) => turn),
    [1, 2]
  )
})
