import t from 'tap'
import { LoopMark } from '../../../proxy/routing/loop-mark.ts'

const us = new LoopMark('twinedge-1a2b3c4d')
const of = (upstream: string, edge = us): string => /^cdn-loop: (.*)\r\n$/.exec(edge.lineFor(upstream))?.[1] ?? ''
const isKnown = (...values: string[]): boolean =>
  us.isIn(['host', 'a', ...values.flatMap(value => ['cdn-loop', value]), 'x-z', of('web')], 'web')

t.test('a request that this edge sent to the same upstream is known again, however its mark was carried', async t => {
  t.equal(of('web'), 'twinedge-1a2b3c4d;upstream=web')
  const carried = [
    [of('web')],
    [`other.example, ${of('web')}`],
    [`${of('web')},other.example:8080; x=1`],
    ['other.example', `a;b="c,d", ${of('web')}`],
    [of('api'), of('web')],
    [of('web').toUpperCase()],
    ['twinedge-1a2b3c4d ; x=y ;\tupstream="web" '],
    ['twinedge-1a2b3c4d']
  ]
  for (const values of carried) t.ok(isKnown(...values), values.join(' | '))
})

t.test(
  'one that it did not is not: another edge sent it, or it went to another upstream and comes from there',
  async t => {
    const strange = [[], [''], [of('api')], [of('web2')], [of('we')], [of('web', new LoopMark('twinedge-1a2b3c4'))]]
    for (const values of [...strange, ['x-twinedge-1a2b3c4d'], ['other;twinedge-1a2b3c4d'], ['twinedge-1a2b3c4d-x']]) {
      t.notOk(isKnown(...values), values.join(' | '))
    }
  }
)
