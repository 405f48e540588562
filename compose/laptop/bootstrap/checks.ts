import { EdgeError } from '../../../proxy/errors.ts'
import { type Facts, type Listening, listenerOn } from '../facts/facts.ts'
import { isAtLeast, leastCompose, leastEngine } from '../packages/versions.ts'
import type { Part } from '../plan/site.ts'

export interface Needs {
  /** Of `.env`: HTTP_PORT, HTTPS_PORT. */
  readonly ports: readonly number[]
  /** Compose's project. */
  readonly project: string
  /** Whether an nginx may be stopped. */
  readonly takeOver: boolean
}

const gigabyte = 1_073_741_824
/** The edge's image, the tool, one app image and the next one beside it. */
const leastDiskBytes = 2 * gigabyte
/** A server sold as one with 1 GB shows some 900 MB. */
const leastMemoryBytes = 0.6 * gigabyte
const mostInodesUsed = 0.98

/** Whatever stands in the way, before anything is changed. @throws EdgeError the first of it */
export function checkServer(facts: Facts, needs: Needs): void {
  checkSystem(facts)
  checkFolder(facts)
  checkRoom(facts)
  checkEngine(facts)
  checkPorts(facts, needs)
}

function checkSystem({ login, os, arch, hasSystemd, packages }: Facts): void {
  if (login.power === 'none') {
    throw new EdgeError('SSH_SUDO_REFUSED', `${login.user} is not root, and sudo asks for a password`)
  }
  const found = `${os.name || 'a system without /etc/os-release'}`
  if (os.family === null || packages.program === null) {
    throw new EdgeError('SERVER_SYSTEM_UNSUPPORTED', `it runs ${found}`)
  }
  if (!hasSystemd) throw new EdgeError('SERVER_SYSTEM_UNSUPPORTED', `it runs ${found} without systemd`)
  if (arch !== 'x64' && arch !== 'arm64') {
    throw new EdgeError(
      'SERVER_ARCH_UNSUPPORTED',
      `its processor is ${arch}; Node and the images are for x64 and arm64`
    )
  }
}

/** Whoever may change what lies there is root by the next command. */
function checkFolder({ stack }: Facts): void {
  if (stack.open.length === 0) return
  throw new EdgeError('SERVER_FOLDER_OPEN', `others than root can change ${stack.open.join(', ')}`)
}

function checkRoom({ disks, memory }: Facts): void {
  for (const { path, mount, free, inodesUsed } of disks.filter(({ path }) => path !== '/var/tmp')) {
    const left = `${path} (on ${mount}) has ${gb(free)} left`
    if (free < leastDiskBytes) throw new EdgeError('SERVER_DISK_FULL', `${left}; ${gb(leastDiskBytes)} are the least`)
    if (inodesUsed > mostInodesUsed) {
      throw new EdgeError('SERVER_DISK_FULL', `${left}, but hardly a free inode: too many small files`)
    }
  }
  if (memory.total < leastMemoryBytes) {
    throw new EdgeError('SERVER_MEMORY_SHORT', `it has ${gb(memory.total)} of memory; 1 GB is the least`)
  }
}

/** One that is there and too old is somebody's: what else runs on it would not outlive its replacement. */
function checkEngine({ engine }: Facts): void {
  if (engine.version !== null && !isAtLeast(engine.version, leastEngine)) {
    throw new EdgeError('SERVER_ENGINE_OLD', `it has Docker ${engine.version}; ${leastEngine} is the least`)
  }
  if (engine.compose !== null && engine.version !== null && !isAtLeast(engine.compose, leastCompose)) {
    throw new EdgeError('SERVER_COMPOSE_OLD', `it has Docker Compose ${engine.compose}; ${leastCompose} is the least`)
  }
}

function checkPorts(facts: Facts, { ports, project, takeOver }: Needs): void {
  const found = ports.flatMap(port => listenerOn(facts, port) ?? [])
  // An nginx that came back at a boot may have them though our edge is there: it is started again and again then.
  const taken = isOurs(facts, project) ? found.filter(({ program }) => program === 'nginx') : found
  if (taken.length === 0 || (takeOver && taken.every(({ program }) => program === 'nginx'))) return
  throw new EdgeError('SERVER_PORT_TAKEN', taken.map(describeListener).join(', '))
}

/** Whether our own edge runs: then it is what listens. */
export function isOurs({ containers }: Facts, project: string): boolean {
  return containers.some(one => one.project === project && one.service === 'edge' && one.state === 'running')
}

/** Whether each of these has a slot that runs. */
export function isDeployed({ containers }: Pick<Facts, 'containers'>, parts: readonly Part[]): boolean {
  const running = containers.flatMap(({ service, state }) => (state === 'running' ? [service] : []))
  return parts.every(part => running.includes(`${part}-blue`) || running.includes(`${part}-green`))
}

function describeListener({ port, program, pid }: Listening): string {
  return `${program ?? 'a program'}${pid === null ? '' : ` (process ${pid})`} listens on :${port}`
}

function gb(bytes: number): string {
  return `${(bytes / gigabyte).toFixed(1)} GB`
}
