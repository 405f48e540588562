import { spawn } from 'node:child_process'
import type { Container } from '../../container/container.ts'
import { edgeAt } from '../../edge-client.ts'
import type { Engine } from '../../engine.ts'
import type { Server } from '../../env/environment.ts'
import { type Serving, serviceOf, servingOf } from '../../stack/slots.ts'
import { findStack } from '../../stack/stack.ts'
import { seeEnvironment } from './environment.ts'
import type { Examination, RequestsSeen, Seen } from './records.ts'
import { requestsIn, tracebackIn } from './requests.ts'

/** What is told of the edge's answers goes back so far, and over so many lines of its log at most. */
const lateMs = 10 * 60_000
const logLines = 5_000
const appLines = 400
const lastLines = 6
const commandMs = 5_000

export interface Asked {
  readonly project: string
  readonly server: Server
  /** Of this one look: see EnvironmentSeen. */
  readonly salt: string
}

/** @throws EdgeError COMPOSE_NO_STACK, COMPOSE_ENGINE_UNREACHABLE */
export async function examine(engine: Engine, { project, server, salt }: Asked, now: () => Date): Promise<Examination> {
  const [stack, containers] = await Promise.all([findStack(engine, project), engine.list(project)])
  const status = await edgeAt(stack.socket)
    .status()
    .catch(() => null)
  const active = status === null ? undefined : servingOf(status).get('api')
  const api = containers.find(({ service }) => (active ? service === serviceOf('api', active) : /^api-/.test(service)))
  const [seen, requests, said, environment, kills, journalBytes] = await Promise.all([
    Promise.all(containers.map(one => look(engine, one))),
    status === null ? null : requestsOf(engine, containers, servingOf(status), now),
    api === undefined ? [] : engine.lastLines(api.id, appLines).catch(() => []),
    seeEnvironment(stack.envFile, server, salt),
    killsIn(now),
    journalSize()
  ])
  return { containers: seen, requests, traceback: tracebackIn(said), environment, kills, journalBytes }
}

async function look(engine: Engine, container: Container): Promise<Seen> {
  const { id, service, state, health, lastCheck, exitCode, isOutOfMemory, restarts, startedAt } = container
  const isWell = state === 'running' && health !== 'unhealthy' && restarts === 0
  const lines = isWell ? [] : await engine.lastLines(id, lastLines).catch(() => [])
  return { service, state, health, lastCheck, exitCode, isOutOfMemory, restarts, startedAt, lastLines: lines }
}

/** Since what serves was started: what its predecessor has answered is over. */
async function requestsOf(
  engine: Engine,
  all: readonly Container[],
  serving: Serving,
  now: () => Date
): Promise<RequestsSeen[] | null> {
  const edge = all.find(({ service }) => service === 'edge')
  const lines = edge === undefined ? null : await engine.lastLines(edge.id, logLines).catch(() => null)
  const startedAt = (upstream: string): number => {
    const slot = serving.get(upstream)
    const container = all.find(({ service }) => slot !== undefined && service === serviceOf(upstream, slot))
    return Date.parse(container?.startedAt ?? '') || 0
  }
  const nowMs = now().getTime()
  return lines === null ? null : requestsIn(lines, upstream => Math.max(nowMs - lateMs, startedAt(upstream)), nowMs)
}

/** The kernel's log is root's, and a container's empty: then nothing is told of it. */
async function killsIn(now: () => Date): Promise<string[]> {
  const lines = (await said('dmesg', ['--time-format', 'iso'])).split('\n')
  const since = now().getTime() - 86_400_000
  return lines.flatMap(line => {
    const [, at = '', what = ''] = /^(\S+) (.*(?:Out of memory|out of memory): Killed process.*)$/.exec(line) ?? []
    // `2026-11-01T10:00:00,123456+00:00`
    return Date.parse(at.replace(',', '.')) > since ? [what] : []
  })
}

async function journalSize(): Promise<number | null> {
  const [, amount = '', unit = ''] = /take up ([\d.]+)([BKMGT])/.exec(await said('journalctl', ['--disk-usage'])) ?? []
  return amount === '' ? null : Math.round(Number(amount) * 1_024 ** 'BKMGT'.indexOf(unit))
}

/** @returns '' where there is no such program, or it may not, or hangs */
function said(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], timeout: commandMs })
  const { promise, resolve } = Promise.withResolvers<string>()
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text = `${text}${chunk}`.slice(-1_000_000)
  })
  child.on('error', () => resolve(''))
  child.on('close', () => resolve(text))
  return promise
}
