import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import type { Finding, Verdict } from '../../compose/laptop/doctor/finding.ts'
import { type Laptop, makeLaptop } from '../doubles/ssh/laptop.ts'
import { sshMissing, startSshServer } from '../doubles/ssh/server.ts'
import { converse } from '../doubles/stack/conversation.ts'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { type Stack, upStack } from '../doubles/stack/stack.ts'

t.setTimeout(240_000)

/** What this machine has, and the site has nothing to do with. */
const ofThisMachine = [
  'old-edge-left',
  'certificate-distrusted',
  'killed-by-kernel',
  'journal-large',
  'swap-full',
  'disk-full'
]

async function findings(laptop: Laptop): Promise<readonly Finding[]> {
  const { code, out, err } = await laptop.twinedge('doctor', '--json')
  if (out === '') throw new Error(err)
  const all = (JSON.parse(out) as Verdict).findings
  if ((code === 1) !== all.some(({ severity }) => severity === 'fault')) throw new Error(`exit code ${code}: ${out}`)
  return all.filter(({ id }) => !ofThisMachine.includes(id))
}

const idsOf = (all: readonly Finding[]): string[] => all.map(({ id }) => id).sort()

/** As somebody would type it who reads what the doctor says. */
function carryOut(laptop: Laptop, { mend }: Finding) {
  const [verb = '', ...args] = mend.replace(/^twinedge /, '').split(' ')
  return laptop.twinedge(verb, ...args)
}

/** Until the edge has seen what has become of it. */
async function until(laptop: Laptop, id: string): Promise<readonly Finding[]> {
  for (const late = Date.now() + 30_000; ; await pause(200)) {
    const all = await findings(laptop)
    if (all.some(one => one.id === id) || Date.now() > late) return all
  }
}

async function stop(stack: Stack, service: string): Promise<void> {
  await docker(['stop', '--time', '2', await stack.container(service)])
}

/** Each look tells of what was planted last, alone: so what was planted before that has been mended. */
const takesLong = process.env.WAN === 'long' ? '' : 'takes long: WAN=long'

