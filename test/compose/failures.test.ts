import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { chmod, writeFile } from 'node:fs/promises'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { dockerEngine } from '../../compose/engine.ts'
import { takeLock } from '../../compose/record/lock.ts'
import { readPending } from '../../compose/record/pending.ts'
import { rollback } from '../../compose/rollback.ts'
import { settlePending } from '../../compose/session.ts'
import { dockerCommand } from '../../compose/stack/command.ts'
import { findStack } from '../../compose/stack/stack.ts'
import { swap } from '../../compose/swap.ts'
import { EdgeError, type FailureCode, failures } from '../../proxy/errors.ts'
import { manner, World } from '../doubles/swap-world.ts'

type OfChange = Exclude<Extract<FailureCode, `COMPOSE_${string}`>, 'COMPOSE_ENV_REFUSED'>

const provocations: Record<OfChange, { names: RegExp; provoke(world: World): Promise<unknown> }> = {
  COMPOSE_NO_STACK: { names: /^project none has no edge here/, provoke: world => findStack(world.engine(), 'none') },
  COMPOSE_HOST_ONLY: {
    names: /^nothing here can reach a Docker engine$/,
    async provoke() {
      const hooks = registerHooks({
        resolve(name, context, next) {
          if (name !== 'dockerode') return next(name, context)
          throw Object.assign(new Error(name), { code: 'ERR_MODULE_NOT_FOUND' })
        }
      })
      await dockerEngine().finally(() => hooks.deregister())
    }
  },
  COMPOSE_ENGINE_UNREACHABLE: {
    names: /^connect ENOENT .*none\.sock$/,
    provoke: async world => {
      const before = process.env.DOCKER_HOST
      process.env.DOCKER_HOST = `unix://${join(world.folder, 'none.sock')}`
      const engine = await dockerEngine()
      if (before === undefined) delete process.env.DOCKER_HOST
      else process.env.DOCKER_HOST = before
      await engine.find('p', 'edge')
    }
  },
  COMPOSE_REFUSED: {
    names: /^docker compose:\nservices\.web-green: no such thing$/,
    provoke: world =>
      fakeDocker(world, 'services.web-green: no such thing').then(docker => docker.create('web-green', {}))
  },
  COMPOSE_LOCKED: {
    names: /^a@b \(process \d+\) has been at "swap web app:2" since /,
    async provoke(world) {
      const operator = { who: 'a@b', host: 'b', verb: 'swap web app:2' }
      const lock = await takeLock(world.folder, { ...operator, host: 'elsewhere' }, () => new Date())
      await takeLock(world.folder, operator, () => new Date()).finally(() => lock.release())
    }
  },
  COMPOSE_IMAGE_MISSING: {
    names: /^app:9 is not here, and cannot be pulled: denied$/,
    provoke: async world => {
      const docker = await fakeDocker(world, 'Using default tag\ndenied')
      return swap({ ...world.parties(), docker }, 'web', 'app:9', manner)
    }
  },
  COMPOSE_MEMORY_SHORT: {
    names: /^a second copy needs some 143 MB \(95 MB in use by web-blue now\), 10 MB are free$/,
    provoke: world =>
      swap({ ...world.parties(), meminfo: async () => 'MemAvailable: 10240 kB\n' }, 'web', 'app:2', manner)
  },
  COMPOSE_CANDIDATE_FAILED: {
    names: /^web-green \(app:2\): the edge refused it: 500 oops\n/,
    async provoke(world) {
      world.refused.add('sha256:2')
      await swap(world.parties(), 'web', 'app:2', manner)
    }
  },
  COMPOSE_NO_RELEASE: {
    names: /^web was never swapped here$/,
    provoke: world => rollback(world.parties(), 'web', undefined, manner)
  },
  COMPOSE_INTERRUPTED: {
    names: /^stopped by SIGINT$/,
    provoke: world =>
      swap(
        world.parties(AbortSignal.abort(new EdgeError('COMPOSE_INTERRUPTED', 'stopped by SIGINT'))),
        'web',
        'app:2',
        manner
      )
  },
  COMPOSE_UNFINISHED: {
    names: /COMPOSE_ENGINE_UNREACHABLE: gone$/,
    async provoke(world) {
      world.fails = call =>
        call === 'stop web-blue' ? { before: new EdgeError('COMPOSE_ENGINE_UNREACHABLE', 'gone') } : {}
      await swap(world.parties(), 'web', 'app:2', manner)
    }
  }
}

