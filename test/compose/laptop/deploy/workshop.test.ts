// What a deploy is built of, and what is refused before anybody waits: with a laptop's docker that builds nothing.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Yard as DeployYard, deploy } from '../../../../compose/laptop/deploy/deploy.ts'
import { rehearse } from '../../../../compose/laptop/deploy/rehearsal.ts'
import { type Making, type Workshop, workshopOf } from '../../../../compose/laptop/deploy/workshop.ts'
import { ownDockerfile } from '../../../../compose/laptop/image/build.ts'
import type { Site } from '../../../../compose/laptop/plan/site.ts'
import type { Line } from '../../../../compose/laptop/ssh/line.ts'
import type { Ssh } from '../../../../compose/laptop/ssh/ssh.ts'
import { failures } from '../../../../proxy/errors.ts'
import { how, Servers, siteOf } from '../../../doubles/deploy-servers.ts'
import { putDocker } from '../../../doubles/docker-program.ts'

const home = mkdtempSync(join(tmpdir(), 'te-home-'))
process.env.HOME = home
t.teardown(() => rmSync(home, { recursive: true, force: true }))

const plain: Making = { isSkipped: false, isCold: false, ref: null, isLocal: false, platform: null, artifact: null }

/** What each server calls itself, or all of them. */
type Machines = string | Readonly<Record<string, string>>

interface Bench {
  readonly folder: string
  readonly commits: readonly string[]
  readonly said: string[]
  readonly servers: Servers
  workshop(making: Partial<Making>, machine?: Machines): Workshop
  yard(making: Partial<Making>, machine?: Machines): DeployYard
}

/** A repository with two commits of an API and a web app, in whose working tree two files of the API have changed. */
function benchOf(t: Test, change: (site: Site) => Site = site => site): Bench {
  const folder = t.testdir({ api: { 'app.py': 'one' }, web: { 'page.tsx': 'one' } })
  const commit = (): string => {
    git(folder, 'add', '.')
    git(folder, 'commit', '--quiet', '-m', 'x')
    return git(folder, 'rev-parse', 'HEAD')
  }
  git(folder, 'init', '--quiet')
  const first = commit()
  writeFileSync(join(folder, 'api/app.py'), 'two')
  const second = commit()
  for (const name of ['app.py', 'new.py']) writeFileSync(join(folder, 'api', name), 'three')
  const part = (name: 'api' | 'web') => ({
    ...{ source: join(folder, name), dockerfile: ownDockerfile(name), args: {}, image: null }
  })
  const base = { ...siteOf('frontend', 'backend'), parts: { api: part('api'), web: part('web') } }
  const site = change(base)
  const said: string[] = []
  const servers = new Servers({ api: 4, web: 8 })
  const yard: Bench['yard'] = (making, machine = 'x86_64') => {
    const world = servers.world(site)
    const lines = world.lines.map(line => ({ ...line, ssh: async () => sshTo(line, machine) }))
    const say = (line: string): void => void said.push(line)
    const around = { ...world, lines, say, now: () => new Date(0), progress: () => {} }
    return { ...around, env: {}, workshop: workshopOf(around, { ...plain, ...making }) }
  }
  return { folder, commits: [first, second], said, servers, yard, workshop: (...how) => yard(...how).workshop }
}

