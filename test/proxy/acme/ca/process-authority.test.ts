import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { OpenChallenges, Order } from '../../../../proxy/acme/authority.ts'
import { ProcessAuthority } from '../../../../proxy/acme/ca/process-authority.ts'
import { project } from '../../../doubles/command.ts'
import { until } from '../../../doubles/edge-process.ts'
import type { Owner } from '../../../doubles/pebble/program.ts'
import { listenForAuthority, orderOf } from './domains.ts'
import { startBlackHole } from './scripted-authority.ts'

/** Pids of a process's children. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return text.trim().split(' ').filter(Boolean).map(Number)
}

async function isGone(pid: number): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') X')
  return /\) [XZ]/.test(state)
}

/** Its children that run a program of ours, told from those that tap itself may have. */
async function authoritiesOf(pid: number): Promise<number[]> {
  const lines = await Promise.all(
    (await childrenOf(pid)).map(async child => ({
      child,
      line: await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '')
    }))
  )
  return lines.filter(({ line }) => line.includes('ca-process.ts')).map(({ child }) => child)
}

async function theAuthorityOf(pid: number): Promise<number> {
  await until(async () => (await authoritiesOf(pid)).length === 1, 'one child')
  return (await authoritiesOf(pid))[0]!
}

interface Stuck {
  readonly order: Order
  readonly challenges: OpenChallenges
  readonly closed: () => number
  /** What the authority was asked. */
  readonly asked: readonly string[]
}

/** An order that gets no answer. */
async function stuck(t: Owner): Promise<Stuck> {
  const { accountKey } = await listenForAuthority(t)
  const hole = await startBlackHole(t)
  let closed = 0
  const challenges = { openHttp: () => {}, openAlpn: () => {}, closeAll: () => void closed++ }
  return { order: orderOf(hole, accountKey, ['a.test']), challenges, closed: () => closed, asked: hole.asked }
}

/** A program in the place of ours. */
async function programOf(t: Owner, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'te-ca-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'program.mjs')
  await writeFile(file, text)
  return file
}

t.test('a child that is killed is a refusal, and its challenges are closed', async t => {
  const { order, challenges, closed } = await stuck(t)
  const outcome = new ProcessAuthority().order(order, challenges)
  const pid = await theAuthorityOf(process.pid)
  process.kill(pid, 'SIGKILL')
  t.match(await outcome, { refused: { code: 'ACME_AUTHORITY_FAILED', detail: /was killed/, retryAt: null } })
  t.equal(closed(), 1)
})

t.test('a child that is killed at the deadline is gone when the answer comes', async t => {
  const { order, challenges, closed } = await stuck(t)
  const outcome = new ProcessAuthority({ deadlineMs: 1_000 }).order(order, challenges)
  const pid = await theAuthorityOf(process.pid)
  t.match(await outcome, { refused: { code: 'ACME_AUTHORITY_FAILED', detail: /^not done within 1 s/ } })
  t.ok(await isGone(pid))
  t.equal(closed(), 1)
})

t.test('stop ends what is asked, and waits until it is gone', async t => {
  const { order, challenges } = await stuck(t)
  const authority = new ProcessAuthority()
  const outcome = authority.order(order, challenges)
  const pid = await theAuthorityOf(process.pid)
  await authority.stop()
  t.ok(await isGone(pid))
  t.match(await outcome, { refused: { code: 'EDGE_STOPPING' } })
})

t.test('a child that dies says why', async t => {
  const { order, challenges } = await stuck(t)
  const program = await programOf(t, 'process.on("message", () => { throw new TypeError("no such thing\u001b[31m") })')
  const outcome = await new ProcessAuthority({ program }).order(order, challenges)
  t.match(outcome, { refused: { code: 'EDGE_INTERNAL', detail: /\(exit 1\).*TypeError: no such thing/ } })
  t.notMatch(outcome, { refused: { detail: /\u001b/ } }, 'what it wrote cannot drive a terminal')
})

t.test('a program that is not there is a refusal', async t => {
  const { order, challenges } = await stuck(t)
  const outcome = await new ProcessAuthority({ program: '/nowhere/program.mjs' }).order(order, challenges)
  t.match(outcome, { refused: { code: 'EDGE_INTERNAL', detail: /Cannot find module/ } })
})

