import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readEnvFile } from '../../env/env-file.ts'
import { recordOf } from '../bootstrap/record.ts'
import type { Step, Work } from '../bootstrap/step.ts'
import { composeFiles, projectOf } from '../plan/env-names.ts'
import { bringUp } from '../takeover/bring-up.ts'
import { pullImagesOf } from '../takeover/images.ts'
import { planIdleNginx, planTakeOver } from '../takeover/take-over.ts'
import { edgeImageOf } from './edge-image.ts'

const project = join(import.meta.dirname, '../../..')

export const bringUpEdge: Step = {
  name: 'edge',
  remains: 'what served before, where anything did; what was tried is in site/bring-up on the server',
  async plan(work) {
    const { facts } = work
    const edge = containerOf(work, 'edge')
    const isWell = edge?.state === 'running' && edge.status.includes('(healthy)')
    const idle = await planIdleNginx(work)
    const isOurs = isWell && recordOf(facts)?.stack === (await stackHash(work))
    if (isOurs && (await runsOwnImage(work, edge.id))) return idle
    const { actions, notes, nginx } = await planTakeOver(work)
    const commands = [
      ...(nginx === 'none' ? [] : [nginx === 'service' ? 'systemctl stop nginx' : 'nginx -s quit']),
      `docker compose up -d ${services(work).join(' ')}`,
      ...(nginx === 'service' ? ['systemctl disable nginx'] : [])
    ]
    const says = `$ ${commands.join(' && ')}, and back to what served before if the edge does not get healthy`
    const up = { says, act: () => bringUp(work, nginx, services(work)) }
    const isReplaced = edge !== null && edge.state === 'running'
    const replaced = 'the edge is replaced if anything of it has changed: some seconds without answers'
    return {
      actions: [pullImagesOf(work.server.folder, services(work)), ...actions, up, ...idle.actions],
      notes: [...notes, ...(idle.notes ?? []), ...(isReplaced ? [replaced] : []), ...slotNotes(work)]
    }
  }
}

/** Not the slots: those are replaced by swaps, which nobody notices. */
function services({ env, server }: Work): string[] {
  const read = readEnvFile(env, server.envFile).env
  return ['edge', ...((read.COMPOSE_PROFILES ?? '').split(',').includes('postgres') ? ['db'] : [])]
}

function slotNotes(work: Work): string[] {
  const { facts } = work
  const project = projectOf(work)
  const isSlot = /^(?<part>web|api)-(?:blue|green)$/
  return facts.containers
    .filter(one => one.project === project && one.state === 'running' && isSlot.test(one.service))
    .map(
      ({ service }) =>
        `${service} goes on as it is; for what has changed in its settings: twinedge restart ${isSlot.exec(service)?.groups?.part}`
    )
}

function containerOf(work: Work, service: string) {
  const project = projectOf(work)
  return work.facts.containers.find(one => one.project === project && one.service === service) ?? null
}

/** Somebody may have put another one in its place since, by hand. @returns true as well where nobody can say */
async function runsOwnImage(work: Work, container: string): Promise<boolean> {
  const ids = 'docker inspect --format "{{.Image}}" "$1" && docker image inspect --format "{{.Id}}" "$2"'
  const { code, stdout } = await work.ssh.run(['sh', '-c', ids, 'ids', container, edgeImageOf(work)], { asRoot: true })
  const [runs, own] = stdout.trim().split('\n')
  return code !== 0 || runs === own
}

/** Of all that the laptop has a say in: what swaps write into `.env` is no reason to bring anything up again. */
export async function stackHash({ server, env, edge }: Pick<Work, 'server' | 'env' | 'edge'>): Promise<string> {
  const hash = createHash('sha256').update(`${env}\0${edge.hash}`)
  for (const name of composeFiles(server)) hash.update(await readFile(join(project, name)))
  return hash.digest('hex')
}
