// A deploy over ssh: one that goes well, one that cannot, and the ways of a laptop or a line to be lost in mid-swap.
// What is undone, by whom, and a rollback, with WAN=long only.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { SiteLock } from '../../compose/server/deploy/site-lock.ts'
import { sshMissing } from '../doubles/ssh/server.ts'
import { type DeploySite, upDeploySite } from '../doubles/stack/deploy-site.ts'
import { engineMissing } from '../doubles/stack/engine.ts'

t.setTimeout(300_000)
const skip = engineMissing || sshMissing
const whenLong = { skip: process.env.WAN === 'long' ? false : 'takes long: WAN=long' }

const web = ['deploy', '--frontend-only', '--skip-build'] as const
const hooks = `hooks: { after: 'echo it is $TWINEDGE_DEPLOY', failed: 'echo it $TWINEDGE_OUTCOME' }`

async function serving({ stack }: DeploySite): Promise<string> {
  const slot = stack.edge.active.get('web')
  const all = await stack.containers()
  return all
    .filter(({ service, state }) => service === `web-${slot}` && state === 'running')
    .map(({ image }) => image)
    .join()
}

/** Of the deploy that was begun last. */
async function last(site: DeploySite): Promise<number> {
  return (await site.journal()).findLast(line => line.event === 'begun')!.number
}

async function events(site: DeploySite): Promise<string[]> {
  return (await site.journal()).map(({ event }) => event)
}