t.test(
  'each fault of the manual, planted, is named with its mend',
  { skip: sshMissing || engineMissing || takesLong },
  async t => {
    const stack = await upStack(t, 'single')
    const folder = dirname(stack.file)
    const laptop = makeLaptop(await startSshServer(t), { project: stack.project, folder, envFile: stack.file })
    const before = await readFile(stack.file, 'utf8')

    t.test('of a stack that is well there is nothing to say', async t => {
      const { code, out } = await laptop.twinedge('doctor', '--all')
      t.equal(code, 0, out)
      t.match(out, /fine: single: web: the slot that serves runs \(web-down\)/)
    })

    t.test('a 502 of the frontend: the web app has stopped', async t => {
      await stop(stack, 'web-blue')
      const [found, ...more] = await findings(laptop)
      t.match(found, { id: 'web-down', severity: 'fault', mend: 'twinedge restart web', seen: /exited, exit code/ })
      t.same(idsOf(more), ['page-fails'])
      const { code, out } = await carryOut(laptop, found!)
      t.equal(code, 0, out)
      t.match(out, /release 1 .* serves from web-green/)
    })

    t.test('a 502 of the API: it has stopped', async t => {
      await stop(stack, 'api-blue')
      const [found, ...more] = await findings(laptop)
      t.match(found, { id: 'api-down', severity: 'fault', mend: 'twinedge restart api' })
      t.same(idsOf(more), ['page-fails'])
      t.equal((await carryOut(laptop, found!)).code, 0)
    })

    t.test('a 500 of the backend: the API answers, and not as it should', async t => {
      for (const _ of Array(5)) await (await converse(t, stack, 'h1', { path: '/api/v1/status/500' })).text()
      const [found, ...more] = await findings(laptop)
      t.match(found, { id: 'answers-fail', what: /^api: 5 of/, seen: /500 5 times; last GET \/api\/v1\/status\/500/ })
      t.match(found, { severity: 'fault', mend: /^twinedge logs api --since 10m/ })
      t.same(more, [])
      const { out } = await laptop.twinedge('logs', 'api', '--since', '10m')
      t.match(out, /GET \/api\/v1\/status\/500 HTTP\/1.1" 500/)
      t.equal((await laptop.twinedge('restart', 'api')).code, 0)
    })

    t.test('a fault in .env, and no word of the secret', async t => {
      const swapped = await readFile(stack.file, 'utf8')
      t.not(swapped, before, 'the swaps have written theirs')
      await writeFile(
        stack.file,
        `${swapped}EXCELMANUS_AUTH_ENABLED=true\nEXCELMANUS_JWT_SECRET=short\nWEB_ENV_FILE=web.env\n`
      )
      const [found, ...more] = await findings(laptop)
      t.match(found, { id: 'env-fault', what: /EXCELMANUS_JWT_SECRET/, seen: /5 characters, 32 are the least/ })
      t.notMatch(found, { seen: /short/ })
      t.same(more, [])
      await writeFile(stack.file, swapped)
    })

    t.test('memory: a slot comes near its limit', async t => {
      const id = await stack.container('web-green')
      const { out } = await docker(['stats', '--no-stream', '--format', '{{.MemUsage}}', id])
      const used = Math.ceil(Number(/^([\d.]+)MiB/.exec(out)?.[1]))
      const limit = (mb: number) => docker(['update', '--memory', `${mb}m`, '--memory-swap', `${mb + 200}m`, id])
      t.equal((await limit(used + 2)).code, 0)
      const [found, ...more] = await findings(laptop)
      t.match(found, { id: 'memory-limit-near', seen: new RegExp(`of ${used + 2} MB`), mend: /WEB_MEMORY/ })
      t.same(more, [])
      await limit(384)
    })

    t.test('memory: what serves was killed for want of it', async t => {
      const id = await stack.container('web-green')
      const { code } = await docker([
        'exec',
        id,
        'node',
        '-e',
        'for (const all = []; ; ) all.push(Buffer.alloc(1e7, 1))'
      ])
      t.equal(code, 137)
      const [found, ...more] = await findings(laptop)
      t.match(found, { id: 'out-of-memory', severity: 'fault', seen: /OOMKilled, 0 restarts, its limit being 384 MB/ })
      t.match(found, { mend: /^raise WEB_MEMORY in .*, then: twinedge bootstrap single; twinedge restart web$/ })
      t.same(more, [])
      t.equal((await laptop.twinedge('restart', 'web')).code, 0)
      t.same(await findings(laptop), [])
    })

    t.test('the edge is gone, and comes back by the command that is named', async t => {
      await stop(stack, 'edge')
      const [found, ...more] = await findings(laptop)
      t.match(found, { id: 'edge-down', mend: 'twinedge restart edge --server single' })
      t.same(idsOf(more), ['port-closed', 'port-closed'])
      t.equal((await carryOut(laptop, found!)).code, 0)
    })

    t.test('the edge refuses its configuration', async t => {
      // Past the check of .env, which would have refused it as well.
      await stack.composeWith({ HTTP_PORT: String(stack.httpsPort) }, 'up', '-d', '--no-deps', 'edge')
      const all = await until(laptop, 'restarts')
      t.match(
        all.find(({ id }) => id === 'restarts'),
        { what: 'edge starts again and again', mend: 'twinedge logs edge' }
      )
      const found = all.find(({ id }) => id === 'edge-refuses-config')
      t.match(found, { seen: /CONFIG_INVALID/, mend: /\.env, then: twinedge bootstrap single/ })
      await stack.compose('up', '-d', '--no-deps', '--wait', 'edge')
      t.same(await findings(laptop), [])
    })
  }
)

const skip = sshMissing || engineMissing || (process.getuid?.() === 0 ? '' : 'only root can mount a small disk')

t.test('a full disk is named, and a server without a tool', { skip }, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'te-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder])
  t.teardown(() => {
    execFileSync('umount', [folder])
    rmSync(folder, { recursive: true })
  })
  const server = await startSshServer(t)
  const laptop = makeLaptop(server, { project: 'te-none', folder, envFile: '/nonexistent' })
  const full = (await laptop.twinedge('doctor')).out
  t.match(full, /FAULT disk-full: single: .* is all but full\n {2}seen: df: 0.0 GB of 0.0 GB free/)
  t.match(full, /FAULT stack-missing: single/)
  rmSync(join(folder, 'tool'))
  const { code, out } = await laptop.twinedge('doctor')
  t.equal(code, 1)
  t.match(out, /FAULT tool-missing: single: .*\n.*SERVER_TOOL_MISSING.*\n {2}mend: twinedge bootstrap single/)
  t.match(out, /FAULT disk-full/, 'what needs no tool is told all the same')
  server.kill()
  t.match((await laptop.twinedge('doctor')).out, /FAULT server-unreachable: single: .*\n.*SSH_UNREACHABLE/)
})
