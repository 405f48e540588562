import { readFile, stat, writeFile } from 'node:fs/promises'
import t from 'tap'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { upSmallStack } from '../doubles/stack/small-stack.ts'

const skip = engineMissing
const whenLong = { skip: skip || (process.env.WAN === 'long' ? false : 'takes long: WAN=long') }
// Each has a stack of its own, and the engine takes two cores only when it is asked for several things at once.
t.jobs = 3

t.test('swaps, rollbacks and `up -d` agree on what runs', { skip }, async t => {
  const stack = await upSmallStack(t, { OTHER: '1', COMPOSE_PROFILES: 'web-blue,other' })
  const running = async () => (await stack.containers()).filter(({ state }) => state === 'running')
  const untouched = async () => (await running()).filter(({ service }) => !service.startsWith('web-'))
  const around = await untouched()
  for (const [how, release, service] of [
    [['swap', 'web', stack.image('two')], 2, 'web-green'],
    [['swap', 'web', stack.image('one')], 3, 'web-blue'],
    [['rollback', 'web'], 2, 'web-green'],
    [['rollback', 'web', '1'], 1, 'web-blue']
  ] as const) {
    const { code, out, err } = await stack.twinedge(...how)
    t.equal(code, 0, err)
    t.match(out, new RegExp(`^web: release ${release} \\(.*\\) serves from ${service}`, 'm'))
    t.match(out, /^7 requests meanwhile, 0 failed; carried to their end: 1 requests, 2 streams, 0 WebSockets; cut: 0;/m)
    const before = await running()
    t.same(
      before.filter(one => one.service.startsWith('web-')).map(one => one.service),
      [service]
    )
    t.equal((await stack.compose('up', '-d', '--remove-orphans')).code, 0)
    t.same(await running(), before, `${how.join(' ')}: up -d replaces nothing`)
    t.same(await untouched(), around)
  }
  t.match(await readFile(stack.envFile, 'utf8'), /^# ours\nWEB_IMAGE=.*\nOTHER=1\nCOMPOSE_PROFILES=web-blue,other\n/)
  t.equal((await stat(stack.envFile)).mode & 0o777, 0o600)
  t.match((await stack.compose('ps', '--services')).out, /^web-blue$/m)
  t.equal((await stack.compose('--profile', '*', 'down', '--timeout', '1')).code, 0)
  t.same(await stack.containers(), [], 'no container is orphaned')
})

t.test('what has been edited meanwhile is for `up -d`, not for a swap to carry out', { skip }, async t => {
  const stack = await upSmallStack(t, { OTHER: '1', COMPOSE_PROFILES: 'web-blue,other' })
  const other = async () => (await stack.containers()).find(({ service }) => service === 'other')
  const before = await other()
  await writeFile(stack.envFile, (await readFile(stack.envFile, 'utf8')).replace('OTHER=1', 'OTHER=2'))
  const { code, err } = await stack.twinedge('swap', 'web', stack.image('two'))
  t.equal(code, 0, err)
  t.same(await other(), before, 'what the slot depends on runs on, as it was')
})

t.test('requests wait while one stops and the other starts; a failure brings the first one back', { skip }, async t => {
  const stack = await upSmallStack(t)
  const failed = await stack.twinedge('swap', 'web', stack.image('crash'), '--hold')
  t.match(failed.err, /^COMPOSE_CANDIDATE_FAILED/)
  t.same([stack.edge.holds.get('web'), stack.edge.active.get('web')], ['open', 'blue'])
  t.match(await stack.containers(), [{}, {}, { service: 'web-blue', state: 'running' }])
  const handOver = ['--hand-over', 'echo over to $HOSTNAME; exit 4']
  const { code, out, err } = await stack.twinedge('swap', 'web', stack.image('two'), '--hold', ...handOver)
  t.equal(code, 0, err)
  t.match(
    out,
    /web-blue: stopped.*\n(?:.*\n)*web-green: started\n(?:.*\n)*hand-over FAILED, exit code 4: over to [0-9a-f]{12}/
  )
  t.equal(stack.edge.holds.get('web'), 'open')
})

t.test(
  'a name that was built over is no trap: `up -d` keeps what serves, a rollback brings back what served',
  { skip },
  async t => {
    const stack = await upSmallStack(t)
    t.equal((await stack.twinedge('swap', 'web', stack.image('two'))).code, 0)
    const served = (await stack.containers()).find(({ service }) => service === 'web-green')
    for (const name of ['one', 'two'] as const) await docker(['tag', stack.image('crash'), stack.image(name)])
    t.equal((await stack.compose('up', '-d')).code, 0)
    t.same(
      (await stack.containers()).find(({ service }) => service === 'web-green'),
      served
    )
    t.equal((await stack.twinedge('rollback', 'web')).code, 0)
    t.match((await stack.containers()).at(-2), { service: 'web-blue', state: 'running', image: /release-1$/ })
  }
)

t.test('images of releases long ago go; those that are kept stay, under whatever name', whenLong, async t => {
  const stack = await upSmallStack(t)
  for (const name of ['two', 'three', 'two'] as const) {
    t.equal((await stack.twinedge('swap', 'web', stack.image(name), '--keep', '2')).code, 0, name)
  }
  const { out } = await docker([
    'images',
    '--format',
    '{{.Tag}}',
    '--filter',
    `reference=localhost/${stack.project}/web`
  ])
  t.same(out.trim().split('\n').sort(), ['release-3', 'release-4'])
  const names = await docker(['images', '--format', '{{.Repository}}', '--filter', `reference=${stack.project}-*`])
  t.match(names.out, `${stack.project}-two`, 'release 2 had the image of release 4')
  t.match(names.out, `${stack.project}-one`, 'what .env falls back on')
})

// Alone: it counts volumes that are nobody's, and those of a stack that comes or goes are so for a moment.
const alone = { skip, buffered: false }
t.test('what is no good is told, and removed; what served was not touched', alone, async t => {
  const stack = await upSmallStack(t)
  const before = await stack.containers()
  const volumes = await volumesOfNobody()
  const env = await readFile(stack.envFile, 'utf8')
  const fails = {
    crash: [/it has ended\nexited, exit code 3\nits last lines:\n(?: {2}.*\n)* {2}no DATABASE_URL/],
    glutton: [/exited, exit code 137\nkilled for want of memory, its limit being 96 MB/],
    wrong: [/the edge refused it: 500 this is another app\n/, /the edge's probe: 500 this is another app/],
    deaf: [/it says that it is unhealthy/, /its own health check: .*Connection refused/]
  } as const
  for (const [character, said] of Object.entries(fails)) {
    const { code, err } = await stack.twinedge('swap', 'web', stack.image(character as keyof typeof fails))
    t.equal(code, 1)
    t.match(err, /^COMPOSE_CANDIDATE_FAILED: web-green \(/)
    for (const line of said) t.match(err, line)
    t.same(await stack.containers(), before, character)
  }
  const slow = await stack.twinedge('swap', 'web', stack.image('deaf'), '--within', '500ms')
  t.match(slow.err, /not healthy within 0\.5 s/)
  const missing = await stack.twinedge('swap', 'web', 'nowhere.invalid/app:1')
  t.match(missing.err, /^COMPOSE_IMAGE_MISSING: nowhere\.invalid\/app:1 is not here, and cannot be pulled: .+\nnext: /)
  t.same(await stack.containers(), before)
  t.equal(await readFile(stack.envFile, 'utf8'), env)
  t.same(await volumesOfNobody(), volumes, 'no volume is left behind')
  const names = await docker(['images', '--format', '{{.Tag}}', '--filter', `reference=localhost/${stack.project}/web`])
  t.equal(names.out, 'release-1\n', 'and no name but that of what serves')
  t.equal(stack.edge.active.get('web'), 'blue')
  t.match((await stack.twinedge('history')).out, / failed +\S+ +\d+\.\d s +COMPOSE_CANDIDATE_FAILED /)
})

/** Those that are in use are not among them. */
async function volumesOfNobody(): Promise<string> {
  return (await docker(['volume', 'ls', '--quiet', '--filter', 'dangling=true'])).out
}
