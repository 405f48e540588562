import t from 'tap'
import { planDeploy } from '../../../compose/laptop/deploy/plan.ts'
import { type Deploy, deploysOf, lastBuild } from '../../../compose/laptop/site/deploys.ts'
import type { Entry } from '../../../compose/record/journal.ts'
import { deploysReport, doneReport } from '../../../scripts/laptop/deploy-report.ts'
import { how, siteOf } from '../../doubles/deploy-servers.ts'

const site = siteOf('frontend', 'backend')
const commit = '6b522cbb01846de7008bcd89f25982eb68ed2391'
const images = { api: 'localhost/shop/api:deploy-1', web: 'localhost/shop/web:deploy-1' }

/** Deploys of these sources, one after the other. */
function deploysFrom(...all: Parameters<typeof planDeploy>[2][]): Deploy[] {
  let deploys: Deploy[] = []
  for (const [at, sources] of all.entries()) {
    const plan = { site, deploys, serving: {}, id: `id-${at}`, who: 'ann@desk', at: '1970-01-01T00:00:00Z', how }
    deploys = deploysOf([[...deploys, planDeploy(plan, images, sources)]])
  }
  return deploys
}

t.test('history tells what each deploy was built of', async t => {
  const deploys = deploysFrom(
    { api: commit, web: commit },
    { api: 'working tree', web: 'artifact out.tar.gz' },
    { api: lastBuild, web: lastBuild },
    {}
  )
  const of = deploysReport(deploys, null, 1_000)
    .split('\n')
    .map(line => line.split(/ {2,}/)[3])
  const both = 'api working tree, web artifact out.tar.gz'
  t.strictSame(of, ['BUILT OF', '6b522cbb0', both, both, '-'], 'of the last build: what that was of')
  t.strictSame(deploysFrom({ api: lastBuild })[0]?.sources, { api: lastBuild }, 'made by hand')
})

t.test('a deploy is told by its swaps, and where nobody came, that nobody came', async t => {
  const report = { requests: 0, failed: 0, carried: { requests: 0, streams: 0, webSockets: 0 }, cut: 0, longestMs: 0 }
  const [begun] = deploysFrom({}) as [Deploy]
  const entry = {
    upstream: 'web',
    release: 2,
    image: 'w',
    slot: 'blue',
    before: 1,
    tookMs: 1_500,
    report
  } as unknown as Entry
  const told = (change: Partial<Entry>): string =>
    doneReport({ begun, entries: [{ ...entry, ...change }], isUndone: false })
  t.equal(
    told({}),
    `web: release 2 (w) serves from web-blue
  nobody came meanwhile; 1.5 s in all
deploy 1 serves; the swaps took 1.5 s; back to what served before: twinedge rollback`
  )
  t.match(told({ before: 0 }), 'it is the first: there is nothing to go back to')
  t.notMatch(told({ before: 0 }), 'rollback')
})
