import { parseArgs } from 'node:util'
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
  // The local authority would issue certificates into the state folder: that is for the edge to do.
  const isLocal = config.tls.mode === 'local'
  const warnings = isLocal ? [] : (await Certificates.load(config, new Date(), () => {})).warnings
  const { domains, upstreams, routes } = config
  return { domains: domains.length, upstreams: upstreams.size, routes: routes.length, warnings }
}
