import t from 'tap'
import type { Result } from '../../../compose/laptop/bootstrap/site.ts'
import type { Site } from '../../../compose/laptop/plan/site.ts'
import { describeResult } from '../../../scripts/bootstrap/report.ts'

const site = { servers: [{ name: 'frontend' }, { name: 'backend' }] } as unknown as Site
const both: Result = {
  count: 12,
  certificates: new Map([
    ['frontend', ['site.test: 59 d left']],
    ['backend', ['site.test: is being ordered']]
  ]),
  isDeployed: false,
  isLinked: true
}

t.test('a bootstrap ends with what is there, and what comes next', async t => {
  t.equal(
    describeResult(site, both, false),
    `certificates of frontend: site.test: 59 d left
certificates of backend: site.test: is being ordered
frontend and backend: set up
next: twinedge deploy`
  )
  t.notMatch(describeResult(site, { ...both, isDeployed: true }, false), /next:/)
  const one = { ...both, certificates: new Map([['frontend', null]]), isLinked: false }
  t.match(
    describeResult(site, one, false),
    /^certificates of frontend: no edge says it\n.*\nnext: twinedge bootstrap backend$/
  )
  t.match(describeResult(site, { ...both, count: 0 }, false), /\nnothing had to be changed$/)
  t.match(describeResult(site, both, true), /^nothing was changed: without --dry-run/)
})
