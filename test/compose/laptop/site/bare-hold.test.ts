import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { holdBare, leaseScript } from '../../../../compose/laptop/site/bare-hold.ts'
import { connectSsh, type Ssh } from '../../../../compose/laptop/ssh/ssh.ts'
import { SiteLock } from '../../../../compose/server/deploy/site-lock.ts'
import { Lease } from '../../../../proxy/state/lease.ts'
import { startSshServer } from '../../../doubles/ssh/server.ts'

const now = (): Date => new Date()
const wanting = { by: 'ops@laptop', verb: 'bootstrap frontend', now }

async function world(t: Test) {
  const server = await startSshServer(t, 'frontend')
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const site = join(server.plan.folder, 'site')
  return { server, ssh, site, lock: join(site, 'lock.json') }
}

const claim = { id: 'deploy-1', who: 'li@other', host: 'other', pid: 7, verb: 'deploy', step: 'swaps api' }

t.test('where there is nothing yet, one of two has the server', async t => {
  const { ssh, site, lock } = await world(t)
  const held = await holdBare(ssh, wanting)
  t.equal(statSync(site).mode & 0o777, 0o700)
  await held.at('engine')
  const another = holdBare(ssh, { ...wanting, by: 'li@other' })
  await t.rejects(another, { code: 'DEPLOY_LOCKED', detail: /^frontend: ops@laptop has been at .*; now: engine$/ })
  const deploy = new SiteLock(site, now).hold(claim, null)
  await t.rejects(deploy, { code: 'DEPLOY_LOCKED', detail: /ops@laptop has been at "bootstrap frontend"/ })
  await held.free()
  t.notOk(existsSync(lock))
  t.same(readdirSync(site), [], 'nothing is left of it')
})

t.test('whoever has to read what is there can, whatever the login keeps to itself', async t => {
  const { server, ssh, site } = await world(t)
  const open: Ssh['open'] = (command, running) =>
    ssh.open(['sh', '-c', 'umask 077 && exec "$@"', 'sh', ...command], running)
  await (await holdBare({ ...ssh, open }, wanting)).free()
  t.equal(statSync(server.plan.folder).mode & 0o777, 0o755)
  t.equal(statSync(site).mode & 0o777, 0o700)
})

t.test('a laptop that dies frees nothing: what it has begun there may go on', async t => {
  const { server, ssh, lock } = await world(t)
  await holdBare(ssh, wanting)
  const { pid } = JSON.parse(readFileSync(lock, 'utf8'))
  server.cut()
  for (let tries = 0; tries < 400 && existsSync(`/proc/${pid}`); tries++) await pause(25)
  t.notOk(existsSync(`/proc/${pid}`))
  t.ok(existsSync(lock))
})

t.test('a lock that nobody can hold holds nobody up', async t => {
  const { ssh, site, lock } = await world(t)
  const write = (file: string, until: number): void =>
    writeFileSync(file, JSON.stringify({ token: 'x', pid: 1, until }))
  mkdirSync(site, { recursive: true })
  write(lock, Date.now() + 3_600_000)
  await (await holdBare(ssh, wanting)).free()
  t.same(readdirSync(site), [], 'of a clock that has been set back since')
  // One that was killed in the middle of taking a lapsed one has left its turn.
  for (const file of [lock, `${lock}.after-x`]) write(file, Date.now() - 60_000)
  await t.rejects(holdBare(ssh, wanting), { code: 'DEPLOY_LOCKED' })
  await (await holdBare(ssh, wanting)).free()
  t.same(readdirSync(site), [])
})

t.test('of two that find it lapsed, the later one leaves it to the first', async t => {
  const folder = t.testdir({ 'lock.json': '{"token":"old","until":1}' })
  // The first has it just when the later one has got its turn.
  const first = '{"token":"first","until":1}'
  const racing = `ln() { command ln "$@" && case $2 in *.after-*) echo '${first}' >"$1.first" && mv "$1.first" "${folder}/lock.json" ;; esac; }`
  const script = `${await leaseScript()}\n${racing}\nlease_take '${folder}' second {} && echo ours`
  t.equal(spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout, '')
  t.match(readFileSync(join(folder, 'lock.json'), 'utf8'), first)
  t.same(readdirSync(folder), ['lock.json'])
})

t.test('a deploy that is under way keeps a bootstrap out', async t => {
  const { ssh, site, lock } = await world(t)
  mkdirSync(site, { recursive: true })
  const deploys = new SiteLock(site, now)
  await deploys.hold(claim, null)
  const before = readFileSync(lock, 'utf8')
  await t.rejects(holdBare(ssh, wanting), {
    code: 'DEPLOY_LOCKED',
    detail: /li@other has been at "deploy" .*swaps api/
  })
  t.equal(readFileSync(lock, 'utf8'), before)
  await deploys.free(claim.id)
  await (await holdBare(ssh, wanting)).free()
})

t.test('that of a dead laptop lapses; its owner, should it wake up, is told', async t => {
  const { ssh, site, lock } = await world(t)
  const held = await holdBare(ssh, wanting)
  const lapsed = { ...JSON.parse(readFileSync(lock, 'utf8')), until: Date.now() - 1_000 }
  writeFileSync(lock, JSON.stringify(lapsed))
  const next = await holdBare(ssh, { ...wanting, by: 'li@other' })
  await t.rejects(held.at('tool'), { code: 'DEPLOY_LOCKED', detail: /was lost/ })
  t.throws(() => held.refuseLost(), { code: 'DEPLOY_LOCKED' })
  await held.free()
  t.match((await Lease.holder(lock, now))?.about, { who: 'li@other' }, 'it takes nothing from whoever has it now')
  await next.free()
  t.same(readdirSync(site), [])
})
