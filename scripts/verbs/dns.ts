import { EdgeError } from '../../proxy/errors.ts'
import { check } from '../dns/check.ts'
import { switchPlan } from '../dns/switch-plan.ts'
import { watch } from '../dns/watch.ts'

export const summary = 'Where the domains lead, how to lead them to the other server, and whether they do yet'
export const usage = `check [--site FILE] [--resolver IP[:PORT]]... [--json]
twinedge dns switch-plan [frontend|backend] [--alone] [--site FILE] [--json]
twinedge dns watch frontend|backend [--within 30m] [--every 5s] [--span 10s] [--site FILE] [--json]

  check        every domain at its own name servers and at resolvers, against the servers of deploy.yaml
  switch-plan  whether a server may become the entry now, which records to change, and when; it changes nothing.
               Without a name: the server that DNS does not lead to
  watch        until all say the new address, within a time; then asks the new entry, and counts
  --alone      as if the other server were dead; so it is anyway while the link is down
  --resolver   asked instead of this machine's own resolvers, and of public ones (check); several times
  --authority  IP[:PORT] of a name server that has the records; else they are looked up
  --json       one object; of watch one on each line, as it comes
  --span       how long the old entry's traffic is counted, twice

  Exit 0: good, GO, done. 1: not so; what stands in the way is said.`

export async function run([what = '', ...args]: string[]): Promise<number> {
  if (what === 'check') return check(args)
  if (what === 'switch-plan') return switchPlan(args)
  if (what === 'watch') return watch(args)
  throw new EdgeError('EDGE_USAGE', `twinedge dns ${usage.split('\n\n')[0]}`)
}
