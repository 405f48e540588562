// Every way that `twinedge deploy` has to get an image onto a server, typed by an operator, on the whole of both servers;
// and what then serves, asked over TLS. With WAN=long only.
import { execFileSync } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { whyNoServers } from '../doubles/servers/missing.ts'
import { layServers } from '../doubles/servers/servers.ts'
import { release } from '../doubles/servers/site/apps.ts'
import { operatorOf } from '../doubles/servers/site/operator.ts'
import { layOutSite } from '../doubles/servers/site/site.ts'
import { startRegistry } from '../doubles/ship/registry.ts'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { until } from '../doubles/wan/site/server.ts'

const skip = whyNoServers() || engineMissing || (process.env.WAN === 'long' ? false : 'takes long: WAN=long')
const plugin = '/usr/libexec/docker/cli-plugins/docker-buildx'

t.setTimeout(580_000)
t.test('the ways of a deploy', { skip, timeout: 560_000 }, async t => {
  const servers = await layServers(t, { engine: true, delayMs: 0, laptop: { delayMs: 0 } })
  const { frontend, backend, laptop } = servers
  const site = layOutSite(t, servers, { apps: 'small', authority: null })
  const { folder, releases, visitor, target } = site
  const built: string[] = []
  t.teardown(() => docker(['image', 'rm', '--force', ...built]))
  /** @returns what it has told, with what it was to come to */
  const deploy = async (args: string[], code: number, operator = site): Promise<string> => {
    const done = await operator.twinedge('deploy', ...args)
    const told = `${done.out}${done.err}`
    built.push(...[...told.matchAll(/^(?:web|api): (\S+:deploy-\S+), of /gm)].map(([, image = '']) => image))
    t.equal(done.code, code, `deploy ${args.join(' ')}:\n${told}`)
    return told
  }
  const git = (...args: string[]): string => execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8' }).trim()
  const commit = (name: string): string => {
    release(folder, name)
    git('add', 'web', 'api')
    git('-c', 'user.name=x', '-c', 'user.email=x@example.com', 'commit', '-qm', name)
    return git('rev-parse', 'HEAD').slice(0, 9)
  }
  const history = async (): Promise<string[]> => (await site.twinedge('history')).out.trim().split('\n')
  const both = (name: string) => ({ web: name, api: name })
  // An artifact of these apps is what they are made of, packed.
  const dockerfile = readFileSync(join(folder, 'Dockerfile'), 'utf8')
  const unpacks = 'ADD app.mj[s] release.mj[s] frontend-standalone.tar.g[z] /small/'
  writeFileSync(join(folder, 'Dockerfile'), dockerfile.replace('COPY . /small/', unpacks))
  const first = git('rev-parse', 'HEAD').slice(0, 9)
  await site.init()
  const { code, out, err } = await site.twinedge('bootstrap')
  t.equal(code, 0, `${out}${err}`)

  t.test('none of them: the last commit, and what is not in it is told', async t => {
    release(folder, 'nobody has committed it')
    const rehearsed = await deploy(['--dry-run'], 0)
    t.match(rehearsed, `1. api: localhost/twinedge/api:deploy-`)
    t.match(rehearsed, `of ${folder}/api at ${first} by ${folder}/Dockerfile, on this laptop`)
    t.match(rehearsed, 'api: WARNING: 1 file is not committed as they lie there, and not in it')
    t.match(rehearsed, 'swap web on frontend: nothing serves from web-blue; then web-green does')
    t.same(await history(), ['nothing was deployed here yet'])
    t.equal(
      (await frontend.run('docker', ['image', 'ls', '-q', 'localhost/twinedge/web'])).out,
      '',
      'nothing went there'
    )
    t.match(await deploy([], 0), 'web: WARNING: 1 file is not committed')
    t.same(await releases(), both('one'))
    t.match((await history()).at(-1), new RegExp(`deploy 1 .* {2}${first} +done`))
  })

  t.test('--from-local: the working tree; --ref: a commit, whatever lies there', async t => {
    const second = commit('two')
    commit('three')
    release(folder, 'four')
    t.notMatch(await deploy(['--from-local'], 0), 'WARNING')
    t.same(await releases(), both('four'))
    t.match((await history()).at(-1), / {2}working tree +done/)
    t.notMatch(await deploy(['--ref', 'HEAD~1'], 0), 'WARNING')
    t.same(await releases(), both('two'))
    t.match((await history()).at(-1), new RegExp(` {2}${second} +done`))
    t.match(await deploy(['--ref', 'nowhere'], 1), /^BUILD_SOURCE_MISSING: .*\/api has no commit nowhere$/m)
  })

  t.test('--frontend-artifact: what was built elsewhere; --skip-build: what was built last', async t => {
    const other = mkdtempSync(join(tmpdir(), 'te-artifact-'))
    t.teardown(() => rmSync(other, { recursive: true, force: true }))
    cpSync(join(folder, 'web'), other, { recursive: true })
    writeFileSync(join(other, 'release.mjs'), "export const release = 'packed'\n")
    const artifact = join(other, 'packed.tar.gz')
    execFileSync('tar', ['-czf', artifact, '-C', other, 'app.mjs', 'release.mjs'])
    await deploy(['--frontend-only', '--frontend-artifact', artifact], 0)
    t.same(await releases(), { web: 'packed', api: 'two' })
    t.match((await history()).at(-1), / {2}artifact packed\.tar\.gz +done/)
    t.match(await site.twinedge('rollback'), { code: 0 })
    t.same(await releases(), both('two'))
    t.match(await deploy(['--frontend-only', '--skip-build'], 0), 'web: all of it is there already')
    t.same(await releases(), { web: 'packed', api: 'two' })
    t.match((await history()).at(-1), / {2}artifact packed\.tar\.gz +done/)
    const bad = await deploy(['--frontend-artifact', join(folder, 'deploy.yaml')], 1)
    t.match(bad, /^BUILD_ARTIFACT_UNFIT: .*deploy\.yaml is no tar\.gz/m)
  })

  t.test('--platform: the servers’ own, or none', async t => {
    release(folder, 'five')
    await deploy(['--from-local', '--platform', process.arch === 'x64' ? 'linux/amd64' : 'linux/arm64'], 0)
    t.same(await releases(), both('five'))
    const other = process.arch === 'x64' ? 'linux/arm64' : 'linux/amd64'
    t.match(await deploy(['--platform', other], 1), `SHIP_ARCH_OTHER: api would be for ${other}, and backend is linux/`)
    t.match(await deploy(['--skip-build', '--platform', other], 2), /--skip-build and --platform: choose one/)
  })

  t.test('--cold-build: by a laptop without docker', async t => {
    const bare = operatorOf(laptop, folder, { DOCKER_HOST: 'unix:///nowhere' })
    release(folder, 'six')
    const failed = await deploy(['--from-local'], 1, { ...site, ...bare })
    t.match(failed, /^BUILD_DOCKER_MISSING: [\s\S]*^next: .*twinedge deploy --cold-build$/m)
    const cold = ['--cold-build', '--from-local']
    await backend.run('mv', [plugin, `${plugin}.away`])
    t.match(
      await deploy(cold, 1, { ...site, ...bare }),
      /^BUILD_BUILDX_MISSING: backend[\s\S]*^next: .*--server backend -- apt-get install/m
    )
    await backend.run('mv', [`${plugin}.away`, plugin])
    await deploy(cold, 0, { ...site, ...bare })
    t.same(await releases(), both('six'))
    t.match((await history()).at(-1), / {2}working tree +done/)
    const text = readFileSync(join(folder, 'Dockerfile'), 'utf8')
    writeFileSync(join(folder, 'Dockerfile'), text.replace('USER', "RUN echo 'no such' tool >&2; exit 3\nUSER"))
    release(folder, 'bad')
    t.match(
      await deploy(cold, 1, { ...site, ...bare }),
      /^BUILD_FAILED: localhost[\s\S]*no such tool[\s\S]*all of it: /m
    )
    writeFileSync(join(folder, 'Dockerfile'), text)
    t.same(await releases(), both('six'))
    t.equal((await backend.run('sh', ['-c', 'ls /opt/twinedge/site | grep context'])).out, '', 'nothing is left there')
  })

  t.test('--cold-build with a standby: it has the very image that the other one built', async t => {
    appendFileSync(join(folder, 'deploy.yaml'), '\nstandby: backend\n')
    const set = await site.twinedge('bootstrap')
    t.equal(set.code, 0, `${set.out}${set.err}`)
    release(folder, 'seven')
    const bare = operatorOf(laptop, folder, { DOCKER_HOST: 'unix:///nowhere' })
    const told = await deploy(['--cold-build', '--from-local'], 0, { ...site, ...bare })
    t.match(told, 'web: copying it from frontend to backend, by way of this laptop')
    t.notMatch(told, 'could not take over')
    t.same(await releases(), both('seven'))
    const atStandby = { ...target, address: backend.address }
    t.match((await visitor.ask('request', { target: atStandby, path: '/' })).text, 'seven')
    const script =
      "docker image ls --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}' | grep /web:deploy | sort | tail -n 1"
    const idOn = async (server: typeof frontend): Promise<string> => (await server.run('sh', ['-c', script])).out
    t.match(await idOn(backend), /:deploy-\S+ sha256:\w+\n$/)
    t.equal(await idOn(backend), await idOn(frontend))
  })

  t.test('ship: registry: pushed by the laptop, pulled by the servers', async t => {
    const registry = await startRegistry(t)
    for (const name of ['frontend', 'backend']) {
      const door = `127.0.0.1:${registry.port}:${registry.socket}`
      const tunnel = laptop.spawn('ssh', ['-N', '-o', 'ExitOnForwardFailure=yes', '-R', door, name])
      t.teardown(() => tunnel.kill())
    }
    const opens = ['-c', `</dev/tcp/127.0.0.1/${registry.port}`]
    for (const server of [frontend, backend]) {
      await until(
        async () => (await server.run('bash', opens)).code === 0,
        () => 'the registry is not reached'
      )
    }
    const file = join(folder, 'deploy.yaml')
    const named = ['web', 'api'].reduce(
      (text, part) => {
        return text.replace(new RegExp(`^${part}:\\n`, 'm'), `$&  image: ${registry.host}/site/${part}\n`)
      },
      readFileSync(file, 'utf8')
    )
    writeFileSync(file, `${named}ship: registry\n`)
    release(folder, 'eight')
    const told = await deploy(['--from-local'], 0)
    t.match(told, `web: Pushing ${registry.host}/site/web:deploy-`)
    t.match(told, /web: Pulling it on backend\nweb: Pushing .*\nweb: Pulling it on frontend/)
    t.same(await releases(), both('eight'))
    await deploy(['--skip-build'], 0)
    t.match(await site.twinedge('rollback'), { code: 0 })
    t.same(await releases(), both('eight'), 'as it was before it was deployed again')
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(registry.host, '127.0.0.1:1'))
    release(folder, 'nine')
    t.match(await deploy(['--from-local'], 1), /^SHIP_PUSH_REFUSED: 127\.0\.0\.1:1\//m)
    t.same(await releases(), both('eight'))
  })
})
