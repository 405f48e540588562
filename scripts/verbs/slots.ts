import { parseArgs } from 'node:util'
import { type Edge, edgeAt } from '../../compose/edge-client.ts'
import { dockerEngine } from '../../compose/engine.ts'
import { changeStack } from '../../compose/session.ts'
import { findStack } from '../../compose/stack/stack.ts'
import { duration } from '../../proxy/config/kinds/amounts.ts'
import type { HoldStatus } from '../../proxy/control/protocol.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { doneThere } from '../laptop/there.ts'
import { siteOptions, siteUsage } from '../site-file.ts'
import { accessOf, projectOf, read, stackOptions, stackUsage } from '../stack/access.ts'
import { cutWords } from '../stack/status-report.ts'
import { table } from '../terminal.ts'

export const summary =
  'Hold the requests of an upstream at the edge, let them go, or serve a page; settle what was left'
export const usage = `${siteUsage} ${stackUsage} [--json]
twinedge slots pause|resume|maintenance web|api [--longest 60s] [--spread 5s] [--json]
twinedge slots settle [--break-lock WHO]

  pause        requests wait at the edge, --longest at most; after that they go on by themselves
  resume       they go on, spread out over --spread
  maintenance  they get a page that says so (503), until they are resumed
  settle       finishes or undoes what a command that was killed has left behind, and does nothing else`

const lockOptions = { 'break-lock': { type: 'string' } } as const
const modes: Readonly<Record<string, HoldStatus['mode']>> = {
  pause: 'paused',
  resume: 'open',
  maintenance: 'maintenance'
}

export async function run(args: string[]): Promise<number> {
  const options = { longest: { type: 'string' }, spread: { type: 'string' }, json: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { ...siteOptions, ...stackOptions, ...lockOptions, ...options }
  })
  const [what, upstream, ...more] = positionals
  const there = await doneThere(['slots', ...args], values, upstream)
  if (there !== null) return there
  if (what === 'settle' && upstream === undefined) return settle(values)
  const edge = edgeAt(values.socket ?? (await findStack(await dockerEngine(), await projectOf(values))).socket)
  if (what === undefined) return show(edge, values.json === true)
  const mode = Object.hasOwn(modes, what) ? modes[what] : undefined
  if (mode === undefined || upstream === undefined || more.length > 0) {
    throw new EdgeError('EDGE_USAGE', 'twinedge slots pause|resume|maintenance UPSTREAM; or: twinedge slots settle')
  }
  const longestMs = read(duration(), values.longest ?? '60s', '--longest')
  const spreadMs = read(duration({ min: 0 }), values.spread ?? '5s', '--spread')
  const hold = await edge.hold({ upstream, mode, longestMs, spreadMs })
  console.log(values.json ? JSON.stringify(hold) : `${upstream}: ${hold.mode}, ${hold.waiting} requests waiting`)
  return 0
}

async function settle(values: Parameters<typeof accessOf>[0]): Promise<number> {
  const access = await accessOf(values, 'slots settle')
  let wasPending = false
  const say = (line: string): void => {
    wasPending = true
    access.say(line)
  }
  // What was left is settled before any work; this is all there is to do.
  await changeStack({ ...access, say }, async () => {})
  if (!wasPending) access.say('nothing was left unfinished')
  return 0
}

async function show(edge: Edge, isJson: boolean): Promise<number> {
  const { upstreams } = await edge.status()
  const counted = ['IN FLIGHT', 'STREAMS', 'WEBSOCKETS', 'OWNED']
  const head = ['UPSTREAM', 'SLOT', 'HEALTH', ...counted, 'DRAIN', 'HOLD', 'WAITING']
  const rows = upstreams.map(one => {
    const { name, slot, isActive, health, inFlight, streams, webSockets, owned, drain, hold } = one
    const until = drain === null ? '-' : drain.isDone ? 'done' : cutWords(drain.cutAt, Date.now())
    const counts = [inFlight, streams, webSockets, owned].map(String)
    return [name, isActive ? `${slot} (active)` : slot, health, ...counts, until, hold.mode, `${hold.waiting}`]
  })
  console.log(isJson ? JSON.stringify(upstreams) : table([head, ...rows]))
  return 0
}
