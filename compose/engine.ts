import type { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { EdgeError } from '../proxy/errors.ts'
import { tarOf } from './assets/tar.ts'
import { archiveOf } from './container/archive.ts'
import type { Container } from './container/container.ts'
import { type Addition, copyOf } from './container/copy.ts'
import { type Executed, execIn } from './container/exec.ts'
import { linesOf } from './container/log-frames.ts'
import { asked, calmly, orElse } from './container/refusals.ts'

/** A Docker engine, as far as swaps need one. Every call throws EdgeError COMPOSE_ENGINE_UNREACHABLE when it is away. */
export interface Engine {
  /** @returns null when there is none, running or not */
  find(project: string, service: string): Promise<Container | null>
  /** @returns one container of each service of a project, running or not */
  list(project: string): Promise<readonly Container[]>
  start(id: string): Promise<void>
  /** Gives it its own stop timeout, as its stop_grace_period says; no error when it has stopped. */
  stop(id: string): Promise<void>
  /** @param volumes that go as well, with all that is in them: those that nobody else has, or the one at this path */
  remove(id: string, volumes: 'all' | string): Promise<void>
  /** Makes it again, under its name but with another id, and does not start it. */
  remake(id: string, addition: Addition): Promise<void>
  /** Whether it runs or not. */
  hasFile(id: string, path: string): Promise<boolean>
  write(id: string, folder: string, file: string, text: string): Promise<void>
  setRestart(id: string, policy: string): Promise<void>
  lastLines(id: string, count: number): Promise<readonly string[]>
  memoryInUse(id: string): Promise<number>
  /** @returns null when no such image is here */
  imageId(reference: string): Promise<string | null>
  tag(imageId: string, reference: string): Promise<void>
  /** Takes the name away, and the image with its last name. @returns false when it is in use, or was not there */
  untag(reference: string): Promise<boolean>
  /** Runs a shell command in it, and waits for its end so long. @returns its exit code, and what it said */
  exec(id: string, command: string, withinMs: number): Promise<Executed>
  /** What is in a folder of it, as a plain tar, whether it runs or not. @returns null when there is no such folder */
  archive(id: string, folder: string): Promise<Readable | null>
}

const callMs = 120_000

/**
 * The engine that DOCKER_HOST names, or this machine's own.
 * @param timeout after which a call that hangs has failed, ms
 * @throws EdgeError COMPOSE_HOST_ONLY
 */
export async function dockerEngine(timeout = callMs): Promise<Engine> {
  const docker = await newDocker(timeout)
  const on = (id: string) => docker.getContainer(id)
  return {
    find: (project, service) => asked(() => find(docker, project, service)),
    list: project => asked(() => list(docker, project)),
    start: id => asked(() => calmly(on(id).start())),
    stop: id => asked(() => calmly(on(id).stop())),
    remove: (id, volumes) => asked(() => calmly(remove(docker, id, volumes))),
    remake: (id, addition) => asked(() => remake(docker, id, addition)),
    hasFile: (id, path) =>
      asked(() => orElse(false, async () => Boolean((await on(id).infoArchive({ path })).resume()))),
    write: (id, path, file, text) => asked(async () => void (await on(id).putArchive(archiveOf(file, text), { path }))),
    setRestart: (id, policy) => asked(() => on(id).update({ RestartPolicy: { Name: policy } })),
    lastLines: (id, tail) => asked(async () => linesOf(await on(id).logs({ stdout: true, stderr: true, tail }))),
    memoryInUse: id => asked(() => memoryInUse(on(id))),
    imageId: reference => asked(() => orElse(null, async () => (await docker.getImage(reference).inspect()).Id)),
    tag: (id, reference) => asked(() => tag(docker, id, reference)),
    untag: reference =>
      asked(() =>
        orElse(false, () =>
          docker
            .getImage(reference)
            .remove()
            .then(() => true)
        )
      ),
    exec: (id, command, withinMs) => asked(() => execIn(on(id), command, withinMs)),
    archive: (id, folder) => asked(() => orElse(null, () => archive(on(id), folder)))
  }
}

/** Only now: the edge, which asks no engine, does not pay for it, and its image goes without. */
async function newDocker(timeout: number): Promise<Docker> {
  try {
    const { default: Engine } = await import('dockerode')
    return new Engine({ timeout })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new EdgeError('COMPOSE_HOST_ONLY', 'nothing here can reach a Docker engine', cause)
  }
}

async function find(docker: Docker, project: string, service: string): Promise<Container | null> {
  const [first] = await newest(docker, [
    `com.docker.compose.project=${project}`,
    `com.docker.compose.service=${service}`
  ])
  if (first === undefined) return null
  return orElse(null, async () => containerOf(service, await docker.getContainer(first.Id).inspect()))
}

async function list(docker: Docker, project: string): Promise<Container[]> {
  const found = await newest(docker, [`com.docker.compose.project=${project}`])
  const serviceOf = ({ Labels }: Docker.ContainerInfo): string => Labels['com.docker.compose.service'] ?? ''
  const first = new Map(found.reverse().map(one => [serviceOf(one), one.Id]))
  const seen = [...first].map(([service, id]) =>
    orElse(null, async () => containerOf(service, await docker.getContainer(id).inspect()))
  )
  return (await Promise.all(seen)).filter(one => one !== null)
}

/** Without those of `docker compose run`; the newest comes first. */
async function newest(docker: Docker, label: readonly string[]): Promise<Docker.ContainerInfo[]> {
  const filters = { label: [...label, 'com.docker.compose.oneoff=False'] }
  return (await docker.listContainers({ all: true, filters })).sort((a, b) => b.Created - a.Created)
}

function containerOf(service: string, found: Docker.ContainerInspectInfo): Container {
  const { State: state, HostConfig: host, Config: config } = found
  return {
    id: found.Id,
    service,
    image: config.Image,
    imageId: found.Image,
    state: state.Status as Container['state'],
    health: (state.Health?.Status ?? 'none') as Container['health'],
    lastCheck: state.Health?.Log.at(-1)?.Output.trim() ?? null,
    exitCode: state.ExitCode,
    restarts: found.RestartCount,
    isOutOfMemory: state.OOMKilled,
    memoryLimitBytes: host.Memory ?? 0,
    restart: host.RestartPolicy?.Name || 'no',
    startedAt: state.StartedAt,
    labels: config.Labels,
    mounts: Object.fromEntries(found.Mounts.map(({ Destination, Source }) => [Destination, Source])),
    workingFolder: config.WorkingDir || '/'
  }
}

async function remove(docker: Docker, id: string, volumes: 'all' | string): Promise<void> {
  const { Mounts } = await docker.getContainer(id).inspect()
  await docker.getContainer(id).remove({ force: true, v: volumes === 'all' })
  const one = Mounts.find(({ Destination }) => Destination === volumes)
  if (one?.Name !== undefined) await docker.getVolume(one.Name).remove()
}

async function remake(docker: Docker, id: string, addition: Addition): Promise<void> {
  const { options, others } = copyOf(await docker.getContainer(id).inspect(), addition)
  await docker.getContainer(id).remove({ force: true, v: true })
  const made = await docker.createContainer(options)
  for (const [name, EndpointConfig] of others) {
    await docker.getNetwork(name).connect({ Container: made.id, EndpointConfig })
  }
}

async function memoryInUse(container: Docker.Container): Promise<number> {
  const { memory_stats: memory } = await container.stats({ stream: false, 'one-shot': true })
  // What the kernel would give up at once is no use of it.
  return (memory.usage ?? 0) - (memory.stats?.inactive_file ?? 0)
}

async function tag(docker: Docker, id: string, reference: string): Promise<void> {
  const colon = reference.lastIndexOf(':')
  await docker.getImage(id).tag({ repo: reference.slice(0, colon), tag: reference.slice(colon + 1) })
}

/** The dot makes the engine follow a link, which it else would archive as one. */
async function archive(container: Docker.Container, folder: string): Promise<Readable> {
  return tarOf((await container.getArchive({ path: `${folder}/.` })) as Readable)
}
