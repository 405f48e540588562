import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { buildPart, imageName, listener, newTag } from '../../../../compose/laptop/image/build.ts'
import { buildThere } from '../../../../compose/laptop/image/cold.ts'
import type { Site } from '../../../../compose/laptop/plan/site.ts'
import { layShipGround } from '../../../doubles/ship/ground.ts'
import { docker, engineMissing } from '../../../doubles/stack/engine.ts'

const options = { skip: engineMissing }
const home = mkdtempSync(join(tmpdir(), 'te-home-'))
process.env.HOME = home
t.teardown(() => rmSync(home, { recursive: true, force: true }))

/** A site whose app is one file, in a folder of a repository; committed as `one`, and changed to `two` since. */
function siteOf(t: Test): Site {
  const folder = t.testdir({
    app: { 'page.txt': 'one', ignored: {} },
    Dockerfile: recipe,
    'Dockerfile.dockerignore': '**/secret\n'
  })
  const git = (...args: string[]): void =>
    void execFileSync('git', ['-C', folder, ...identity, ...args], { stdio: 'pipe' })
  git('init', '--quiet')
  git('add', '.')
  git('commit', '--quiet', '-m', 'one')
  writeFileSync(join(folder, 'app/page.txt'), 'two')
  writeFileSync(join(folder, 'app/secret'), 'three')
  const part = {
    source: join(folder, 'app'),
    dockerfile: join(folder, 'Dockerfile'),
    args: { GREETING: "it's $HOME" },
    image: null
  }
  const hooks = { before: null, after: null, failed: null }
  const names = { file: join(folder, 'deploy.yaml'), folder, name: 'te-build', domains: [], servers: [], verify: [] }
  return { ...names, parts: { web: part, api: part }, ship: 'ssh', hooks }
}

const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.com']
const recipe =
  'FROM scratch AS artifact\nADD frontend-standalone.tar.g[z] page.tx[t] secre[t] /\nARG GREETING\nLABEL greeting=$GREETING\n'

async function contentOf(t: Test, reference: string): Promise<string> {
  const { out: id } = await docker(['create', reference, 'none'])
  t.teardown(() => docker(['rm', id.trim()]))
  const tar = execFileSync('docker', ['export', id.trim()], { env: { ...process.env, NODE_OPTIONS: '' } })
  return execFileSync('tar', ['-x', '-O', '-f', '-', '--wildcards', '*page.txt'], { input: tar, encoding: 'utf8' })
}

