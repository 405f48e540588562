import type { Test } from 'tap'
import { docker } from '../../doubles/stack/engine.ts'
import type { Stack } from '../../doubles/stack/stack.ts'

const LISTENS = '0A'

/** Nothing listens on more than loopback, but the edge; and the edge on nothing but its two ports, and that of a link. */
export async function onlyEdgeIsPublic(t: Test, stack: Stack, linkPort?: number): Promise<void> {
  const { out } = await stack.compose('ps', '--services')
  const services = out.trim().split('\n')
  t.ok(services.includes('edge') && services.length > 1)
  for (const service of services.filter(name => name !== 'edge')) {
    const { NetworkSettings, HostConfig } = await stack.inspect(service)
    t.not(HostConfig.NetworkMode, 'host', service)
    const bound = Object.values(NetworkSettings.Ports as Record<string, { HostIp: string }[] | null>).flatMap(
      on => on ?? []
    )
    t.same([...new Set(bound.map(({ HostIp }) => HostIp))], ['127.0.0.1'], `${service}: published on loopback`)
  }
  const own = [stack.httpPort, stack.httpsPort, ...(linkPort === undefined ? [] : [linkPort])]
  t.same(await portsOfEdge(stack), own.sort(), 'the edge has its own')
}

/** In no slot, running or not, and in no other service either. */
export async function nothingElseIsDeclared(t: Test, stack: Stack): Promise<void> {
  const { out } = await stack.compose('--profile', '*', 'config', '--format', 'json')
  const { services } = JSON.parse(out) as {
    services: Record<string, { network_mode?: string; ports?: { host_ip?: string }[] }>
  }
  for (const [service, { network_mode, ports = [] }] of Object.entries(services)) {
    t.equal(network_mode === 'host', service === 'edge', service)
    for (const { host_ip } of ports) t.equal(host_ip, '127.0.0.1', `${service}: ${host_ip}`)
    if (service === 'db') t.same(ports, [], 'the database is not published at all')
  }
}

/** What the edge's processes have open, told from all that listens in the host's network. */
async function portsOfEdge(stack: Stack): Promise<number[]> {
  const script = 'ls -l /proc/[0-9]*/fd; cat /proc/net/tcp /proc/net/tcp6'
  const edge = await stack.container('edge')
  const { out } = await docker(['exec', '--privileged', '--user', '0', edge, 'sh', '-c', script])
  const own = new Set([...out.matchAll(/socket:\[(\d+)\]/g)].map(([, inode]) => inode))
  const rows = out.split('\n').map(line => line.trim().split(/\s+/))
  const ours = rows.filter(row => row[3] === LISTENS && own.has(row[9] ?? ''))
  return [...new Set(ours.map(row => Number.parseInt(row[1]?.split(':')[1] ?? '', 16)))].sort()
}