function git(folder: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=x', '-c', 'user.email=x@example.com']
  return execFileSync('git', ['-C', folder, ...identity, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim()
}

/** A server that tells what it is, and has no buildx. */
function sshTo({ server }: Line, machines: Machines): Ssh {
  const machine = typeof machines === 'string' ? machines : machines[server.name]
  const run: Ssh['run'] = async ([program = '']) => {
    return program === 'uname' ? { code: 0, stdout: `${machine}\n`, stderr: '' } : { code: 1, stdout: '', stderr: '' }
  }
  return { server, run } as Ssh
}

t.test('an image is for the platform that its server is, unless told, and never for another', async t => {
  const docker = putDocker(t)
  const { workshop } = benchOf(t)
  const platforms = async (making: Partial<Making>, machine: string): Promise<string | undefined> => {
    await workshop(making, machine).make('api')
    return /--platform (\S+)/.exec(docker.told().findLast(line => line.startsWith('buildx build')) ?? '')?.[1]
  }
  t.equal(await platforms({}, 'x86_64'), 'linux/amd64')
  t.equal(await platforms({}, 'aarch64'), 'linux/arm64')
  t.equal(await platforms({}, 'arm64'), 'linux/arm64')
  t.equal(await platforms({}, 'riscv64'), undefined, 'one that nobody knows: what the laptop is')
  t.equal(await platforms({ platform: 'linux/riscv64' }, 'riscv64'), 'linux/riscv64')
  await workshop({ platform: 'linux/arm64/v8' }, 'aarch64').check('api')
  await t.rejects(workshop({ platform: 'linux/arm64' }).check('api'), {
    code: 'SHIP_ARCH_OTHER',
    detail: 'api would be for linux/arm64, and backend is linux/amd64'
  })
})

t.test('a standby that is another machine than the server is told of before the build', async t => {
  putDocker(t)
  const { workshop } = benchOf(t, site => ({
    ...site,
    servers: site.servers.map(server => (server.name === 'backend' ? { ...server, standby: true } : server))
  }))
  const machines = { frontend: 'x86_64', backend: 'aarch64' }
  for (const how of [{}, { isCold: true }])
    await t.rejects(workshop(how, machines).check('web'), {
      code: 'SHIP_ARCH_OTHER',
      detail: 'web would be for linux/amd64, and backend, the standby, is linux/arm64'
    })
  const unknown = { ...machines, frontend: 'riscv64' }
  await t.rejects(workshop({ platform: 'linux/riscv64' }, unknown).check('web'), {
    code: 'SHIP_ARCH_OTHER',
    detail: 'web would be for linux/riscv64, and backend, the standby, is linux/arm64'
  })
  await workshop({ platform: 'linux/arm64' }, unknown).check('web')
  await workshop({}, machines).check('api')
  await workshop({}, { ...machines, backend: 'x86_64' }).check('web')
  await workshop({}, { ...machines, backend: 'riscv64' }).check('web')
})

t.test('what is built is told by its commit, and what nobody has committed is told of', async t => {
  putDocker(t)
  const { folder, commits, said, workshop } = benchOf(t)
  const of = async (making: Partial<Making>): Promise<string> => {
    said.length = 0
    const maker = workshop(making)
    await maker.check('api')
    return /, of (.*) by /.exec(await maker.describe('api'))![1]!
  }
  t.equal(await of({}), `${folder}/api at ${commits[1]?.slice(0, 9)}`)
  t.strictSame(said, [
    'api: WARNING: 2 files are not committed as they lie there, and not in it: --from-local takes them'
  ])
  t.equal(await of({ ref: 'HEAD~1' }), `${folder}/api at ${commits[0]?.slice(0, 9)}`)
  t.strictSame(said, [], 'who names a commit knows')
  t.equal(await of({ isLocal: true }), `${folder}/api as it lies there`)
  t.strictSame(said, [])
  await workshop({}).check('web')
  t.strictSame(said, [], 'the other half has no changes')
})

t.test('both halves are of what HEAD was when they were checked', async t => {
  putDocker(t)
  const { folder, commits, workshop } = benchOf(t)
  const maker = workshop({})
  for (const part of ['api', 'web'] as const) await maker.check(part)
  t.match(await maker.make('api'), { from: commits[1] })
  git(folder, 'commit', '--quiet', '--all', '-m', 'while the API was built')
  t.match(await maker.make('web'), { from: commits[1] })
  t.match(await workshop({ isLocal: true }).make('web'), { from: 'working tree' })
})

t.test('what cannot be built is refused before the first build, and nothing is done', async t => {
  const docker = putDocker(t)
  const { folder, servers, yard } = benchOf(t, site => {
    const web = { ...site.parts.web, source: site.parts.web.source.replace(/web$/, 'nowhere') }
    return { ...site, parts: { ...site.parts, web }, hooks: { ...site.hooks, failed: 'echo $TWINEDGE_OUTCOME' } }
  })
  const bad = yard({})
  const failure = { code: 'BUILD_SOURCE_MISSING', detail: `there is no folder ${folder}/nowhere` }
  await t.rejects(deploy(bad, { parts: ['api', 'web'], how }), failure)
  t.notOk(
    docker.told().some(line => line.startsWith('buildx build')),
    'the API was not built either'
  )
  t.strictSame(servers.asked, [])
  await t.rejects(yard({ ref: 'nowhere' }).workshop.check('api'), {
    code: 'BUILD_SOURCE_MISSING',
    detail: `${folder}/api has no commit nowhere`
  })
  await t.rejects(yard({ isSkipped: true }).workshop.check('api'), { code: 'DEPLOY_NO_IMAGE' })
  docker.built('localhost/shop/api:deploy-1', 'localhost/shop/api:deploy-2')
  await yard({ isSkipped: true }).workshop.check('api')
  const cold = {
    code: 'BUILD_BUILDX_MISSING',
    detail: 'backend: it has no docker buildx',
    next: /twinedge exec server --server backend -- apt-get install -y docker-buildx/
  }
  await t.rejects(yard({ isCold: true }).workshop.check('api'), cold)
})

t.test('without docker here the way by the server is named, and needs none', async t => {
  const docker = putDocker(t)
  const { workshop } = benchOf(t)
  docker.refuses('version', 'Cannot connect to the Docker daemon')
  for (const making of [{}, { isSkipped: true }]) {
    await t.rejects(workshop(making).check('api'), {
      code: 'BUILD_DOCKER_MISSING',
      detail: 'Cannot connect to the Docker daemon'
    })
  }
  docker.refuses('buildx version', "'buildx' is not a docker command.")
  const detail = "'buildx' is not a docker command."
  await t.rejects(workshop({}).check('api'), { code: 'BUILD_DOCKER_MISSING', detail })
  t.match(failures.BUILD_DOCKER_MISSING.next, 'twinedge deploy --cold-build')
  await t.rejects(workshop({ isCold: true }).check('api'), { code: 'BUILD_BUILDX_MISSING' }, 'as far as the server')
})

t.test('what was built on one server is copied to the standby, and to nobody else', async t => {
  const cold = { isCold: true }
  t.equal(await benchOf(t).workshop(cold).ship('web', 'x'), null)
  const { workshop } = benchOf(t, site => ({ ...site, servers: standing(site) }))
  t.equal(await workshop(cold).ship('api', 'x'), null)
  // As far as the engine that built it, which has none here.
  const failure = { code: 'SHIP_IMAGE_MISSING', detail: 'frontend has no x' }
  await t.rejects(workshop(cold).ship('web', 'x'), failure)
  t.equal(await workshop(cold).foresee('web'), 'built on frontend, copied to backend, the standby')
})

t.test('a rehearsal tells what would be built, shipped and swapped, and does none of it', async t => {
  const docker = putDocker(t)
  const told = async (making: Partial<Making>, change: (site: Site) => Site = site => site) => {
    const bench = benchOf(t, change)
    const lines = await rehearse(bench.yard(making), { parts: ['api', 'web'], how })
    t.strictSame(bench.servers.asked, [], 'nothing was ordered or noted')
    return { lines, bench }
  }
  const { lines, bench } = await told({})
  const commit = bench.commits[1]?.slice(0, 9)
  t.match(
    lines.join('\n'),
    new RegExp(`^deploy 1 of api and web: nothing of this is done
1\\. api: localhost/shop/api:deploy-\\S+, of \\S+/api at ${commit} by \\S+/images/api/Dockerfile, on this laptop
2\\. web: localhost/shop/web:deploy-\\S+, of \\S+/web at ${commit} by \\S+/images/web/Dockerfile, on this laptop
3\\. api: shipped to backend, whole: none was built on this laptop yet
4\\. web: shipped to frontend, whole: none was built on this laptop yet
5\\. lock backend, then frontend
6\\. swap api on backend: api:4, release 4, serves from api-green; then api-blue does
7\\. swap web on frontend: web:8, release 8, serves from web-green; then web-blue does$`)
  )
  t.match(bench.said, [
    'api: WARNING: 2 files are not committed as they lie there, and not in it: --from-local takes them'
  ])
  const { lines: pushed } = await told({}, site => ({ ...site, ship: 'registry', servers: standing(site) }))
  t.match(
    pushed.join('\n'),
    /^4\. web: pushed to localhost\/shop\/web:\S+, from there to frontend; and to backend, the standby$/m
  )
  t.strictSame(
    [...new Set(docker.told().map(line => line.replace(/ --.*/, '')))],
    ['version', 'buildx version', 'image ls']
  )
})

function standing(site: Site): Site['servers'] {
  return site.servers.map(one => (one.name === 'backend' ? { ...one, standby: true as const } : one))
}
