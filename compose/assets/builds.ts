import { posix } from 'node:path'
import type { AssetsAnswer } from '../../proxy/control/protocol.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { findCandidate } from '../change/candidate.ts'
import type { Parties, Step } from '../change/change.ts'
import type { Container } from '../container/container.ts'
import { serviceOf } from '../stack/slots.ts'

/** Below the folder that a web image starts in: its own, or a link to where a monorepo has it (images/web/Dockerfile). */
const staticFolder = '.next/static'

/**
 * The edge gets the files of the build that is to serve, and of the one that does: tabs that are open, and those that will
 * be by the next swap, ask for them after their container has gone. What is there already is not kept twice.
 * @throws EdgeError EDGE_ASSETS_REFUSED of the candidate's, EDGE_DISK_FULL, EDGE_STATE_UNWRITABLE
 */
export const keepBuilds: Step = async (parties, change) => {
  const { engine, edge, stack } = parties
  const { upstream, from } = change
  const { upstream: kept } = await edge.assets()
  if (kept !== upstream) return
  const serving = await engine.find(stack.project, serviceOf(upstream, from))
  // In this order: the newest builds are the last that the edge gives up.
  if (serving !== null) await send(parties, serving).catch(cause => pass(parties, cause))
  await send(parties, await findCandidate(parties, change))
}

/** What serves cannot be mended by refusing what takes its place. */
function pass({ say }: Parties, cause: unknown): void {
  if (!(cause instanceof EdgeError && cause.code === 'EDGE_ASSETS_REFUSED')) throw cause
  say(`${cause.detail}: open tabs may miss them after the flip`)
}

async function send({ engine, edge, say }: Parties, { id, service, workingFolder }: Container): Promise<void> {
  const folder = posix.join(workingFolder, staticFolder)
  try {
    const answer = await edge.keepBuild(() => engine.archive(id, folder))
    say(`${service}: ${answer === null ? `no ${folder} in it, so the edge keeps no files of it` : told(answer)}`)
  } catch (cause) {
    if (!(cause instanceof EdgeError && cause.code === 'EDGE_ASSETS_REFUSED')) throw cause
    throw new EdgeError(cause.code, `${service}: the edge refused its files: ${cause.detail}`, cause)
  }
}

function told({ files, newFiles, newBytes, contested }: AssetsAnswer): string {
  const kept = `the edge keeps its ${files} files, ${newFiles} of them new (${(newBytes / 1_048_576).toFixed(1)} MB)`
  return contested.length === 0 ? kept : `${kept}; not ${contested.length} that another build has with other content`
}
