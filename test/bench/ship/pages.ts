import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildPart } from '../../../compose/laptop/image/build.ts'
import type { Site } from '../../../compose/laptop/plan/site.ts'
import { project } from '../../doubles/command.ts'
import { docker } from '../../doubles/stack/engine.ts'

interface Owner {
  teardown(stop: () => unknown): void
}

/** The sample web app as it is, and with one line of its page changed; each a whole build, as a deploy makes it. */
export async function buildPages(owner: Owner): Promise<{ one: string; two: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'te-pages-'))
  owner.teardown(() => rmSync(folder, { recursive: true, force: true }))
  cpSync(join(project, 'images/web/sample'), folder, { recursive: true })
  const part = { source: folder, dockerfile: join(project, 'images/web/Dockerfile'), args: {}, image: null }
  const hooks = { before: null, after: null, failed: null }
  const names = { file: '', folder, name: 'te-bench', domains: [], servers: [], verify: [] }
  const site: Site = { ...names, parts: { web: part, api: part }, ship: 'ssh', hooks }
  const build = async (tag: string): Promise<string> => {
    const { reference } = await buildPart(site, 'web', { tag, isLocal: true, say: () => {} })
    owner.teardown(() => docker(['image', 'rm', '--force', reference]))
    return reference
  }
  const one = await build('one')
  const page = join(folder, 'app/page.tsx')
  const text = readFileSync(page, 'utf8')
  const changed = text.replace('<h2>Who answered', '<h2>Who has answered')
  if (changed === text) throw new Error('the sample page has no heading to change')
  writeFileSync(page, changed)
  return { one, two: await build('two') }
}
