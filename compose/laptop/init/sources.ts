import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'

/** Where apps lie that could be meant. */
export interface Sources {
  readonly web: readonly string[]
  readonly api: readonly string[]
}

const deepest = 3
const mostFolders = 2_000
const passedOver = /^(?:\..*|node_modules|dist|build|venv|site-packages|tests?|examples?|sample)$/

/**
 * Looks through folders, not far down: an app lies at the top of a project, or next to its other half.
 * @param except a folder that is passed over, with all in it
 */
export async function findSources(roots: readonly string[], except: string): Promise<Sources> {
  const found = { web: new Set<string>(), api: new Set<string>() }
  let left = mostFolders
  const look = async (folder: string, depth: number): Promise<void> => {
    if (left-- <= 0 || folder === except) return
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
    const files = new Set(entries.filter(entry => entry.isFile()).map(({ name }) => name))
    if ([...files].some(name => /^next\.config\.[cm]?[jt]s$/.test(name))) found.web.add(folder)
    if (files.has('pyproject.toml') || files.has('requirements.txt')) found.api.add(folder)
    if (depth >= deepest) return
    for (const entry of entries) {
      if (entry.isDirectory() && !passedOver.test(entry.name)) await look(join(folder, entry.name), depth + 1)
    }
  }
  for (const root of roots) await look(root, 0)
  return { web: outermost([...found.web]), api: outermost([...found.api]) }
}

/** What lies within another one belongs to it. */
function outermost(folders: readonly string[]): string[] {
  return folders.filter(one => !folders.some(other => other !== one && !relative(other, one).startsWith('..')))
}

const modules = ['api', 'main', 'app', 'server', 'asgi']
const application = /^(?:app|application)\s*(?::[^=\n]+)?=\s*/m

/** @returns the module that uvicorn serves, such as `excelmanus.api:app`; null: it cannot be told, or there are several */
export async function findApiApp(folder: string): Promise<string | null> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const packages = entries.filter(entry => entry.isDirectory() && !passedOver.test(entry.name)).map(({ name }) => name)
  const places = ['', ...packages.filter(name => /^[a-z_]\w*$/i.test(name))]
  const found: string[] = []
  for (const place of places) {
    for (const module of modules) {
      const text = await readFile(join(folder, place, `${module}.py`), 'utf8').catch(() => '')
      const name = application.exec(text)?.[0].match(/^\w+/)?.[0]
      if (name !== undefined) found.push(`${[place, module].filter(Boolean).join('.')}:${name}`)
    }
  }
  return found.length === 1 ? found[0]! : null
}