t.test('a part is built from a commit, from what lies there, or from what is built already', options, async t => {
  const site = siteOf(t)
  const tag = newTag(new Date())
  const reference = imageName(site, 'web', tag)
  t.teardown(() => docker(['image', 'rm', '--force', reference]))
  const steps: string[] = []
  const building = { tag, say: (line: string) => void steps.push(line) }

  const committed = await buildPart(site, 'web', building)
  t.match(committed, { reference: `localhost/te-build/web:${tag}`, platform: /^linux\//, from: /^[0-9a-f]{40}$/ })
  t.equal(await contentOf(t, reference), 'one', 'what has not been committed is not in it')
  const label = await docker(['image', 'inspect', '--format', '{{.Config.Labels.greeting}}', reference])
  t.equal(label.out.trim(), "it's $HOME")
  t.ok(
    steps.some(line => /^\[.*ADD/.test(line)),
    'its steps are told'
  )

  t.match(await buildPart(site, 'web', { ...building, isLocal: true }), { from: 'working tree' })
  t.equal(await contentOf(t, reference), 'two')

  const artifact = join(site.folder, 'out.tar.gz')
  writeFileSync(join(site.folder, 'page.txt'), 'artifact')
  execFileSync('tar', ['-c', '-z', '-f', artifact, '-C', site.folder, 'page.txt'])
  t.match(await buildPart(site, 'web', { ...building, artifact }), { from: 'artifact' })
  t.equal(await contentOf(t, reference), 'artifact')
})

t.test('two laptops that build in the same second do not call it the same', async t => {
  const tags = Array.from({ length: 5 }, () => newTag(new Date('2026-11-23T06:43:41.123Z')))
  t.match(tags[0], /^deploy-20261123-064341-[0-9a-f]{4}$/)
  t.ok(new Set(tags).size > 1)
})

t.test('of a step that is a page long its beginning is told, and all of it is in the log', async t => {
  const [log, said]: [string[], string[]] = [[], []]
  const hear = listener(
    line => void log.push(line),
    line => void said.push(line)
  )
  const long = `#7 [build 3/9] RUN ${'x'.repeat(1_000)}`
  for (const line of [long, '#7 [internal] load', '#7 0.1 x', '#8 [4/9] COPY a b']) hear(line)
  t.strictSame(said, [`[build 3/9] RUN ${'x'.repeat(59)}…`, '[4/9] COPY a b'])
  t.equal(log[0], long)
})

t.test('a build that fails says why, and what it lacks is named', options, async t => {
  const site = siteOf(t)
  const building = { tag: 'none', say: () => {} }
  await t.rejects(buildPart(site, 'web', { ...building, ref: 'nowhere' }), {
    code: 'BUILD_SOURCE_MISSING',
    detail: /nowhere/
  })
  await t.rejects(buildPart(site, 'web', { ...building, artifact: '/no/such' }), { code: 'BUILD_SOURCE_MISSING' })
  mkdirSync(join(home, 'plain'))
  const web = { ...site.parts.web, source: join(home, 'plain') }
  await t.rejects(buildPart({ ...site, parts: { ...site.parts, web } }, 'web', building), {
    code: 'BUILD_SOURCE_MISSING',
    detail: /--from-local/
  })
  writeFileSync(site.parts.web.dockerfile, 'FROM scratch\nCOPY nothing-like-it /\n')
  const cause = await buildPart(site, 'web', building).catch(error => error)
  t.match(cause, { code: 'BUILD_FAILED', detail: /nothing-like-it[\s\S]*all of it: / })
  t.match(readFileSync(/all of it: (.*)\)/.exec(cause.detail)![1]!, 'utf8'), /nothing-like-it/, 'all of it is kept')
  const { PATH } = process.env
  process.env.PATH = mkdtempSync(join(home, 'bin-'))
  t.teardown(() => void Object.assign(process.env, { PATH }))
  await t.rejects(buildPart(site, 'web', { ...building, artifact: cause.detail.match(/all of it: (.*)\)/)[1] }), {
    code: 'BUILD_DOCKER_MISSING'
  })
  process.env.PATH = PATH
})

t.test('a part can be built on the server, from the same things', options, async t => {
  const ground = await layShipGround(t)
  const site = siteOf(t)
  const ssh = await ground.connect()
  const building = { tag: 'cold', say: () => {} }
  // Two laptops at once.
  const [committed, local] = await Promise.all([
    buildThere(ssh, site, 'web', building),
    buildThere(ssh, site, 'web', { ...building, tag: 'warm', isLocal: true })
  ])
  const idOf = async (tag: string): Promise<string> =>
    (
      await ground.engine.docker(['image', 'inspect', '--format', '{{.Id}}', `localhost/te-build/web:${tag}`])
    ).out.trim()
  t.match(committed, { id: await idOf('cold'), platform: /^linux\// })
  t.match(local, { id: await idOf('warm') })
  t.not(local.id, committed.id)
  writeFileSync(site.parts.web.dockerfile, 'FROM scratch\nCOPY nothing-like-it /\n')
  await t.rejects(buildThere(ssh, site, 'web', building), { code: 'BUILD_FAILED', detail: /nothing-like-it/ })
  t.same((await ssh.run(['ls', `${ground.server.plan.folder}/site`])).stdout, '', 'nothing is left there')
})
