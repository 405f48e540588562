import { isIPv4, isIPv6 } from 'node:net'
import { nearest } from '../../proxy/config/faults.ts'
import { count } from '../../proxy/config/kinds/amounts.ts'
import { block } from '../../proxy/config/kinds/hosts.ts'
import type { Kind } from '../../proxy/config/kinds/kind.ts'

/** Values that only Compose and the containers read; those that the edge reads as well have their kinds in proxy/config. */

export const port: Kind<number> = { ...count({ min: 1, max: 65_535 }), name: 'port' }

const unitBytes = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 } as const
/** The engine refuses a container with less. */
const leastBytes = 6 * unitBytes.m

/** `256m`, `1.5g`: as Compose reads it, in bytes. */
export const memory: Kind<number> = {
  name: 'memory',
  expected: 'a size such as 256m or 1g, 6m at least',
  read: text => {
    const [, digits, unit = ''] = /^(\d+(?:\.\d+)?) ?([kmgt])?i?b?$/i.exec(text) ?? []
    const bytes = Number(digits) * (unitBytes[unit.toLowerCase() as keyof typeof unitBytes] ?? 1)
    return bytes >= leastBytes ? bytes : undefined
  },
  why: text => (/^\d+$/.test(text) ? `its unit as well: ${text}m (a bare number is bytes)` : undefined)
}

/** Where a container's port is published for the other server: never for everybody. */
export const privateAddress: Kind<string> = {
  name: 'private address',
  expected: 'an IP address of this server, such as 127.0.0.1 or 10.0.0.5 (IPv6: [fd00::5])',
  read: text => (isPrivate(text) ? text : undefined),
  why: text => {
    if (isIPv6(text)) return `brackets around it: [${text}]`
    const isAddress = isIPv4(text) || isIPv6(text.replace(/^\[(.*)\]$/, '$1'))
    return isAddress ? 'a private one: ports that Docker publishes are reached past the firewall' : undefined
  }
}

const privateV4 = /^(?:127|10|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./

function isPrivate(text: string): boolean {
  if (isIPv4(text)) return privateV4.test(text)
  const v6 = /^\[(.*)\]$/.exec(text)?.[1] ?? ''
  return isIPv6(v6) && /^(?:::1$|f[cd]..:)/i.test(v6)
}

/** `[a, b]` or `a`, as the edge reads it. */
export const blocks: Kind<readonly string[]> = {
  name: 'CIDR blocks',
  expected: `${block.expected}; several as [a, b]`,
  read: text => {
    const all = listIn(text).map(one => block.read(one))
    return all.includes(undefined) ? undefined : (all as string[])
  },
  why: text => listIn(text).flatMap(one => (block.read(one) === undefined ? (block.why?.(one) ?? []) : []))[0]
}

function listIn(text: string): string[] {
  const written = /^\[(.*)\]$/.exec(text)?.[1] ?? text
  return written.split(',').map(one => one.trim())
}

/** A flag as the app reads it. */
export const flag: Kind<boolean> = {
  name: 'true or false',
  expected: 'true or false',
  read: text => (/^(?:true|1|yes|on)$/i.test(text) ? true : /^(?:false|0|no|off)$/i.test(text) ? false : undefined)
}

export const projectName: Kind<string> = {
  name: 'project name',
  expected: 'lower-case letters, digits, - and _, such as twinedge-2',
  read: text => (/^[a-z0-9][a-z0-9_-]*$/.test(text) ? text : undefined)
}

/** Several of a short list, with commas between. */
export function someOf(options: readonly string[]): Kind<readonly string[]> {
  const strangerIn = (text: string): string | undefined => text.split(',').find(one => !options.includes(one))
  const expected = `some of ${options.join(', ')}, with commas alone between them`
  return {
    name: 'choices',
    expected,
    read: text => (strangerIn(text) === undefined ? text.split(',') : undefined),
    why: text => {
      const near = nearest(strangerIn(text) ?? '', options)
      return near === undefined ? undefined : `${expected}; probably ${near}`
    }
  }
}
