import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import type { ServerName, Site } from '../../compose/laptop/plan/site.ts'
import type { World } from '../../compose/laptop/site/held.ts'
import { type Line, openLine } from '../../compose/laptop/ssh/line.ts'
import { otherTools, ownTool } from '../../compose/laptop/tool/own.ts'
import { isProcessGone } from '../../compose/record/lock.ts'
import type { Claim } from '../../compose/server/deploy/records.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { printable } from '../../proxy/record/terminal.ts'
import { type Printer, printerOn } from './progress.ts'

/** A world whose lines are closed again. */
export interface Surroundings extends World {
  readonly printer: Printer
}

/**
 * Connects to every server of a site, works with those that are there, and takes leave.
 * @param verb as it was typed
 * @param signal of an operator who wants it stopped; of what changes nothing, one that never comes: Ctrl-C ends all of it
 * @throws EdgeError SSH_*, SERVER_TOOL_* when none is there; and as `work` does
 */
export async function withServers<T>(
  site: Site,
  verb: string,
  work: (world: Surroundings) => Promise<T>,
  signal = interruption()
): Promise<T> {
  const printer = printerOn(process.stdout, Date.now)
  const { say } = printer
  const lines: Line[] = []
  const away = new Map<ServerName, EdgeError>()
  // Backend before frontend, as everybody locks them.
  const servers = site.servers.toReversed()
  const own = ownTool().catch(() => '')
  const opened = await Promise.allSettled(servers.map(server => openLine(server, say, signal)))
  for (const [at, one] of opened.entries()) {
    if (one.status === 'fulfilled') lines.push(one.value)
    else away.set(servers[at]!.name, asEdgeError(one.reason))
  }
  try {
    signal.throwIfAborted()
    const [refused] = away.values()
    if (lines.length === 0 && refused !== undefined) throw refused
    for (const [name, { code, detail }] of away)
      console.error(`${name}: left out: ${code}: ${printable(detail.trim())}`)
    for (const line of await otherTools(lines, own)) say(line)
    return await work({ ...worldOf(site, verb, lines), signal, away, say, printer })
  } finally {
    await Promise.all(lines.map(line => line.close()))
  }
}

function asEdgeError(cause: unknown): EdgeError {
  if (cause instanceof EdgeError) return cause
  throw cause
}

function worldOf(site: Site, verb: string, lines: readonly Line[]): Omit<World, 'say' | 'away' | 'signal'> {
  const who = `${userInfo().username}@${hostname()}`
  return {
    site,
    lines,
    claim: { id: randomUUID(), who, host: thisHost, pid: process.pid, verb, step: 'begins' },
    hasDied,
    now: () => new Date()
  }
}

/** Two laptops may have one name. Processes have numbers of their own in each of its containers. */
const thisHost = [hostname(), '/etc/machine-id', '/proc/self/ns/pid'].map(identityOf).join(' ')

function identityOf(place: string): string {
  if (!place.startsWith('/')) return place
  try {
    return place.startsWith('/proc/') ? readlinkSync(place) : readFileSync(place, 'utf8').trim()
  } catch {
    return '-' // not everything is Linux
  }
}

/** Of another laptop nobody can tell: its claim lapses. */
export function hasDied({ host, pid }: Claim): boolean {
  return host === thisHost && isProcessGone(pid)
}

/** Ctrl-C undoes what was begun; a second time it is left as it is. A terminal that dies ends nothing. */
function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(130)
      console.error('stopping: what was begun is undone; once more leaves it as it is')
      controller.abort(new EdgeError('DEPLOY_INTERRUPTED', `stopped by ${signal}`))
    })
  }
  process.on('SIGHUP', () => {})
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  return controller.signal
}
