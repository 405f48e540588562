import { memoryAvailable, memoryTotal } from '../../stack/memory.ts'
import type { Answers } from './answers.ts'
import {
  type Disk,
  type Facts,
  type FormerFacts,
  isLocal,
  type Listening,
  type NginxFacts,
  type Published
} from './facts.ts'

export function parseMemory(meminfo: string): Facts['memory'] {
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0) * 1_024
  return {
    total: memoryTotal(meminfo),
    available: memoryAvailable(meminfo),
    swapTotal: bytes('SwapTotal'),
    swapFree: bytes('SwapFree')
  }
}

/** @param text the path, and the last lines of `df -Pk` and `df -Pi` */
export function parseDisk(text: string): Disk {
  const [path = '', blocks = '', inodes = ''] = text.split('\n')
  const [, total, , free, , mount = ''] = blocks.trim().split(/\s+/)
  const [, all, used] = inodes.trim().split(/\s+/)
  return {
    path,
    mount,
    total: Number(total) * 1_024,
    free: Number(free) * 1_024,
    // btrfs has no number of them.
    inodesUsed: Number(all) > 0 ? Number(used) / Number(all) : 0
  }
}

export function parseListening(answers: Answers): Listening[] {
  if (answers.has('listening')) return answers.lines('listening').flatMap(parseSocket)
  return answers.lines('sockets').flatMap(parseKernelSocket)
}

/** @param line of `ss -Hltunp` */
function parseSocket(line: string): Listening[] {
  const [protocol, , , , local = '', , ...rest] = line.trim().split(/\s+/)
  const [, address = '', port] = /^(.*):(\d+)$/.exec(local) ?? []
  if ((protocol !== 'tcp' && protocol !== 'udp') || port === undefined) return []
  const [, program = null, pid] = /\(\("([^"]+)",pid=(\d+)/.exec(rest.join(' ')) ?? []
  const plain = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
  return [{ protocol, address: plain, port: Number(port), program, pid: pid === undefined ? null : Number(pid) }]
}

const listenState = '0A'

/** @param line of /proc/net/tcp */
function parseKernelSocket(line: string): Listening[] {
  const [, local = '', , state] = line.trim().split(/\s+/)
  const [host = '', port = ''] = local.split(':')
  if (state !== listenState) return []
  const isLocal = host === '0100007F' || host === '00000000000000000000000001000000'
  const address = isLocal ? '127.0.0.1' : '*'
  return [{ protocol: 'tcp', address, port: Number.parseInt(port, 16), program: null, pid: null }]
}

/** @param line of `docker ps`: `api	0.0.0.0:8000->8000/tcp, [::]:8000->8000/tcp, 127.0.0.1:81-82->81-82/tcp, 5432/tcp` */
export function parsePublished(line: string): Published[] {
  const [container = '', ports = ''] = line.split('\t')
  const found = ports.split(', ').flatMap(text => {
    const [, address = '', first, last = first] = /^(.*):(\d+)(?:-(\d+))?->[\d-]+\/tcp$/.exec(text) ?? []
    if (first === undefined || isLocal(address.replace(/^\[|\]$/g, ''))) return []
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index)
  })
  return [...new Set(found)].map(port => ({ container, port }))
}

/** @param lines of `ip -o addr show scope global`; the bridges of Docker are nobody's way in */
export function parseAddresses(lines: readonly string[]): string[] {
  return lines.flatMap(line => {
    const [, device = '', address] = /^\d+: (\S+)\s+inet6? ([^/\s]+)/.exec(line) ?? []
    return address === undefined || /^(?:docker|br-|veth)/.test(device) ? [] : [address]
  })
}

export function parseNginx(answers: Answers): NginxFacts | null {
  const version = /nginx\/([\w.]+)/.exec(answers.text('nginx'))?.[1]
  if (version === undefined) return null
  return {
    version,
    isActive: answers.text('nginxruns') === 'active',
    isEnabled: answers.text('nginxstarts') === 'enabled'
  }
}

/** What stands behind a program and its script may be a secret. */
const tellingWords = 2

export function parseFormer(answers: Answers): FormerFacts {
  const firstWords = (line: string, count: number): string => line.trim().split(/\s+/).slice(0, count).join(' ')
  return {
    pm2: answers.lines('pm2').map(line => firstWords(line, tellingWords)),
    certbot: answers.lines('certbot').map(line => firstWords(line, 1))
  }
}
