import type { EdgeConfig } from '../../../proxy/config/config.ts'
import type { Fault } from '../../../proxy/config/faults.ts'
import { parseConfig } from '../../../proxy/config/parse.ts'

type Env = Readonly<Record<string, string>>

/** The least that an operator can write: lines 1 to 4. */
export const least = `server: single
domains: [example.com, www.example.com]
upstreams: { web: { origin: "http://127.0.0.1:3000" }, my-api: { origin: "http://127.0.0.1:8000" } }
routes: [{ path: /, upstream: web }, { path: /api/, upstream: my-api }]
`

/** The least, with these lines after it (from line 5) in place of those that they repeat. */
export function written(lines: string): string {
  const replaced = new Set([...lines.matchAll(/^([a-z-]+):/gm)].map(match => match[1]))
  const kept = least.split('\n').map(line => (replaced.has(line.split(':')[0] ?? '') ? '#' : line))
  return kept.join('\n') + lines
}

/** The configuration of a text that must be right. */
export function configOf(text: string, env: Env = {}): EdgeConfig {
  const parsed = parseConfig(text, { file: 'edge.yaml', folder: '/etc/twinedge', env })
  if ('faults' in parsed) throw new Error(JSON.stringify(parsed.faults))
  return parsed.config
}

/** The faults of a text that must be wrong. */
export function faultsOf(text: string, env: Env = {}): readonly Fault[] {
  const parsed = parseConfig(text, { file: 'edge.yaml', folder: '/etc/twinedge', env })
  if ('config' in parsed) throw new Error('no fault was found')
  return parsed.faults
}
