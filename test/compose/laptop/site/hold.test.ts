import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { holdSite } from '../../../../compose/laptop/site/hold.ts'
import { openLine } from '../../../../compose/laptop/ssh/line.ts'
import type { Begun, Claim } from '../../../../compose/server/deploy/records.ts'
import { project } from '../../../doubles/command.ts'
import { type SshServer, sshMissing, startSshServer } from '../../../doubles/ssh/server.ts'

const skip = sshMissing
const begun = { event: 'begun', id: 'deploy', number: 1, turn: 1, moves: [] } as unknown as Begun

async function startServer(t: Test, name: 'frontend' | 'backend'): Promise<SshServer> {
  const server = await startSshServer(t, name)
  mkdirSync(server.plan.folder)
  symlinkSync(project, join(server.plan.folder, 'tool'))
  return server
}

async function lineTo(t: Test, { plan }: SshServer, said: string[] = []) {
  const line = await openLine(plan, text => void said.push(text))
  t.teardown(() => line.close())
  return line
}

function claimOf(id: string, pid = 1): Claim {
  return { id, who: `${id}@desk`, host: 'desk', pid, verb: 'deploy', step: 'begins' }
}
const nobodyDied = (): boolean => false

t.test('of two laptops one has both servers, and whoever is refused holds neither', { skip }, async t => {
  const servers = await Promise.all([startServer(t, 'backend'), startServer(t, 'frontend')])
  const ann = await Promise.all(servers.map(server => lineTo(t, server)))
  const bob = await Promise.all(servers.map(server => lineTo(t, server)))
  const front = await holdSite([ann[1]!], claimOf('ann'), nobodyDied)
  await t.rejects(holdSite(bob, claimOf('bob'), nobodyDied), {
    code: 'DEPLOY_LOCKED',
    detail: /^frontend: ann@desk has/
  })
  t.equal((await ann[0]!.ask('deploys', null)).holder, null, 'the backend is free again')
  await front.at('swapping web on frontend')
  t.match((await bob[1]!.ask('deploys', null)).holder, { who: 'ann@desk', step: 'swapping web on frontend' })
  await t.rejects(bob[1]!.ask('note', { claim: claimOf('bob'), line: begun }), { code: 'DEPLOY_LOCKED' })
  await ann[1]!.ask('note', { claim: front.claim(), line: begun })
  await front.free()
  const hold = await holdSite(bob, claimOf('bob'), nobodyDied)
  t.strictSame((await bob[1]!.ask('deploys', null)).lines, [begun])
  await hold.free()
})

t.test('a line that was cut comes back, and the site is still ours', { skip }, async t => {
  const server = await startServer(t, 'backend')
  const said: string[] = []
  const [ann, bob] = [await lineTo(t, server, said), await lineTo(t, server)]
  const hold = await holdSite([ann], claimOf('ann'), nobodyDied)
  server.kill()
  const answers = Promise.all([ann.ask('deploys', null), ann.ask('hello', null), hold.at('verifying')])
  await new Promise(resolve => setImmediate(resolve))
  await server.start()
  const [{ holder }] = await answers
  t.match(holder, { id: 'ann' })
  t.ok(said.includes('backend: the line is lost; connecting again, for 120 s at most'))
  t.ok(said.includes('backend: the line is back'))
  await t.rejects(holdSite([bob], claimOf('bob'), nobodyDied), { code: 'DEPLOY_LOCKED', detail: /now: verifying$/ })
  await hold.free()
})

t.test('a laptop that is known to be dead holds nobody up', { skip }, async t => {
  const server = await startServer(t, 'backend')
  const [dead, next] = [await lineTo(t, server), await lineTo(t, server)]
  await holdSite([dead], claimOf('dead', 7), nobodyDied).then(() => dead.close())
  const hold = await holdSite([next], claimOf('next'), ({ pid }) => pid === 7)
  t.match((await next.ask('deploys', null)).holder, { id: 'next' })
  await hold.free()
})
