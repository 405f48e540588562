import { readFileSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { type SmallStack, upSmallStack } from '../doubles/stack/small-stack.ts'
import { killAt } from '../doubles/stack/underway.ts'

const skip = engineMissing
// Each has a stack of its own, and the engine takes two cores only when it is asked for several things at once.
t.jobs = 3
/** With what a shell would take amiss. */
const secret = `it's "$HOME" \`id\`\n\\two lines`
const own = ['--candidate-env', 'POLLING=off', '--candidate-env', `TOKEN=${secret}`]
/** Tells whether the other one is there still. */
const ask = `node -e "fetch('http://web-blue:3000').then(() => console.log('two of them'), () => console.log('alone'))"`
const ordinary = { POLLING: 'on', TOKEN: 'theirs' }

interface Inspected {
  readonly Config: Record<string, unknown>
  readonly HostConfig: Record<string, unknown>
  readonly Mounts: readonly { readonly Destination: string; readonly Name: string }[]
  readonly NetworkSettings: { readonly Networks: Record<string, { readonly Aliases: readonly string[] }> }
}

async function inspect(stack: SmallStack, service: string): Promise<Inspected> {
  const id = (await stack.containers()).find(one => one.service === service)?.id ?? ''
  return JSON.parse((await docker(['inspect', id])).out)[0]
}

async function volumeOf(stack: SmallStack, service: string): Promise<string> {
  const { Mounts } = await inspect(stack, service)
  return Mounts.find(({ Destination }) => Destination === '/run/twinedge-slot')?.Name ?? ''
}

async function isVolume(name: string): Promise<boolean> {
  return (await docker(['volume', 'inspect', name])).code === 0
}

/** What the app answers, once it does. */
async function says(stack: SmallStack, service: string): Promise<string> {
  const get = "fetch('http://127.0.0.1:3000').then(r => r.text()).then(t => process.stdout.write(t))"
  for (const end = Date.now() + 20_000; Date.now() < end; await pause(100)) {
    const { code, out } = await stack.compose('--profile', '*', 'exec', '-T', service, 'node', '-e', get)
    if (code === 0) return out
  }
  return 'nothing'
}

t.test('what must not run twice is off in the candidate until the other one has stopped', { skip }, async t => {
  const stack = await upSmallStack(t, ordinary)
  const { code, out, err } = await stack.twinedge('swap', 'web', stack.image('poller'), ...own, '--hand-over', ask)
  t.equal(code, 0, err)
  t.match(out, /^web-green: has POLLING, TOKEN of its own until the hand-over$/m)
  t.match(out, "web-green: serves (the edge's probe: 200 fine, polling is off, it's", 'before the flip')
  t.match(out, /^web-blue: stopped(?:.*\n)*hand-over done: alone$/m)
  t.equal(await says(stack, 'web-green'), `fine, polling is off, ${secret}`, 'it is not started again for that')

  const made = await stack.containers()
  t.equal((await stack.compose('up', '-d', '--remove-orphans')).code, 0)
  t.same(await stack.containers(), made, 'up -d replaces nothing')
  t.match((await stack.compose('ps', '--services')).out, /^web-green$/m)
  t.equal((await stack.compose('restart', 'web-green')).code, 0)
  t.equal(await says(stack, 'web-green'), 'fine, polling is on, theirs', 'from now on it is an ordinary one')

  const volume = await volumeOf(stack, 'web-green')
  t.ok(await isVolume(volume))
  const other = await inspect(stack, 'web-green')
  for (const back of [[], own.concat('--hand-over', 'true')]) {
    t.equal((await stack.twinedge('rollback', 'web', ...back)).code, 0)
  }
  t.match(await says(stack, 'web-green'), 'fine, polling is off', 'a rollback does the same')
  t.notOk(await isVolume(volume), 'the volume went with its container')
  t.equal((await stack.twinedge('swap', 'web', stack.image('one'))).code, 0)
  t.equal((await stack.twinedge('rollback', 'web')).code, 0)
  t.equal(await volumeOf(stack, 'web-green'), '', 'without such an environment it has nothing of the kind')
  t.same(essence(await inspect(stack, 'web-green')), essence(other), 'it is what Compose makes, in all else')
})

/** But for what differs, and has to. */
function essence({ Config, HostConfig, NetworkSettings }: Inspected): object {
  const { Hostname: _, Entrypoint: __, Volumes: ___, ...config } = Config
  const networks = Object.entries(NetworkSettings.Networks).map(([name, { Aliases }]) => [name, [...Aliases].sort()])
  // In what order Compose passes variables is up to chance.
  const env = [...(Config.Env as string[])].sort()
  return { config: { ...config, Env: env }, host: HostConfig, networks: Object.fromEntries(networks) }
}

t.test('killed between the flip and the hand-over: the next command hands over', { skip }, async t => {
  const stack = await upSmallStack(t, ordinary)
  stack.edge.inFlight.set('web/blue', 1)
  const killed = await killAt(stack, 'drainOld', 'swap', 'web', stack.image('poller'), ...own, '--hand-over', ask)
  t.same(killed, ['drainOld', 'SIGKILL'])
  const records = join(stack.folder, '.twinedge/stack', stack.project)
  t.match(await readdir(records), ['journal.jsonl', 'lock.json', 'pending.json'])
  for (const file of await readdir(records)) {
    t.notMatch(readFileSync(join(records, file), 'utf8'), /it's|two lines/, `${file} has no value`)
  }
  t.equal((await stack.compose('restart', 'web-green')).code, 0)
  t.match(await says(stack, 'web-green'), 'polling is off', 'started again too early, it stays off')
  stack.edge.inFlight.clear()
  const next = await stack.twinedge('rollback', 'web', '99')
  t.match(next.out, /^finishing the swap of web(?:.*\n)*hand-over done: alone$/m)
  t.equal((await stack.compose('restart', 'web-green')).code, 0)
  t.match(await says(stack, 'web-green'), 'polling is on')
  const volume = await volumeOf(stack, 'web-green')
  t.equal((await stack.compose('--profile', '*', 'down', '--volumes', '--timeout', '1')).code, 0)
  t.same([await stack.containers(), await isVolume(volume)], [[], false])
})

t.test('a candidate that is undone leaves no volume behind', { skip }, async t => {
  const stack = await upSmallStack(t, ordinary)
  await killAt(stack, 'awaitHealthy', 'swap', 'web', stack.image('deaf'), ...own, '--hand-over', ask)
  const volume = await volumeOf(stack, 'web-green')
  t.ok(await isVolume(volume))
  t.match((await stack.twinedge('rollback', 'web', '99')).out, /^undoing the swap of web/m)
  t.notOk(await isVolume(volume))
})

t.test('an image without a shell is refused before anything is started', { skip }, async t => {
  const stack = await upSmallStack(t, ordinary)
  const name = `${stack.project}-bare:1`
  t.teardown(() => docker(['rmi', '-f', name]))
  await writeFile(join(stack.folder, 'image-one', 'Dockerfile'), 'FROM scratch\nCOPY app.js /\nCMD ["/app.js"]\n')
  t.equal((await docker(['build', '-q', '-t', name, join(stack.folder, 'image-one')])).code, 0)
  const before = await stack.containers()
  const { code, err } = await stack.twinedge('swap', 'web', name, ...own, '--hand-over', ask)
  t.equal(code, 1)
  t.match(err, /^COMPOSE_CANDIDATE_FAILED: web-green: its image has no \/bin\/sh, which --candidate-env needs$/m)
  t.same(await stack.containers(), before)
})

t.test('a hand-over that cannot be carried out is told, and bars no swap', { skip }, async t => {
  const stack = await upSmallStack(t, ordinary)
  stack.edge.inFlight.set('web/blue', 1)
  await killAt(stack, 'drainOld', 'swap', 'web', stack.image('poller'), ...own, '--hand-over', ask)
  t.equal((await stack.compose('stop', 'web-green')).code, 0)
  stack.edge.inFlight.clear()
  const { code, out, err } = await stack.twinedge('swap', 'web', stack.image('two'))
  t.equal(code, 0, err)
  t.match(out, /^hand-over FAILED, exit code 126: .*is not running/m)
})

t.test('room for two is judged by the limit of today and the memory of this machine', { skip }, async t => {
  const stack = await upSmallStack(t)
  const env = await readFile(stack.envFile, 'utf8')
  await writeFile(stack.envFile, `${env}WEB_MEMORY=1000g\n`)
  // Nothing runs to go by: what counts is the limit.
  t.equal((await stack.compose('stop', 'web-blue')).code, 0)
  const before = await stack.containers()
  const { code, err } = await stack.twinedge('swap', 'web', stack.image('two'))
  t.equal(code, 1)
  const [, free] = /^COMPOSE_MEMORY_SHORT: a second copy needs some 1024000 MB \(its limit\), (\d+) MB are free$/m.exec(
    err
  )!
  const [, total] = /^MemTotal:\s+(\d+) kB$/m.exec(await readFile('/proc/meminfo', 'utf8'))!
  t.ok(Number(free) > 0 && Number(free) < Number(total) / 1_024, `${free} MB of ${total} kB`)
  t.match(err, /^next: .*: --hold$/m)
  t.same(await stack.containers(), before)
  t.equal((await stack.compose('start', 'web-blue')).code, 0)
  // By the use of the one that runs, there is.
  t.equal((await stack.twinedge('swap', 'web', stack.image('two'))).code, 0)
  t.equal((await inspect(stack, 'web-green')).HostConfig.Memory, 1000 * 1_024 ** 3)
  t.equal((await stack.compose('stop', 'web-green')).code, 0)
  t.equal((await stack.twinedge('swap', 'web', stack.image('one'), '--hold')).code, 0)
})
