import t from 'tap'
import { bothServers } from '../../../scripts/dns/asking.ts'
import { siteOf } from '../../doubles/deploy-servers.ts'

t.test('which server is meant is asked with the reason', async t => {
  const site = siteOf('frontend', 'backend')
  t.match(bothServers(site, 'backend'), { target: { name: 'backend' }, old: { name: 'frontend' } })
  t.throws(() => bothServers(site, undefined), { code: 'EDGE_USAGE', detail: /^expected .*; DNS does not lead to one/ })
  t.throws(() => bothServers(site, 'back'), { code: 'EDGE_USAGE', detail: /frontend or backend; found "back"$/ })
  t.throws(() => bothServers(siteOf('single'), undefined), { code: 'EDGE_USAGE', detail: /has no other one/ })
})