t.test('a process that cannot be started is a refusal', async t => {
  const { order, challenges, closed } = await stuck(t)
  const { execPath } = process
  t.teardown(() => {
    process.execPath = execPath
  })
  process.execPath = '/nowhere/node'
  const outcome = await new ProcessAuthority().order(order, challenges)
  t.match(outcome, { refused: { code: 'EDGE_INTERNAL', detail: /ENOENT/ } })
  t.equal(closed(), 1)
})

t.test('a child that answers and does not end is ended', async t => {
  const { order, challenges } = await stuck(t)
  const text = 'process.on("message", () => process.send({ say: "answer", outcome: { ok: { cert: "", key: "" } } }))'
  const outcome = await new ProcessAuthority({ program: await programOf(t, text) }).order(order, challenges)
  t.same(outcome, { ok: { cert: '', key: '' } })
})

t.test('a challenge that cannot be opened is a refusal', async t => {
  const { order, challenges } = await stuck(t)
  const text = 'process.on("message", () => process.send({ say: "open-alpn", id: 0, domain: "a.test", pair: {} }))'
  const failing = {
    ...challenges,
    openAlpn: () => {
      throw new Error('no such key')
    }
  }
  const outcome = await new ProcessAuthority({ program: await programOf(t, text) }).order(order, failing)
  t.match(outcome, { refused: { code: 'EDGE_INTERNAL', detail: /no such key/ } })
})

t.test('the authority is told to look when the challenge is open, not before', async t => {
  const { order, challenges } = await stuck(t)
  const seen: string[] = []
  const text = `process.on("message", ({ say, id }) => {
    if (say === "order") process.send({ say: "open-http", id: 7, token: "token" })
    else process.send({ say: "answer", outcome: { refused: { code: "EDGE_INTERNAL", detail: say + id, retryAt: null } } }, () => process.exit())
  })`
  const noting = { ...challenges, openHttp: (token: string) => void seen.push(token) }
  const outcome = await new ProcessAuthority({ program: await programOf(t, text) }).order(order, noting)
  t.match(outcome, { refused: { detail: 'opened7' } })
  t.same(seen, ['token'])
})

/** A process that orders, in the place of an edge, started with an option of Node's own in its environment. */
async function startOrdering(t: Owner, order: Order): Promise<{ edge: ChildProcess; pid: number }> {
  const program = await programOf(
    t,
    `import { ProcessAuthority } from '${project}/proxy/acme/ca/process-authority.ts'
    const nothing = () => {}
    new ProcessAuthority().order(${JSON.stringify(order)}, { openHttp: nothing, openAlpn: nothing, closeAll: nothing })`
  )
  // tap gives each child its loaders; `env` puts something else there.
  const args = ['NODE_OPTIONS=--stack-trace-limit=20', process.execPath, '--no-warnings', program]
  const edge = spawn('env', args, { stdio: 'inherit' })
  t.teardown(() => edge.kill('SIGKILL'))
  return { edge, pid: await theAuthorityOf(edge.pid!) }
}

t.test('no key in argv or env, no options of the edge, and a process group of its own', async t => {
  const { order } = await stuck(t)
  const { pid } = await startOrdering(t, order)
  const [cmdline, environ, stat] = await Promise.all(
    ['cmdline', 'environ', 'stat'].map(file => readFile(`/proc/${pid}/${file}`, 'utf8'))
  )
  t.same(cmdline!.split('\0').slice(1, -1), [join(project, 'proxy/acme/ca/ca-process.ts')])
  t.notMatch(environ, /NODE_OPTIONS=/)
  t.notOk(`${environ}${cmdline}`.includes(order.accountKey.split('\n')[1]!))
  // pid (name) state ppid pgrp: a terminal's Ctrl-C goes to the edge's group.
  t.equal(Number(stat!.slice(stat!.lastIndexOf(')') + 2).split(' ')[2]), pid)
})

t.test('a child whose edge is killed ends by itself', async t => {
  const { order, asked } = await stuck(t)
  const { edge, pid } = await startOrdering(t, order)
  // Only then does something else keep it alive.
  await until(() => asked.length === 1, 'it waits for an answer')
  edge.kill('SIGKILL')
  await until(() => isGone(pid), 'the child ends')
})
