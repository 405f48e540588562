import { randomBytes } from 'node:crypto'
import { appendFile, cp } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { dockerEngine } from '../../compose/engine.ts'
import { command, project } from '../doubles/command.ts'
import {
  isArtifact,
  isTiny,
  marker,
  packSample,
  plantSecrets,
  privateKey,
  secrets,
  tinyApp
} from '../doubles/stack/contexts.ts'
import { buildImage, docker, engineMissing } from '../doubles/stack/engine.ts'
import * as image from '../doubles/stack/image.ts'

const whenLong = { skip: process.env.WAN === 'long' ? false : 'takes long: WAN=long' }

if (engineMissing) {
  t.plan(0, engineMissing)
  process.exit()
}
t.setTimeout(600_000)

const requirements = 'uvicorn\n'
const pyproject = (more: string): string => `[project]\nname = "tiny"\nversion = "1"\n${more}\n`
const readOnly = ['--read-only', '--tmpfs', '/tmp', '--publish', '127.0.0.1::3000']
const edgeFiles = 'package.json package-lock.json .npmrc LICENSE compose proxy scripts images/proxy'.split(' ')
const someLine = (): string => ` ${randomBytes(8).toString('hex')}\n`

/** How often a text is in an image: in its layers, and in what is told of how it was made. */
async function countIn(name: string, text: string): Promise<number> {
  const script = `{ docker save ${name}; docker history --no-trunc ${name}; } | grep -ac ${text}`
  return Number((await command('sh', ['-c', script])).out)
}