t.test('a deploy from a laptop to a real server, over a real sshd', { skip }, async t => {
  const site = await upDeploySite(t, hooks)
  const { stack, entrance, ssh } = site

  await t.test('a first one: told step by step, verified from outside, with a number', async t => {
    t.match(await site.twinedge(...web), { code: 1, err: 'DEPLOY_NO_IMAGE' })
    const image = await site.built('two')
    const rehearsed = await site.twinedge(...web, '--dry-run')
    t.match(rehearsed, { code: 0, out: `1. web: ${image}, as it was built last` })
    t.match(rehearsed.out, `swap web on single: ${stack.image('one')} serves from web-blue; then web-green does`)
    t.strictSame(await site.journal(), [])
    const { code, out, err } = await site.twinedge(...web)
    t.equal(code, 0, err)
    t.match(out, /^single: web-green: healthy$/m)
    t.match(out, /^verified https:\/\/localhost\/login at 127.0.0.1: 200/m)
    t.match(out, /^ {2}it is 1$/m)
    t.match(out, /^deploy 1 serves; the swaps took [\d.]+ s; back to what served before: twinedge rollback$/m)
    t.strictSame(entrance.asked, ['localhost/login'])
    t.strictSame(await events(site), ['begun', 'done'])
    t.match(stack.edge.active.get('web'), 'green')
  })

  await t.test('a bad image: what served serves, and its last lines are told', async t => {
    await site.built('crash')
    const before = await serving(site)
    const { code, out, err } = await site.twinedge(...web)
    t.equal(code, 1)
    t.match(
      err,
      /^COMPOSE_CANDIDATE_FAILED: single: web-blue(.*\n)*exited, exit code 3\nits last lines:\n {2}reading settings/
    )
    t.match(out, /^ {2}it failed$/m)
    t.equal(await serving(site), before)
    t.strictSame(await events(site), ['begun', 'done', 'begun', 'failed'])
  })

  await t.test(
    'one that users are not answered by is taken back; meanwhile a second laptop is told who and what',
    whenLong,
    async t => {
      await site.built('three')
      entrance.status = 500
      t.teardown(() => {
        entrance.status = 200
      })
      const before = await serving(site)
      const first = site.begin(...web)
      await first.says(': stopped, and kept')
      const second = await site.twinedge(...web)
      const words =
        /^DEPLOY_LOCKED: single: \S+@\S+ has been at "deploy --frontend-only --skip-build" since \S+Z; now: \w/m
      t.match(second, { code: 1, err: words })
      t.match(await first.end, { code: 1, err: 'https://localhost/login at 127.0.0.1: it answers 500' })
      t.equal(await serving(site), before)
      t.strictSame((await events(site)).slice(-2), ['begun', 'failed'], 'the second has begun nothing')
      t.equal((await events(site)).length, 6)
    }
  )

  await t.test(
    'the laptop is killed in mid-swap: the order ends by itself, nothing is hidden, and it is finished',
    async t => {
      const image = await site.built('three')
      const laptop = site.begin(...web)
      await laptop.says(': started')
      laptop.kill('SIGKILL')
      await laptop.end
      const number = await last(site)
      t.match(await site.twinedge(...web), { code: 1, err: `DEPLOY_UNFINISHED: deploy ${number}` })
      const next = new RegExp(
        `WARNING: deploy ${number}, .* has not ended\n {2}next: finish it: twinedge deploy --finish`
      )
      t.match((await site.twinedge('status')).out, next)
      t.match((await site.twinedge('history')).out, new RegExp(`deploy ${number} .* UNFINISHED`))
      const finished = await site.twinedge('deploy', '--finish')
      t.match(finished, { code: 0, out: `(${image}) serves from web-blue` })
      t.match(finished.out, 'web-blue: healthy', 'what the order has said is told from its beginning')
      t.match(finished.out, `deploy ${number} serves`)
    }
  )

  await t.test('the line is cut in mid-swap: the laptop comes back, and follows the same order to its end', async t => {
    const image = await site.built('two')
    const laptop = site.begin(...web)
    await laptop.says(': started')
    ssh.cut()
    await laptop.says('the line is lost')
    await ssh.start()
    const { code, out, err } = await laptop.end
    t.equal(code, 0, err)
    t.match(out, 'single: the line is back')
    t.equal(out.match(/web-green: started/g)?.length, 1, 'nothing is told twice')
    t.match(out, `(${image}) serves from web-green`)
    const journal = await readFile(join(stack.folder, '.twinedge/stack', stack.project, 'journal.jsonl'), 'utf8')
    t.equal(journal.split(image).length, 2, 'nor is anything swapped twice')
  })

  await t.test('what is done on the server itself waits until no laptop has the site', async t => {
    const lock = new SiteLock(join(stack.folder, 'site'), () => new Date())
    const claim = { id: 'id', who: 'ann@desk', host: 'desk', pid: 1, verb: 'deploy', step: 'verifying' }
    await lock.hold(claim, null)
    const told = /^DEPLOY_LOCKED: ann@desk has been at "deploy" since \S+; now: verifying$/m
    t.match(await stack.twinedge('restart', 'web'), { code: 1, err: told })
    await lock.free('id')
  })

  await t.test('a rollback brings back the deploy before; a second one goes forward again', whenLong, async t => {
    const before = await serving(site)
    const number = await last(site)
    const back = await site.twinedge('rollback')
    t.match(back, { code: 0, out: `deploy ${number - 1} serves` })
    t.not(await serving(site), before)
    t.match(await site.twinedge('rollback', 'web'), { code: 0, out: `deploy ${number} serves` })
    t.equal(await serving(site), before)
  })

  await t.test(
    'the process on the server is killed: what it left is settled, and why it failed is said',
    whenLong,
    async t => {
      await site.built('two')
      const before = await serving(site)
      const laptop = site.begin(...web)
      await laptop.says(': started')
      const order = (await site.journal()).findLast(line => line.event === 'begun')!.moves[0]!.order
      process.kill(Number(await readFile(join(stack.folder, 'site/orders', order, 'pid'), 'utf8')), 'SIGKILL')
      t.match(await laptop.end, { code: 1, err: /^DEPLOY_ORDER_LOST: single: .* web was killed; it was undone$/m })
      t.equal(await serving(site), before)
      t.equal((await events(site)).at(-1), 'failed')
    }
  )

  await t.test(
    'Ctrl-C in mid-swap undoes it; and what a dead laptop has left can be undone as well',
    whenLong,
    async t => {
      await site.built('two')
      const before = await serving(site)
      const stopped = site.begin(...web)
      await stopped.says(': started')
      stopped.kill('SIGINT')
      t.match(await stopped.end, { code: 1, err: 'DEPLOY_INTERRUPTED: stopped by SIGINT' })
      t.equal(await serving(site), before)
      const dead = site.begin(...web)
      await dead.says(': started')
      dead.kill('SIGKILL')
      await dead.end
      t.match(await site.twinedge('rollback'), {
        code: 0,
        out: `deploy ${await last(site)} is undone: web serves release`
      })
      t.equal(await serving(site), before)
      t.equal((await events(site)).at(-1), 'undone')
    }
  )
})
