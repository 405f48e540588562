import { recordOf } from '../../compose/laptop/bootstrap/record.ts'
import { lookAt, type ServerLook } from '../../compose/laptop/look/server-look.ts'
import { atEach, type Reached } from '../../compose/laptop/look/servers.ts'
import { onServer } from '../../compose/laptop/plan/commands.ts'
import type { ServerPlan, Site } from '../../compose/laptop/plan/site.ts'
import { unfinishedOf } from '../../compose/laptop/site/deploys.ts'
import type { SiteRecords } from '../../compose/server/deploy/records.ts'
import type { EdgeError } from '../../proxy/errors.ts'
import { printable } from '../../proxy/record/terminal.ts'
import { openLines, togetherOf } from '../laptop/deploy-report.ts'
import { isWhole, siteReport } from './site-report.ts'

type Seen = Reached<ServerLook & { readonly more: SiteRecords | null }>

/** @returns 1 unless every server could be asked and its edge answers */
export async function siteStatus(site: Site, servers: readonly ServerPlan[], isJson: boolean): Promise<number> {
  const found = await atEach(servers, ssh => lookAt(ssh, site.name, agent => agent.ask('deploys', null)))
  const { deploys, holder } = togetherOf(found.flatMap(({ answer }) => answer?.more ?? []))
  if (isJson) {
    const unfinished = holder === null ? unfinishedOf(deploys) : null
    console.log(JSON.stringify({ servers: found.map(plain), holder, unfinished }))
  } else {
    const open = [...openLines(deploys, holder), ...found.flatMap(bootstrapLines), ...found.flatMap(shippedLines)]
    console.log([siteReport(found, Date.now()), ...(open.length === 0 ? [] : ['', ...open])].join('\n'))
  }
  return isWhole(found) ? 0 : 1
}

/** One that was begun, and has not ended. */
function bootstrapLines({ server, answer }: Reached<ServerLook>): string[] {
  const record = answer?.facts == null ? null : recordOf(answer.facts)
  if (record === null || record.outcome === 'done') return []
  const { by, began, step, outcome, code } = record
  const how = outcome === 'failed' ? `failed${code === null ? '' : ` (${code})`}` : 'goes on, or was broken off,'
  const said = `${server.name}: WARNING: the bootstrap that ${by} began at ${began} ${how} at "${step}"`
  return [printable(said), `  next: twinedge bootstrap ${server.name}, which goes on from there`]
}

/** An image that was begun to be sent. */
export function shippedLines({ server, answer }: Seen): string[] {
  const all = answer?.more?.shipped ?? []
  return all.flatMap(({ reference, bytes, total, isComing }) => {
    const much = `${server.name}: ${(bytes / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB of ${reference}`
    if (isComing) return [printable(`${much} have come`)]
    const remove = onServer(server.name, `rm -rf ${server.folder}/site/pieces`)
    return [
      printable(`${much} were shipped, and are not loaded; the next deploy goes on from there`),
      `  next: twinedge deploy; what nobody comes back for goes with the first ship after three days; or now: ${remove}`
    ]
  })
}

function plain({ server, answer, failure }: Seen): object {
  const { facts, looked, hello, more } = answer ?? {}
  const told = answer === null ? null : { facts, ...looked, hello, shipped: more?.shipped ?? null }
  return {
    server: server.name,
    ...told,
    failure: failed(failure ?? answer?.failure ?? null) ?? answer?.looked?.failure
  }
}

function failed(failure: EdgeError | null): object | null {
  return failure === null ? null : { code: failure.code, detail: failure.detail, next: failure.next }
}
