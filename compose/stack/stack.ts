import { join } from 'node:path'
import { EdgeError } from '../../proxy/errors.ts'
import type { Engine } from '../engine.ts'

/** One server's stack, as it was brought up: its containers say from where. */
export interface Stack {
  readonly project: string
  /** Where its compose files lie. */
  readonly folder: string
  readonly files: readonly string[]
  /** What `.env` is here; need not be there. */
  readonly envFile: string
  /** All that it was brought up with, the last one counts most. */
  readonly envFiles: readonly string[]
  /** Of the edge, on this host. */
  readonly socket: string
}

const label = 'com.docker.compose.project'
/** As the compose files mount it. */
const runFolder = '/run/twinedge'

/** @throws EdgeError COMPOSE_NO_STACK, COMPOSE_ENGINE_UNREACHABLE */
export async function findStack(engine: Engine, project: string): Promise<Stack> {
  const edge = await engine.find(project, 'edge')
  const folder = edge?.labels[`${label}.working_dir`]
  const run = edge?.mounts[runFolder]
  if (edge === null || folder === undefined || run === undefined) {
    throw new EdgeError('COMPOSE_NO_STACK', `project ${project} has no edge here that Compose brought up`)
  }
  const files = edge.labels[`${label}.config_files`]?.split(',') ?? []
  const envFiles = edge.labels[`${label}.environment_file`]?.split(',') ?? [join(folder, '.env')]
  return { project, folder, files, envFile: envFiles.at(-1)!, envFiles, socket: join(run, 'control.sock') }
}

/** Where the commands keep what they know of it. */
export function recordsOf({ folder, project }: Stack): string {
  return join(folder, '.twinedge', 'stack', project)
}
