import { networkInterfaces } from 'node:os'
import { startDemoApi } from './api.ts'
import { startDemoWeb } from './web.ts'

/** What `npm start` runs on when nobody gave it a file. */
export interface Demo {
  /** As an operator would write it. */
  readonly yaml: string
  close(): Promise<void>
}

/** @param stateFolder local CA and control socket */
export async function startDemo(stateFolder: string): Promise<Demo> {
  const [api, web] = await Promise.all([startDemoApi(), startDemoWeb()])
  const yaml = `
server: single
domains: [localhost]
listen: { http: ${loopback(8080)}, https: ${loopback(8443)} }
tls: { mode: local }
upstreams:
  web: { origin: "${web.origin}", health: { path: /login } }
  api: { origin: "${api.origin}", health: { path: /api/v1/health, body: '"status":"ok"' } }
routes:
  - { path: /api/v1/chat/, upstream: api, stream: true, idle: 600s }
  - { path: /api/, upstream: api, idle: 300s, body: 100m }
  - { path: /, upstream: web }
state: ${JSON.stringify(stateFolder)}
grace: 2s
`
  return { yaml, close: async () => void (await Promise.all([api.close(), web.close()])) }
}

/** Loopback only: the demo API answers anybody. Not every machine has IPv6. */
function loopback(port: number): string {
  const hasV6 = Object.values(networkInterfaces()).some(addresses =>
    addresses?.some(({ address }) => address === '::1')
  )
  return hasV6 ? `["127.0.0.1:${port}", "[::1]:${port}"]` : `"127.0.0.1:${port}"`
}
