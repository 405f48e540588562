import { EdgeError } from '../../../proxy/errors.ts'
import type { Facts } from '../facts/facts.ts'
import { readFacts } from '../facts/read.ts'
import { partsOn, type ServerPlan, type Site } from '../plan/site.ts'
import { holdBare, noHold } from '../site/bare-hold.ts'
import { connectSsh, type Ssh } from '../ssh/ssh.ts'
import { describeCertificates, renewCertificates } from '../steps/certificates.ts'
import { closePorts } from '../steps/ports.ts'
import { readEnv } from '../steps/stack-files.ts'
import { refuseServer } from '../takeover/refusal.ts'
import { isDeployed } from './checks.ts'
import { pairUp } from './pair.ts'
import { bootstrapServer, take } from './server.ts'
import type { EdgeBuild, Orders, Work } from './step.ts'

export interface Bootstrap {
  readonly site: Site
  /** Those that are to be set up, of the site's. */
  readonly servers: readonly ServerPlan[]
  readonly orders: Orders
  readonly edge: EdgeBuild
  /** user@host of this laptop. */
  readonly by: string
  readonly now: () => Date
  say(line: string): void
}

/** What came of it. */
export interface Result {
  /** How many things were done, or would be. */
  readonly count: number
  /** Of each server that was to be set up: its certificates in a few words; null where no edge runs. */
  readonly certificates: ReadonlyMap<string, readonly string[] | null>
  /** Whether each of them runs what it is there for: then nothing need be deployed. */
  readonly isDeployed: boolean
  /** False: the other server is still to be set up. */
  readonly isLinked: boolean
}

/** All of them at once, then what takes both. @throws EdgeError SITE_ENV_*, DEPLOY_LOCKED, SERVER_*, SSH_* */
export async function bootstrapSite(bootstrap: Bootstrap): Promise<Result> {
  const { site, servers } = bootstrap
  // Whatever is wrong with a file here is told before anything is changed anywhere.
  const envs = new Map(await Promise.all(servers.map(async one => [one.name, await readEnv(site, one)] as const)))
  const connections: Ssh[] = []
  const connect = async (server: ServerPlan): Promise<Ssh> => {
    const ssh = await connectSsh(server)
    connections.push(ssh)
    return ssh
  }
  try {
    const found = await wholly(servers.map(async one => begin(bootstrap, await connect(one), envs.get(one.name)!)))
    const others = site.servers.filter(one => !servers.includes(one))
    const known = (await Promise.all(others.map(one => lookAt(bootstrap, one, connect)))).flatMap(one => one ?? [])
    for (const work of found) work.say(`${work.server.ssh}: ${describeFacts(work.facts)}`)
    // So is whatever stands in the way on a server.
    await wholly(found.map(refuseServer))
    return await withAllHeld([...found, ...known], bootstrap, works => setUp(bootstrap, works))
  } finally {
    await Promise.allSettled(connections.map(ssh => ssh.close()))
  }
}

/** Nobody else changes these servers meanwhile. Backend before frontend, as deploys take them. */
async function withAllHeld<T>(
  found: readonly Work[],
  { by, orders, servers, now }: Bootstrap,
  work: (held: readonly Work[]) => Promise<T>
): Promise<T> {
  if (orders.dryRun) return work(found)
  const verb = `bootstrap${servers.length === 1 ? ` ${servers[0]!.name}` : ''}`
  const held: Work[] = []
  try {
    for (const one of found.toSorted((a, b) => a.server.name.localeCompare(b.server.name))) {
      // Of a server that nobody has set up, and that nobody is going to set up now, there is nothing to hold.
      const isOurs = servers.includes(one.server) || one.facts.stack.modes.site !== undefined
      held.push(isOurs ? { ...one, hold: await holdBare(one.ssh, { by, verb, now }) } : one)
    }
    // Whoever had it until now may have changed what was seen before.
    const fresh = await Promise.all(held.map(async one => ({ ...one, facts: await readFacts(one.ssh, now) })))
    return await work(found.map(({ server }) => fresh.find(one => one.server === server)!))
  } finally {
    await Promise.allSettled(held.map(({ hold }) => hold.free()))
  }
}

async function setUp(bootstrap: Bootstrap, works: readonly Work[]): Promise<Result> {
  const { servers, orders, by, now } = bootstrap
  const own = works.filter(({ server }) => servers.includes(server))
  const taken = new Map(await wholly(own.map(async work => [work.server, await bootstrapServer(work, by)] as const)))
  const { count, isUp } = await settle(
    bootstrap,
    works.map(work => ({ ...work, facts: taken.get(work.server)?.facts ?? work.facts }))
  )
  const certificates = await Promise.all(
    own.map(async work => [work.server.name, orders.dryRun ? null : await describeCertificates(work, now())] as const)
  )
  return {
    count: [...taken.values()].reduce((sum, one) => sum + one.count, count),
    certificates: new Map(certificates),
    isDeployed: works.every(({ facts, server }) => isDeployed(facts, partsOn(server))),
    isLinked: isUp
  }
}

/** For its key alone: nothing is changed there but that. */
async function lookAt(
  bootstrap: Bootstrap,
  server: ServerPlan,
  connect: (server: ServerPlan) => Promise<Ssh>
): Promise<Work | null> {
  try {
    return await begin(bootstrap, await connect(server), '')
  } catch (cause) {
    if (!(cause instanceof EdgeError)) throw cause
    bootstrap.say(`${server.name}: it could not be asked for the key of its link: ${cause.code}: ${cause.detail}`)
    return null
  }
}

/** One that fails does not leave the others half-way: they go on to their ends first. */
async function wholly<T>(all: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(all)
  return Promise.all(all)
}

async function begin({ site, orders, edge, now, say }: Bootstrap, ssh: Ssh, env: string): Promise<Work> {
  return {
    site,
    server: ssh.server,
    ssh,
    hold: noHold,
    orders,
    facts: await readFacts(ssh, now),
    env,
    edge,
    now,
    say: line => say(`${ssh.server.name}: ${line}`)
  }
}

/** The link, and then the ports that nothing needs any more: the site may have run over them until now. */
async function settle(
  { site, servers, orders, say }: Bootstrap,
  works: readonly Work[]
): Promise<{ readonly count: number; readonly isUp: boolean }> {
  const linked = site.servers.length === 1 ? { count: 0, isUp: true } : await pairUp(works, orders, say)
  let count = linked.count
  if (!linked.isUp) return { count, isUp: false }
  if (linked.count > 0 && !orders.dryRun) {
    say('certificates: whoever DNS does not point at could not have them until now; they are ordered (certs renew)')
    await Promise.all(works.map(work => renewCertificates(work)))
  }
  for (const work of works.filter(({ server }) => servers.includes(server))) {
    count += (await take(closePorts, work, null)).count
  }
  return { count, isUp: true }
}

const gigabyte = 1_073_741_824

function describeFacts({ os, arch, memory, disks, engine }: Facts): string {
  const free = Math.min(...disks.map(disk => disk.free))
  const docker = engine.version === null ? 'no Docker' : `Docker ${engine.version}`
  const gb = (bytes: number): string => `${(bytes / gigabyte).toFixed(1)} GB`
  return `${os.name}, ${arch}, ${gb(memory.total)} of memory, ${gb(free)} free on disk, ${docker}`
}