t.test('every failure of a change has a test that provokes it', async t => {
  const codes = Object.keys(failures).filter(code => /^COMPOSE_(?!ENV_)/.test(code))
  t.same(Object.keys(provocations).sort(), codes.sort())
})

for (const [code, { names, provoke }] of Object.entries(provocations)) {
  t.test(`${code} says what is wrong`, async t => {
    const world = await World.make(t)
    await t.rejects(provoke(world), { code, detail: names })
  })
}

t.test('what could not be finished is finished by the next command', async t => {
  const world = await World.make(t)
  await t.rejects(provocations.COMPOSE_UNFINISHED.provoke(world), { code: 'COMPOSE_UNFINISHED' })
  t.same([world.active, world.state('web-blue')], ['green', 'running'])
  world.fails = () => ({})
  await settlePending(world.parties())
  t.same([world.active, world.state('web-blue')], ['green', 'exited'])
})

t.test('a journal that cannot be written leaves a swap unfinished, which serves', async t => {
  const world = await World.make(t)
  const { records } = world.parties()
  world.fails = call => {
    if (call !== 'stop web-blue') return {}
    rmSync(join(records, 'journal.jsonl'))
    mkdirSync(join(records, 'journal.jsonl'))
    return {}
  }
  await t.rejects(swap(world.parties(), 'web', 'app:2', manner), {
    code: 'COMPOSE_UNFINISHED',
    detail: /journal\.jsonl: EISDIR/
  })
  t.equal(world.active, 'green')
})

t.test('a disk that fills up while requests wait keeps nobody waiting', async t => {
  for (const isGood of [true, false]) {
    const world = await World.make(t)
    if (!isGood) world.ends.add('sha256:2')
    const parties = world.parties()
    let isFull = false
    world.fails = call => {
      isFull ||= call === 'stop web-blue'
      return {}
    }
    // A folder whose path is so long that nothing new goes into it: root, too, is refused then. By its link it is not.
    const long = longPath(world.folder, 4_075)
    mkdirSync(long, { recursive: true })
    symlinkSync(long, parties.records)
    const full = Object.defineProperty({ ...parties }, 'records', { get: () => (isFull ? long : parties.records) })
    await swap(full, 'web', 'app:2', { ...manner, isHeld: true }).catch(() => {})
    t.equal(world.hold, 'open')
    t.equal(world.state(isGood ? 'web-green' : 'web-blue'), 'running')
  }
})

t.test('when it cannot be told whether the flip has happened, nothing is stopped', async t => {
  const world = await World.make(t)
  const gone = new EdgeError('EDGE_NOT_RUNNING', 'gone')
  world.fails = call => (call === 'promote green' ? { after: gone } : {})
  const edge = world.edge()
  const silent = { ...edge, status: () => (world.active === 'green' ? Promise.reject(gone) : edge.status()) }
  const parties = { ...world.parties(), edge: silent }
  await t.rejects(swap(parties, 'web', 'app:2', manner), {
    code: 'COMPOSE_UNFINISHED',
    detail: /EDGE_NOT_RUNNING: gone/
  })
  t.same([world.state('web-blue'), world.state('web-green')], ['running', 'running'])
  t.match(await readPending(parties.records), { step: 'promote' })
})

t.test('Ctrl-C ends a pull', async t => {
  const world = await World.make(t)
  const program = join(world.folder, 'docker')
  await writeFile(program, '#!/bin/sh\nexec sleep 60\n')
  await chmod(program, 0o755)
  const controller = new AbortController()
  const docker = dockerCommand(
    world.parties().stack,
    { PATH: `${world.folder}:${process.env.PATH}` },
    controller.signal
  )
  const pull = docker.pull('app:9')
  controller.abort(new EdgeError('COMPOSE_INTERRUPTED', 'SIGINT'))
  await t.rejects(pull, { code: 'COMPOSE_INTERRUPTED' })
})

/** A docker command that says this, and fails. */
async function fakeDocker(world: World, says: string): Promise<ReturnType<typeof dockerCommand>> {
  const program = join(world.folder, 'docker')
  await writeFile(program, `#!/bin/sh\ncat <<'END'\n${says}\nEND\nexit 1\n`)
  await chmod(program, 0o755)
  return dockerCommand(
    world.parties().stack,
    { PATH: `${world.folder}:${process.env.PATH}` },
    new AbortController().signal
  )
}

function longPath(folder: string, length: number): string {
  let path = folder
  while (length - path.length > 202) path = join(path, 'd'.repeat(200))
  return join(path, 'd'.repeat(length - path.length - 1))
}