t.test('an artifact needs no npm, no compiler and no network to become a web app with its assets', async t => {
  await buildImage('web')
  const web = await image.build(t, 'web', await packSample(t, plantSecrets), isArtifact)
  t.equal(await countIn(web, marker), 0, 'secrets beside the server stay behind')
  const id = await image.startContainer(t, web, readOnly)
  await image.untilHealth(id, 'healthy')
  const origin = await image.originOf(id, 3000)
  const page = await (await fetch(origin)).text()
  const [chunk = ''] = page.match(/\/_next\/static\/[^"]+\.js/) ?? []
  t.equal((await fetch(origin + chunk)).headers.get('cache-control'), 'public, max-age=31536000, immutable')
  t.match((await fetch(`${origin}/logo.png`)).headers.get('content-type'), 'image/png')
})

t.test('an artifact of a monorepo has its server deeper down', whenLong, async t => {
  const move = 'cd .next/standalone; mkdir -p apps/web; mv .next server.js package.json apps/web; cd /src'
  const id = await image.startContainer(t, await image.build(t, 'web', await packSample(t, move), isArtifact), readOnly)
  await image.untilHealth(id, 'healthy')
  t.equal((await fetch(`${await image.originOf(id, 3000)}/logo.png`)).status, 200)
  t.equal((await docker(['exec', id, 'touch', 'apps/web/.next/cache/written'])).code, 0, 'its cache lies in /tmp')
  const engine = await dockerEngine()
  const tar = await engine.archive(id, '/app/.next/static')
  t.match(
    Buffer.concat((await tar?.toArray()) ?? []).toString('latin1'),
    /\.\/chunks\/[^\0]+\.js\0/,
    'a swap finds its files'
  )
  t.equal(await engine.archive(id, '/app/.next/none'), null)
})

t.test('an artifact that is not standalone is refused, with what to change', async t => {
  const folder = await image.makeFolder(t, { '.next/static/chunk.js': '' })
  await command('tar', ['-czf', 'frontend-standalone.tar.gz', '.next/static'], { cwd: folder })
  const { code, err } = await image.tryBuild(t, 'web', folder, isArtifact)
  t.not(code, 0)
  t.match(err, "no standalone output in .next: next.config needs output: 'standalone'")
})

t.test('two artifacts that differ in a chunk share Node and the packages', whenLong, async t => {
  const change = 'for file in .next/static/chunks/*.js; do break; done; echo "// changed" >> $file'
  const one = await image.layersOf(await image.build(t, 'web', await packSample(t), isArtifact))
  const two = await image.layersOf(await image.build(t, 'web', await packSample(t, change), isArtifact))
  t.same(two.slice(-3, -1), one.slice(-3, -1))
  t.not(two.at(-1), one.at(-1))
})

t.test('a changed line of a Next.js app does not fetch its packages again', async t => {
  await buildImage('web')
  const folder = await image.makeFolder(t, {})
  await cp(join(project, 'images/web/sample'), folder, { recursive: true })
  await appendFile(join(folder, 'app/page.tsx'), `//${someLine()}`)
  // There is no such script: it stops where the compiling would begin.
  const { err } = await image.tryBuild(t, 'web', folder, ['--build-arg', 'BUILD_SCRIPT=none'])
  t.match(err, /#(\d+) \[modules [^\n]* RUN npm ci[^\n]*\n#\1 CACHED/)
})

t.test('an API of a requirements.txt alone, with the secrets of its folder left out', async t => {
  const files = { 'tiny.py': tinyApp, 'requirements.txt': requirements, 'ca.pem': 'a certificate' }
  const folder = await image.makeFolder(t, { ...files, ...secrets, id_rsa: privateKey })
  const api = await image.build(t, 'api', folder, isTiny)
  t.equal(await countIn(api, marker), 0)
  t.ok((await countIn(api, 'http.response.start')) > 0, 'what is there is found')
  t.match((await image.runIn(api, 'find /app -type f')).out, '/app/ca.pem', 'a certificate is no secret')
  const id = await image.startContainer(t, api, ['--read-only', '--env', 'API_HEALTH_PATH=/'])
  await image.untilHealth(id, 'healthy')
})

t.test('an API of a pyproject.toml, with the extras that are asked for and no others', async t => {
  const extras = 'web = ["idna"]\nbot = ["nothing-of-this-name-exists-here"]\nall = ["tiny[web]"]'
  const more = `dependencies = ["uvicorn"]\n[project.optional-dependencies]\n${extras}`
  const folder = await image.makeFolder(t, { 'src/tiny.py': tinyApp, 'pyproject.toml': pyproject(more) })
  const api = await image.build(t, 'api', folder, [...isTiny, '--build-arg', 'API_EXTRAS=all'])
  t.equal((await image.runIn(api, 'python -c "import idna, tiny"')).code, 0)
  const { code, err } = await image.tryBuild(t, 'api', folder, [...isTiny, '--build-arg', 'API_EXTRAS=wbe'])
  t.not(code, 0)
  t.match(err, 'API_EXTRAS: wbe is not among the optional dependencies of pyproject.toml: web, bot, all')
})

t.test('an API whose pyproject.toml has no dependencies gets those of requirements.txt', whenLong, async t => {
  const files = { 'tiny.py': tinyApp, 'pyproject.toml': pyproject(''), 'requirements.txt': `${requirements}idna\n` }
  const api = await image.build(t, 'api', await image.makeFolder(t, files), isTiny)
  t.equal((await image.runIn(api, 'python -c "import idna, tiny"')).code, 0)
})

t.test('a folder that names no dependencies is refused, with what to add', async t => {
  const { code, err } = await image.tryBuild(t, 'api', await image.makeFolder(t, { 'tiny.py': tinyApp }), isTiny)
  t.not(code, 0)
  t.match(err, 'The build context has no requirements.txt and no [project] dependencies in a pyproject.toml')
})

t.test('a changed line of an API leaves its packages alone', async t => {
  const folder = await image.makeFolder(t, { 'tiny.py': tinyApp, 'requirements.txt': `${requirements}h11\n` })
  const before = await image.layersOf(await image.build(t, 'api', folder, isTiny))
  await appendFile(join(folder, 'tiny.py'), `#${someLine()}`)
  const { tag, err } = await image.tryBuild(t, 'api', folder, isTiny)
  t.match(err, /#(\d+) \[venv [^\n]*pip[^\n]* install [^\n]*\n#\1 CACHED/)
  const after = await image.layersOf(tag)
  t.equal(after.at(-2), before.at(-2))
  t.not(after.at(-1), before.at(-1))
})

t.test('a changed line of the edge leaves the base, Node and the packages alone', whenLong, async t => {
  const before = await image.layersOf(await buildImage('proxy'))
  const folder = await image.makeFolder(t, {})
  for (const name of edgeFiles) await cp(join(project, name), join(folder, name), { recursive: true })
  await appendFile(join(folder, 'proxy/edge.ts'), `//${someLine()}`)
  const after = await image.layersOf(await image.build(t, 'proxy', folder))
  t.equal(after.length, before.length)
  for (const same of [0, 2, 3]) t.equal(after[same], before[same])
  t.not(after.at(-1), before.at(-1))
})

t.test('what is written into the API image as Python is understood by 3.10', async t => {
  const check = `import ast, pathlib, re
texts = re.findall(r"<<'PYTHON' .*?\\n(.*?)\\nPYTHON\\n", pathlib.Path('/Dockerfile').read_text(), re.S)
print(len([ast.parse(text, feature_version=(3, 10)) for text in texts]))`
  const options = ['--volume', `${project}/images/api/Dockerfile:/Dockerfile:ro`, '--env', `CHECK=${check}`]
  const { out, err } = await image.runIn(await buildImage('api'), 'python -c "$CHECK"', options)
  t.equal(out, '2\n', err)
})
