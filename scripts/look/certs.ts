import { parseArgs } from 'node:util'
import { atEach } from '../../compose/laptop/look/servers.ts'
import { nextAt } from '../../compose/laptop/plan/commands.ts'
import type { ServerPlan, Site } from '../../compose/laptop/plan/site.ts'
import { openAgent } from '../../compose/laptop/ssh/agent.ts'
import type { Ssh } from '../../compose/laptop/ssh/ssh.ts'
import type { CertificatesAnswer } from '../../proxy/control/protocol.ts'
import { certificateRows, failureParagraphs, head, list } from '../certs/list.ts'
import { placeOptions } from '../control-client.ts'
import { serversOf, siteAt } from '../laptop/site.ts'
import { siteOptions } from '../site-file.ts'
import { printFailure, table } from '../terminal.ts'

/** Of a site, where a deploy.yaml is found and no edge is named; else of the edge on this machine. */
export async function listWherever(args: string[]): Promise<number> {
  const options = { ...siteOptions, ...placeOptions, json: { type: 'boolean' } } as const
  const { values } = parseArgs({ args, options })
  const site = values.socket === undefined && values.config === undefined ? await siteAt(values) : null
  return site === null ? list(args) : siteCerts(site, serversOf(site, values), values.json === true)
}

/** The certificates of all servers in one table. @returns 1 when one of them could not be asked */
async function siteCerts(site: Site, servers: readonly ServerPlan[], isJson: boolean): Promise<number> {
  const found = await atEach(servers, ssh => ask(ssh, site.name))
  const nowMs = Date.now()
  if (isJson) {
    const all = found.map(({ server, answer, failure }) => ({
      server: server.name,
      ...answer,
      failure: failure?.code ?? null
    }))
    console.log(JSON.stringify({ servers: all }))
  } else {
    const rows = found.flatMap(({ server, answer }) =>
      (answer === null ? [] : certificateRows(answer, nowMs)).map(row => [server.name, ...row])
    )
    const failing = found.flatMap(({ server, answer }) =>
      (answer === null ? [] : failureParagraphs(answer, nowMs)).map(
        text => `${server.name}: ${nextAt(server.name, text)}`
      )
    )
    console.log([table([['SERVER', ...head], ...rows]), ...failing].join('\n\n'))
    for (const { failure } of found) if (failure !== null) printFailure(failure)
  }
  return found.some(({ failure }) => failure !== null) ? 1 : 0
}

async function ask(ssh: Ssh, project: string): Promise<CertificatesAnswer> {
  const agent = await openAgent(ssh)
  try {
    return await agent.ask('certificates', { project })
  } finally {
    agent.close()
  }
}
