import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { edgeAt } from '../../edge-client.ts'
import { dockerEngine } from '../../engine.ts'
import { readJournal } from '../../record/journal.ts'
import { releasesOf } from '../../record/releases.ts'
import { readVariable } from '../../stack/env-file.ts'
import { serviceOf, servingOf } from '../../stack/slots.ts'
import { findStack, recordsOf } from '../../stack/stack.ts'
import type { Serving, ServingSlot } from './records.ts'

/** Nobody waits longer to be told that an engine hangs. */
const engineMs = 20_000
const stateFolder = '/var/lib/twinedge'

/** @throws EdgeError COMPOSE_NO_STACK, COMPOSE_ENGINE_UNREACHABLE, EDGE_NOT_RUNNING */
export async function lookAtServing(project: string): Promise<Serving> {
  const engine = await dockerEngine(engineMs)
  const stack = await findStack(engine, project)
  const [status, journal] = await Promise.all([edgeAt(stack.socket).status(), readJournal(recordsOf(stack))])
  const slots = [...servingOf(status)].map(async ([upstream, slot]): Promise<[string, ServingSlot]> => {
    const container = await engine.find(project, serviceOf(upstream, slot))
    const last = releasesOf(journal, upstream).at(-1)
    const { image = null, imageId = null } = container ?? {}
    return [upstream, { slot, release: last?.release ?? null, image: last?.image ?? image, imageId }]
  })
  const state = (await engine.find(project, 'edge'))?.mounts[stateFolder]
  const port = await readVariable(stack.envFile, 'HTTPS_PORT')
  return {
    upstreams: Object.fromEntries(await Promise.all(slots)),
    httpsPort: port === '' ? 443 : Number(port),
    localRoot: state === undefined ? null : await readFile(join(state, 'local-ca/root.pem'), 'utf8').catch(() => null)
  }
}
