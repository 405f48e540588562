import { spawn } from 'node:child_process'
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { EdgeError } from '../../../proxy/errors.ts'
import { createStateFile, readStateFile, unwritable } from '../../../proxy/state/state-file.ts'
import type { Followed, Order, OrderEnd, OrderStatus } from './records.ts'

/** What an order's process may take until it says that it is there. */
const startMs = 20_000
/** A question is answered after so long, even if there is no news. */
const newsMs = 2_000
const lookMs = 50
/** Of what was said, at once. */
const mostBytes = 64 * 1024
const kept = 30

/**
 * Begins it, in a process with a session of its own that outlives this one. Given twice, it is begun once.
 * @param program that is `twinedge server order ID` for this folder
 * @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL
 */
export async function give(site: string, order: Order, program: readonly string[]): Promise<void> {
  const folder = orderFolder(site, order.id)
  await prune(site)
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch(cause => {
    throw unwritable(folder, cause)
  })
  await createStateFile(join(folder, 'order.json'), `${JSON.stringify(order)}\n`, 0o600)
  // An agent that was killed right here has left one that never began; a second process of one that has ends at once.
  if ((await pidOf(folder)) !== null) return
  const output = await open(join(folder, 'output'), 'a', 0o600)
  try {
    const [file = '', ...args] = program
    const child = spawn(file, args, { detached: true, stdio: ['ignore', output.fd, output.fd] })
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject))
    child.unref()
  } catch (cause) {
    throw new EdgeError('EDGE_INTERNAL', `the order cannot be started: ${(cause as Error).message}`, cause)
  } finally {
    await output.close()
  }
}

/** @returns what there is beyond byte `from`, or after a while that there is none */
export async function follow(site: string, id: string, from: number): Promise<Followed> {
  const folder = orderFolder(site, id)
  for (const late = Date.now() + newsMs; ; await pause(lookMs)) {
    // Its end is asked for first: whatever it said before that is in the file by now.
    const end = await endOf(folder)
    const { text, next } = await read(join(folder, 'output'), from, end !== null)
    const isAll = next === from || text.length < mostBytes / 2
    if (text !== '' || end !== null || Date.now() > late) return { text, next, end: isAll ? end : null }
  }
}

/** Its own way of being stopped: what was begun is undone, until the flip. */
export async function stop(site: string, id: string): Promise<void> {
  const pid = await pidOf(orderFolder(site, id))
  if (pid !== null && (await isAlive(pid, id))) process.kill(pid, 'SIGTERM')
}

export async function listOrders(site: string): Promise<OrderStatus[]> {
  const names = await readdir(join(site, 'orders')).catch(() => [])
  return Promise.all(names.map(async id => ({ id, state: stateOf(await endOf(orderFolder(site, id))) })))
}

/** @throws EdgeError EDGE_USAGE for what cannot be one */
export function orderFolder(site: string, id: string): string {
  if (!/^[\w-]{1,80}$/.test(id)) throw new EdgeError('EDGE_USAGE', 'this is no order')
  return join(site, 'orders', id)
}

/** @throws EdgeError EDGE_USAGE when there is none */
export async function readOrder(site: string, id: string): Promise<Order & { readonly givenAt: Date }> {
  const path = join(orderFolder(site, id), 'order.json')
  const text = await readStateFile(path)
  if (text === null) throw new EdgeError('EDGE_USAGE', `there is no order ${id} here`)
  return { ...(JSON.parse(text) as Order), givenAt: (await stat(path)).mtime }
}

function stateOf(end: OrderEnd | null): OrderStatus['state'] {
  if (end === null) return 'running'
  return 'entry' in end ? 'done' : 'failure' in end ? 'failed' : 'lost'
}

/** @returns null while it goes on */
async function endOf(folder: string): Promise<OrderEnd | null> {
  const pid = await pidOf(folder)
  const id = folder.split('/').at(-1)!
  const isThere = pid === null ? await isYoung(folder) : await isAlive(pid, id)
  // Read after that: it may have ended in between.
  const text = await readStateFile(join(folder, 'result.json'))
  if (text !== null) return JSON.parse(text) as OrderEnd
  return isThere ? null : { lost: true }
}

async function isYoung(folder: string): Promise<boolean> {
  const { mtimeMs } = await stat(join(folder, 'order.json')).catch(() => ({ mtimeMs: 0 }))
  return Date.now() - mtimeMs < startMs
}

async function pidOf(folder: string): Promise<number | null> {
  const text = await readStateFile(join(folder, 'pid'))
  return text === null ? null : Number(text)
}

/** After a reboot its number may be anybody's. */
async function isAlive(pid: number, id: string): Promise<boolean> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return line.split('\0').includes(id)
}

/** Cut off behind a line, unless it is the end. */
async function read(path: string, from: number, isEnd: boolean): Promise<{ text: string; next: number }> {
  const file = await open(path, 'r').catch(() => null)
  if (file === null) return { text: '', next: from }
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(mostBytes), 0, mostBytes, from)
    const all = buffer.subarray(0, bytesRead)
    const whole = isEnd || bytesRead === mostBytes ? all : all.subarray(0, all.lastIndexOf('\n') + 1)
    return { text: whole.toString(), next: from + whole.length }
  } finally {
    await file.close()
  }
}

/** The oldest go, but never one that runs. */
async function prune(site: string): Promise<void> {
  const ended = (await listOrders(site)).filter(({ state }) => state !== 'running')
  const aged = await Promise.all(
    ended.map(async ({ id }) => ({ id, at: (await stat(orderFolder(site, id)).catch(() => null))?.mtimeMs ?? 0 }))
  )
  const old = aged.sort((a, b) => b.at - a.at).slice(kept)
  for (const { id } of old) await rm(orderFolder(site, id), { recursive: true, force: true })
}
