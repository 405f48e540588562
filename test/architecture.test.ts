import { existsSync, globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { basename, dirname, join } from 'node:path'
import t from 'tap'
import { failures } from '../proxy/errors.ts'
import { laptopFailures } from '../proxy/failures/laptop/laptop.ts'

const project = join(import.meta.dirname, '..')
const homes = ['proxy', 'compose', 'scripts'].filter(home => existsSync(join(project, home)))

/** Who may import whom: from a higher rank to a lower one, never back, never across. The longest path that fits counts. */
const ranks: Record<string, number> = {
  'proxy/failures': -1,
  'proxy/errors.ts': 0,
  'proxy/deadlines.ts': 0,
  'proxy/garbage.ts': 0,
  'proxy/control/protocol.ts': 1,
  'proxy/control/slot-protocol.ts': 0, // parts of it
  'proxy/control/link-protocol.ts': 0,
  'proxy/config': 1,
  'proxy/state': 1,
  'proxy/http': 2,
  'proxy/record': 2,
  'proxy/routing': 3,
  'proxy/tls': 3,
  'proxy/upstream': 3,
  'proxy/assets': 3,
  'proxy/acme': 4,
  'proxy/link': 4,
  'proxy/listener': 4,
  'proxy/forward': 4,
  'proxy/control': 4,
  'proxy/demo': 4,
  'proxy/certificate-warnings.ts': 4,
  'proxy/keyring.ts': 5,
  'proxy/wiring': 6,
  'proxy/edge.ts': 7,
  'proxy/main.ts': 8,
  compose: 9,
  scripts: 10
}

/** Of the edge, only this is open to whoever operates it. */
const open: Record<string, readonly string[]> = {
  compose: [
    'proxy/config/faults.ts', // a typo in .env or deploy.yaml is told like one in a configuration
    'proxy/config/fields.ts', // and read alike
    'proxy/config/outline.ts',
    'proxy/config/settings.ts',
    'proxy/config/source',
    'proxy/config/kinds', // what the edge will read is checked as it reads it
    'proxy/control/protocol.ts',
    'proxy/errors.ts',
    'proxy/state' // files that no power cut halves, and the lease
  ],
  scripts: [
    'compose',
    'proxy/acme/disk/secrets.ts', // `check` reads them as an order would
    'proxy/acme/requests.ts', // an import where no edge runs
    'proxy/config',
    'proxy/control/protocol.ts',
    'proxy/errors.ts',
    'proxy/failures/laptop', // the page of failures has a part for them
    'proxy/main.ts',
    'proxy/record/terminal.ts', // what makes a stranger's text safe to print
    'proxy/tls/certificates.ts' // `check` reads the certificates as a start would
  ]
}

/** Folders that do not know of each other, inside one rank. */
const strangers: readonly (readonly [string, string])[] = [['proxy/listener/h1', 'proxy/listener/h2']]

/** The file that knows a package. */
const packageHomes: Record<string, string | readonly string[]> = {
  '@peculiar/x509': 'proxy/tls/x509.ts',
  'acme-client': 'proxy/acme/ca/client.ts',
  dockerode: 'compose/engine.ts',
  fastify: ['proxy/control/server.ts', 'proxy/control/link/routes.ts'],
  pino: 'proxy/record/log.ts',
  'prom-client': 'proxy/record/metrics.ts',
  // The edge reads archives, and so does who is to build from one; a swap makes one; a ship does both.
  'tar-stream': [
    'proxy/assets/store/archive.ts',
    'compose/container/archive.ts',
    'compose/image/saved.ts',
    'compose/laptop/image/artifact.ts',
    'compose/server/ship/load.ts'
  ],
  undici: 'compose/edge-client.ts',
  yaml: 'proxy/config/source/document.ts'
}

/** No I/O, whatever they import: what they decide can be tested with values alone. */
const pure = [
  'compose/container/archive.ts',
  'compose/container/copy.ts',
  'compose/container/slot-environment.ts',
  'compose/env/checks.ts',
  'compose/env/env-file.ts',
  'compose/env/environment.ts',
  'compose/env/example.ts',
  'compose/env/exposure.ts',
  'compose/env/kinds.ts',
  'compose/env/spelling.ts',
  'compose/env/variables.ts',
  'compose/host/boot-order.ts',
  'compose/host/judgement.ts',
  'compose/host/plan.ts',
  'compose/host/settings.ts',
  'compose/host/tuning-file.ts',
  'compose/image/chains.ts',
  'compose/laptop/ship/window.ts',
  'compose/laptop/bootstrap/checks.ts',
  'compose/laptop/facts/parse.ts',
  'compose/laptop/firewall/answers.ts',
  'compose/laptop/firewall/plan.ts',
  'compose/laptop/packages/engine.ts',
  'compose/laptop/takeover/nginx.ts',
  'compose/laptop/dns/findings.ts',
  'compose/laptop/dns/safety.ts',
  'compose/laptop/dns/switch-plan.ts',
  'compose/laptop/init/deploy-env.ts',
  'compose/laptop/init/draft.ts',
  'compose/laptop/init/env-text.ts',
  'compose/record/releases.ts',
  'compose/stack/env-lines.ts',
  'compose/stack/memory.ts',
  'compose/stack/slots.ts',
  'compose/status/changing.ts',
  'compose/status/disagreements.ts',
  'compose/status/room.ts',
  'compose/status/slot-status.ts',
  'proxy/acme/ca/problem.ts',
  'proxy/acme/schedule.ts',
  'proxy/assets/answer.ts',
  'proxy/assets/media-types.ts',
  'proxy/assets/negotiation.ts',
  'proxy/assets/store/catalog.ts',
  'proxy/config/fields.ts',
  'proxy/config/parse.ts',
  'proxy/forward/failure.ts',
  'proxy/forward/headers.ts',
  'proxy/http/fields.ts',
  'proxy/http/request-head.ts',
  'proxy/http/response-head.ts',
  'proxy/link/report/agreed.ts',
  'proxy/link/report/compile.ts',
  'proxy/link/report/pair-findings.ts',
  'proxy/link/report/read.ts',
  'proxy/link/report/server-findings.ts',
  'proxy/link/report/verdict.ts',
  'proxy/record/redaction.ts',
  'proxy/routing/loop-mark.ts',
  'proxy/routing/route.ts',
  'proxy/tls/client-hello.ts'
]
/** node:net for isIP alone, which opens nothing; node:crypto for hashes, which are values of values. */
const harmless = new Set(['node:path', 'node:url', 'node:util'])
const harmlessNames: Record<string, RegExp> = {
  'node:crypto': /^createHash$/,
  'node:net': /^(?:isIP|isIPv4|isIPv6)$/
}

/** Who may look at `process`, besides main.ts and scripts. */
const knowsProcess: Record<string, RegExp> = {
  'compose/record/lock.ts': /^process\.kill$/, // asks whether a holder still lives
  'compose/server/deploy/orders.ts': /^process\.kill$/, // stops an order
  'compose/server/ship/pieces.ts': /^process\.pid$/, // for who looks whether a visit lasts
  'proxy/acme/ca/ca-process.ts': /^process\.(on|exit|send)$/, // a process of its own
  'proxy/acme/ca/process-authority.ts': /^process\.(env|ts)$/, // which it starts, and its name
  'proxy/assets/store/compression-process.ts': /^process\.(on|exit|send)$/, // the same
  'proxy/assets/store/compression.ts': /^process\.(env|ts)$/, // which it starts, and its name
  'proxy/edge.ts': /^process\.pid$/, // status names the process
  'proxy/state/lease.ts': /^process\.pid$/, // for who reads the file
  'proxy/demo/api.ts': /^process\.pid$/, // the page shows who answered
  'proxy/demo/web.ts': /^process\.pid$/
}

const forbiddenWords = /^(?:utils?|helpers?|commons?|shared|managers?|base|misc)$/

interface Import {
  readonly names: string
  readonly from: string
  readonly isType: boolean
}

const files = homes.flatMap(home => globSync(`${home}/**/*.ts`, { cwd: project })).sort()
const texts = new Map(files.map(file => [file, readFileSync(join(project, file), 'utf8')]))
const imports = new Map(files.map(file => [file, importsOf(file)]))

function importsOf(file: string): Import[] {
  const text = texts.get(file)!
  const written = text.matchAll(/^(?:import|export)\s+(type\s)?([^'";]*?)\s*from\s*'([^']+)'/gm)
  const loaded = text.matchAll(/(typeof\s+)?\bimport\('([^']+)'\)(\.)?/g)
  const resolved = (from: string): string => (from.startsWith('.') ? join(dirname(file), from) : from)
  return [
    ...[...written].map(([, type, names = '', from = '']) => ({
      names,
      from: resolved(from),
      isType: type !== undefined || /^\{(?:\s*type\s[^,}]*,?)+\s*\}$/.test(names)
    })),
    // `import('node:x').Name` is a type as well.
    ...[...loaded].map(([, type, from = '', member]) => ({
      names: '',
      from: resolved(from),
      isType: type !== undefined || member !== undefined
    }))
  ]
}

function unitOf(file: string): string {
  const fits = Object.keys(ranks).filter(unit => file === unit || file.startsWith(`${unit}/`))
  return fits.sort((a, b) => b.length - a.length)[0] ?? ''
}

const inside = (from: string): boolean => homes.some(home => from.startsWith(`${home}/`))
const packageOf = (from: string): string => from.split('/', from.startsWith('@') ? 2 : 1).join('/')

t.test('the imports that these rules go by are all there are', async t => {
  t.ok(files.length > 60)
  for (const file of files) {
    t.not(unitOf(file), '', `${file} has a rank`)
    const mentioned = texts.get(file)!.match(/^import\b|^export\b.*\bfrom '|\bimport\('/gm)?.length ?? 0
    t.equal(imports.get(file)!.length, mentioned, `${file}: every import was read`)
    for (const { from } of imports.get(file)!) {
      if (inside(from)) t.ok(texts.has(from), `${file} → ${from} is there`)
    }
  }
})

t.test('imports go down the ranks, never up and never across', async t => {
  for (const [file, all] of imports) {
    for (const { from } of all.filter(({ from }) => inside(from))) {
      const [unit, other] = [unitOf(file), unitOf(from)]
      t.ok(unit === other || ranks[unit]! > ranks[other]!, `${file} → ${from}`)
    }
  }
})

t.test('operators go through the open doors of the edge only', async t => {
  for (const [home, doors] of Object.entries(open)) {
    for (const file of files.filter(file => file.startsWith(`${home}/`))) {
      for (const { from } of imports.get(file)!.filter(({ from }) => inside(from) && !from.startsWith(`${home}/`))) {
        t.ok(
          doors.some(door => from === door || from.startsWith(`${door}/`)),
          `${file} → ${from}`
        )
      }
    }
  }
})

t.test('HTTP/1.1 and HTTP/2 do not know of each other', async t => {
  for (const [one, other] of [...strangers, ...strangers.map(([a, b]) => [b, a] as const)]) {
    for (const file of files.filter(file => file.startsWith(`${one}/`))) {
      t.notOk(
        imports.get(file)!.some(({ from }) => from.startsWith(`${other}/`)),
        `${file} does not know ${other}`
      )
    }
  }
})

t.test('no file needs itself, however far round', async t => {
  for (const file of files) {
    const path = wayBack(file)
    t.equal(path, '', path === '' ? file : `a circle: ${path}`)
  }
})

t.test('each package has one home', async t => {
  const known = new Set(builtinModules)
  for (const [file, all] of imports) {
    for (const { from } of all.filter(({ from }) => !inside(from) && from !== 'package.json')) {
      if (from.startsWith('node:') && known.has(from.slice(5))) continue
      t.ok([packageHomes[packageOf(from)]].flat().includes(file), `${file} → ${from}`)
    }
  }
})

t.test('what is pure reaches no I/O, not even through what it imports', async t => {
  for (const file of pure) {
    t.ok(texts.has(file), file)
    for (const [by, { from, names }] of reach(file)) {
      const allowed = harmlessNames[from]
      const isHarmless =
        harmless.has(from) || (allowed !== undefined && namesIn(names).every(name => allowed.test(name)))
      t.ok(isHarmless, `${file}: ${by} → ${from}`)
    }
  }
})

t.test('nothing but the entry points touches the process', async t => {
  for (const file of files.filter(file => file !== 'proxy/main.ts' && !file.startsWith('scripts/'))) {
    const used = texts.get(file)!.match(/\bprocess\.\w+/g) ?? []
    for (const use of used) t.match(use, knowsProcess[file] ?? /^$/, `${file}: ${use}`)
  }
})

t.test('sizes: 200 lines a file, 8 modules a folder, two folders deep', async t => {
  const perFolder = new Map<string, number>()
  for (const [file, text] of texts) {
    const lines = text.trimEnd().split('\n').length
    t.ok(lines <= 200, `${file}: ${lines} lines`)
    t.ok(file.split('/').length <= 4, `${file}: depth`)
    perFolder.set(dirname(file), (perFolder.get(dirname(file)) ?? 0) + 1)
  }
  // One file per verb: a ninth means that there are nine verbs, not that a noun is missing.
  perFolder.delete('scripts/verbs')
  for (const [folder, count] of perFolder) t.ok(count <= 8, `${folder}: ${count} modules`)
})

t.test('names: kebab-case nouns, no catch-alls, no index.ts, no default exports', async t => {
  const everywhere = [...files, ...globSync('test/**/*.ts', { cwd: project })]
  for (const file of everywhere) {
    t.match(file, /^[a-z0-9/.-]+$/, file)
    const words = file.replace(/\.ts$/, '').split(/[/.-]/)
    t.same(
      words.filter(word => forbiddenWords.test(word)),
      [],
      file
    )
    t.not(basename(file), 'index.ts', file)
    const text = texts.get(file) ?? readFileSync(join(project, file), 'utf8')
    t.notMatch(text, /^export default\b/m, file)
  }
})

t.test('every failure in the table happens somewhere', async t => {
  const all = [...texts].filter(([file]) => file !== 'proxy/errors.ts').map(([, text]) => text)
  for (const code of Object.keys(failures)) {
    t.ok(
      all.some(text => new RegExp(`'${code}\\b`).test(text)),
      code
    )
  }
})

t.test('each failure of the link and of a laptop is provoked by a test', async t => {
  const tests = globSync('test/**/*.test.ts', { cwd: project }).map(path => readFileSync(join(project, path), 'utf8'))
  for (const code of Object.keys(failures).filter(code => code.startsWith('LINK_') || code in laptopFailures)) {
    t.ok(
      tests.some(text => new RegExp(`\\b${code}\\b`).test(text)),
      code
    )
  }
})

/** A circle of value imports through `file`, as a path; empty: there is none. */
function wayBack(file: string): string {
  const seen = new Set<string>()
  const next = [[file]]
  for (let path = next.pop(); path !== undefined; path = next.pop()) {
    for (const { from, isType } of imports.get(path.at(-1)!) ?? []) {
      if (isType || !texts.has(from)) continue
      if (from === file) return [...path, from].join(' → ')
      if (seen.has(from)) continue
      seen.add(from)
      next.push([...path, from])
    }
  }
  return ''
}

/** Every built-in module that `file` reaches by value imports, with the file that imports it. */
function reach(file: string): [string, Import][] {
  const seen = new Set([file])
  const found: [string, Import][] = []
  for (const at of seen) {
    for (const one of imports.get(at)!) {
      if (one.isType) continue
      if (texts.has(one.from)) seen.add(one.from)
      else if (one.from.startsWith('node:')) found.push([at, one])
    }
  }
  return found
}

function namesIn(braces: string): string[] {
  return braces
    .replace(/[{}]/g, '')
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '' && !name.startsWith('type '))
}
