import { parseArgs } from 'node:util'
import { readSecrets } from '../../proxy/acme/disk/secrets.ts'
import type { EdgeConfig } from '../../proxy/config/config.ts'
import { loadConfig } from '../../proxy/config/load.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { Certificates } from '../../proxy/tls/certificates.ts'

export const summary = 'Check a configuration and the certificates that it names; nothing is changed'
export const usage = 'FILE [--json]'

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { json: { type: 'boolean' } } })
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0) throw new EdgeError('EDGE_USAGE', `twinedge check ${usage}`)
  try {
    const { domains, upstreams, routes, warnings } = await check(file)
    const counts = `${domains} domains, ${upstreams} upstreams, ${routes} routes`
    if (values.json) console.log(JSON.stringify({ ok: true, domains, upstreams, routes, warnings }))
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
  const { domains, upstreams, routes } = config
  return { domains: domains.length, upstreams: upstreams.size, routes: routes.length, warnings }
}

/** Certificates that are to be issued are for the edge to issue: only what the operator gives is looked at. */
async function warningsOf(config: EdgeConfig): Promise<string[]> {
  const { tls } = config
  const now = new Date()
  if (tls.mode === 'files') return (await Certificates.load(config, now, () => {})).warningsAt(now)
  if (tls.mode === 'acme') await readSecrets(tls)
  return []
}
