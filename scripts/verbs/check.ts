import { parseArgs } from 'node:util'
import { readSecrets } from '../../proxy/acme/disk/secrets.ts'
import type { EdgeConfig, HostPort } from '../../proxy/config/config.ts'
import { loadConfig } from '../../proxy/config/load.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { Certificates } from '../../proxy/tls/certificates.ts'
import { serversOf, siteAt } from '../laptop/site.ts'
import { checkSite } from '../look/check.ts'
import { siteOptions, siteUsage } from '../site-file.ts'

export const summary =
  'Check deploy.yaml, and what it would bring to the servers against what they have; or the configuration of an edge'
export const usage = `${siteUsage} [--json]
twinedge check FILE [--json]

  (none)  deploy.yaml, the .env of each server, and what differs on the servers: exit code 1 when something does. Of
          secrets, no more is told than that they differ
  FILE    the configuration of an edge, and the certificates that it names

  Nothing is changed.`

export async function run(args: string[]): Promise<number> {
  const options = { ...siteOptions, json: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
  const [file, ...more] = positionals
  const site = file === undefined ? await siteAt(values) : null
  if (site !== null) return checkSite(site, serversOf(site, values), values.json === true)
  if (file === undefined || more.length > 0) {
    throw new EdgeError('EDGE_USAGE', 'twinedge check FILE; or, with a deploy.yaml: twinedge check')
  }
  try {
    const { domains, upstreams, routes, peer, warnings } = await check(file)
    const link = peer === null ? '' : `, a link to ${peer}`
    const counts = `${domains} domains, ${upstreams} upstreams, ${routes} routes${link}`
    if (values.json) console.log(JSON.stringify({ ok: true, domains, upstreams, routes, peer, warnings }))
    else console.log([`${file}: ok (${counts})`, ...warnings.map(warning => `warning: ${warning}`)].join('\n'))
    return 0
  } catch (cause) {
    if (!values.json || !(cause instanceof EdgeError)) throw cause
    console.log(JSON.stringify({ ok: false, code: cause.code, detail: cause.detail.trim(), next: cause.next }))
    return 1
  }
}

async function check(file: string) {
  const config = await loadConfig(file, process.env)
  const warnings = await warningsOf(config)
  const { domains, upstreams, routes, link } = config
  const peer = link === null ? null : hostAndPort(link.peer)
  return { domains: domains.length, upstreams: upstreams.size, routes: routes.length, peer, warnings }
}

/** Certificates that are to be issued are for the edge to issue: only what the operator gives is looked at. */
async function warningsOf(config: EdgeConfig): Promise<string[]> {
  const { tls } = config
  const now = new Date()
  if (tls.mode === 'files') return (await Certificates.load(config, now, () => {})).warningsAt(now)
  if (tls.mode === 'acme') await readSecrets(tls)
  return []
}

function hostAndPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
