import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { twinedge } from '../doubles/command.ts'
import { until } from '../doubles/edge-process.ts'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { type Stack, upStack } from '../doubles/stack/stack.ts'
import { begin } from '../doubles/stack/underway.ts'
import { comeVisitors, isFine, type Seen } from '../doubles/stack/visitors.ts'

// Where nothing is built yet, the images are.
t.setTimeout(600_000)

/** An edge that was killed is back within this. */
const ABSENCE_MS = 5_000

t.test('whoever dies in the middle of a swap, it ends well, and users go on', { skip: engineMissing }, async t => {
  const stack = await upStack(t, 'single')
  const imageOf = (name: string): string => `${stack.project}-${name}:2`
  t.teardown(() => removeImages(stack.project))
  for (const name of ['api', 'web']) await docker(['tag', `localhost/twinedge/${name}:sample`, imageOf(name)])
  const run = (...args: string[]) => twinedge([...args, '--project', stack.project])
  const swap = (name: string, ...how: string[]) => begin(placeOf(stack), 'swap', name, imageOf(name), ...how)
  const visitors = comeVisitors(t, stack, ['/api/v1/health', '/'], 100)
  const slots = async () => JSON.parse((await run('slots', '--json')).out)

  await t.test('the command, before the flip and after it: the next one undoes, and finishes', async t => {
    for (const [step, settles] of [
      ['promote', 'undoing'],
      ['writeEnvironment', 'finishing']
    ] as const) {
      const killed = swap('web')
      t.equal(await killed.at(step), step)
      killed.kill('SIGKILL')
      t.equal((await killed.end).signal, 'SIGKILL')
      const active = step === 'promote' ? 'blue' : 'green'
      t.match(await slots(), [{}, {}, { isActive: active === 'blue' }, { isActive: active === 'green' }])
      t.match((await run('rollback', 'web', '99')).out, new RegExp(`^${settles} the swap of web .* left at `))
      t.equal(await running(stack, 'web'), `web-${active}`)
    }
    t.same(
      (await visitors.seen()).filter(one => !isFine(one)),
      [],
      'nobody noticed'
    )
  })

  await t.test('the command, while requests wait: the next one lets them go on at once', async t => {
    const killed = swap('api', '--hold')
    await killed.at('startCandidate')
    killed.kill('SIGKILL')
    await killed.end
    const waiting = visitors.ask('/api/v1/whoami')
    await pause(300)
    t.match(await slots(), [{ isActive: true, hold: { mode: 'paused' } }, {}, {}, {}])
    t.match((await run('slots')).out, /^api +blue \(active\) .* paused +[1-9]\d*$/m)
    t.match((await run('rollback', 'api', '99')).out, /undoing the swap of api .*\n(?:.*\n)*api: requests go on, [1-9]/)
    t.equal(await running(stack, 'api'), 'api-blue')
    t.match(await waiting, { status: 200, isWhole: true })
    t.same(
      (await visitors.seen()).filter(one => !isFine(one)),
      [],
      'they waited, and that is all'
    )
  })

  const edge = await stack.container('edge')
  const pidOfEdge = async (): Promise<number> => (await stack.inspect('edge')).State.Pid
  for (const [step, how, events] of [
    ['awaitHealthy', 'asked to', 50],
    ['drainOld', 'killed', 500]
  ] as const) {
    await t.test(`the edge, ${how} at ${step}: it comes back with the right slot, and the swap goes on`, async t => {
      const pid = await pidOfEdge()
      const stream = visitors.ask(`/api/v1/chat/stream?n=${events}&ms=40`, 'POST')
      const going = swap('api')
      t.equal(await going.at(step), step)
      if (how === 'killed') process.kill(pid, 'SIGKILL')
      else t.equal((await docker(['restart', edge])).code, 0)
      const { code, out, err } = await going.end
      t.equal(code, 0, err)
      t.match(out, /^the edge restarted meanwhile: streams .* were cut, and what users saw was not counted; /m)
      const active = how === 'killed' ? 'blue' : 'green'
      t.match(out, `serves from api-${active}`)
      t.equal(await running(stack, 'api'), `api-${active}`)
      t.equal((await stream).isWhole, how !== 'killed', 'one that is asked to lets them end first')
      await until(async () => isFine(await visitors.ask('/api/v1/health')), 'it serves again')
      const { longestMs, afterwards } = absence(await visitors.seen())
      t.comment(`no connection for ${Math.round(longestMs)} ms`)
      t.ok(longestMs > 0 && longestMs < ABSENCE_MS)
      t.same(afterwards, [], 'since it is back, all is well')
    })
  }

  const left = await docker(['images', '--format', '{{.Tag}}', '--filter', `reference=localhost/${stack.project}/*`])
  const kept = { web: ['release-1', 'release-3'], api: ['release-1', 'release-3', 'release-4'] }
  t.same(left.out.trim().split('\n').sort(), Object.values(kept).flat().sort(), 'what was undone has left no name')
})

function placeOf({ project, file: envFile }: Stack): { project: string; envFile: string } {
  return { project, envFile }
}

/** Of the pair, what runs. */
async function running(stack: Stack, name: string): Promise<string> {
  const { out } = await stack.compose('ps', '--format', '{{.Service}}', '--status', 'running')
  const all = out.trim().split('\n')
  return all.filter(service => service.startsWith(`${name}-`)).join()
}

/** From the first request that was refused to the first one that was not, and what failed in another way or later. */
function absence(all: readonly Seen[]): { longestMs: number; afterwards: Seen[] } {
  const isRefused = ({ status, text }: Seen): boolean => status === 0 && /ECONNREFUSED|ECONNRESET|hang up/.test(text)
  const gone = all.findIndex(isRefused)
  if (gone === -1) return { longestMs: 0, afterwards: all.filter(one => !isFine(one)) }
  const back = all.findIndex((one, at) => at > gone && !isRefused(one))
  if (back === -1) return { longestMs: Number.POSITIVE_INFINITY, afterwards: [] }
  return { longestMs: all[back]!.at - all[gone]!.at, afterwards: all.slice(back).filter(one => !isFine(one)) }
}

async function removeImages(project: string): Promise<void> {
  const { out } = await docker(['images', '--format', '{{.Repository}}:{{.Tag}}'])
  const mine = out.split('\n').filter(name => name.includes(project))
  await docker(['rmi', ...mine])
}
