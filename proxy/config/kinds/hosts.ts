import { domainToASCII } from 'node:url'
import type { Address } from '../config.ts'
import type { Kind } from './kind.ts'

const label = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?'
const aLabels = new RegExp(`^(?=.{1,253}$)${label}(?:\\.${label})*$`)

/** A name that clients may ask for, as lower-case A-labels: `Bücher.example` → `xn--bcher-kva.example`. */
export const domain: Kind<string> = {
  name: 'domain name',
  expected: 'a domain name such as www.example.com',
  read: text => {
    // domainToASCII decodes percent signs and stops at delimiters: only what could be a name may reach it.
    if (/[%/:@?#[\]\\\s]/.test(text)) return undefined
    const ascii = domainToASCII(text).toLowerCase().replace(/\.$/, '')
    return aLabels.test(ascii) && !/(^|\.)[\d]+$/.test(ascii) ? ascii : undefined
  },
  why: text => {
    if (text.startsWith('*.')) return 'each name by itself: wildcards are not supported, write www.example.com'
    if (/^https?:/i.test(text)) return 'a name without a scheme: example.com, not https://example.com'
    if (/:\d+$/.test(text)) return 'a name without a port: ports belong in listen'
    if (readIp(text.replace(/^\[(.*)\]$/, '$1')) !== undefined) return 'a name, not an address: TLS picks by name'
    return undefined
  }
}

/** Where an upstream is reached: scheme, host and port. */
export const origin: Kind<string> = {
  name: 'origin',
  expected: 'an origin such as http://127.0.0.1:8000',
  read: text => {
    if (!/^https?:\/\/[^/?#@\s\\%]+$/i.test(text) || /:0*$/.test(text)) return undefined
    return URL.parse(text)?.origin
  },
  why: text => {
    if (/^https?:\/\/[^/]*@/i.test(text)) return 'an origin without a login in it'
    // In nginx, a path after proxy_pass rewrites the request's path. Nothing is rewritten here.
    if (/^https?:\/\/[^/]+[/?#]/i.test(text)) return 'an origin alone, without a path or a slash after it'
    if (text === 'peer') return "an origin: only an upstream as a whole is the other server's, with origin: peer"
    if (/^[\w.-]+(:\d+)?$/.test(text)) return `its scheme as well: http://${text}`
    return undefined
  }
}

/** The same, or the other server. */
export const originOrPeer: Kind<string> = {
  name: 'origin or `peer`',
  expected: 'an origin such as http://127.0.0.1:8000, or peer',
  read: text => (text === 'peer' ? text : origin.read(text)),
  why: text => origin.why?.(text)
}

/** Another machine, and the port there if one was said. */
export interface Host {
  /** IPv6 without brackets. */
  readonly host: string
  readonly port: number | null
}

/** Another machine by its name or address. A port after an IPv6 address needs brackets around that. */
export const hostPort: Kind<Host> = {
  name: 'host',
  expected: 'an address or a name, with a port or without: 203.0.113.7, example.net:7443 or "[2001:db8::7]:7443"',
  read: text => {
    const bare = readIp(text)
    if (bare !== undefined) return { host: bare, port: null }
    const [, v6, name = '', digits] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? []
    const host = v6 === undefined ? (readIp(name) ?? domain.read(name)) : v6.includes(':') ? readIp(v6) : undefined
    const port = digits === undefined ? null : Number(digits)
    const isPort = port === null || (port >= 1 && port <= 65_535)
    return host === undefined || !isPort ? undefined : { host, port }
  },
  why: text => {
    if (/^\w+:\/\//.test(text)) return 'a host without a scheme: the link has a protocol of its own'
    return /\//.test(text) ? 'one host: an address or a name, with nothing after it but a port' : undefined
  }
}

/** Whether this host is the machine itself, whatever its addresses; to connect to 0.0.0.0 or :: leads there as well. */
export function isItself(host: string): boolean {
  return /^(?:127\.|::1?$|0\.0\.0\.0$|localhost$)/.test(host)
}

/** What a listener binds: `443`, `127.0.0.1:443` or `[::1]:443`. A bare port means every address. */
export const address: Kind<Address> = {
  name: 'address',
  expected: 'a port or an address with one: 443, 127.0.0.1:443 or "[::1]:443"',
  read: text => readAddress(text, '::')
}

/** The same, on this machine only: a bare port means 127.0.0.1. */
export const loopback: Kind<Address> = {
  name: 'loopback address',
  expected: 'a port or a loopback address with one: 9100, 127.0.0.1:9100 or "[::1]:9100"',
  read: text => {
    const read = readAddress(text, '127.0.0.1')
    return read !== undefined && /^(127\.|::1$)/.test(read.host) ? read : undefined
  }
}

/** A block of addresses; one address is a block of one. */
export const block: Kind<string> = {
  name: 'CIDR block',
  expected: 'an address or a block such as 10.0.0.0/8 or fd00::/8',
  read: text => {
    const [, host, bits] = /^([^/]+?)(?:\/(\d{1,3}))?$/.exec(text) ?? []
    const ip = host === undefined ? undefined : readIp(host)
    if (ip === undefined || ip.startsWith('::ffff:')) return undefined
    const most = ip.includes(':') ? 128 : 32
    const length = bits === undefined ? most : Number(bits)
    return length >= 1 && length <= most ? `${ip}/${length}` : undefined
  },
  why: text => {
    if (/\/0+$/.test(text)) return 'the addresses of your own proxies: /0 believes the forwarding headers of everybody'
    if (/^::ffff:/i.test(text)) return 'an IPv4 block in its own notation, such as 10.0.0.0/8'
    return undefined
  }
}

function readAddress(text: string, everywhere: string): Address | undefined {
  const [, v6, v4, digits] = /^(?:(?:\[([^\]]+)\]|([\d.]+)):)?(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65_535) return undefined
  const host = v6 ?? v4
  if (host === undefined) return { host: everywhere, port }
  const ip = readIp(host)
  return ip !== undefined && ip.includes(':') === (v6 !== undefined) ? { host: ip, port } : undefined
}

/** The canonical form of an IP address. The URL parser knows IPv6; for IPv4 it is too lenient (`0x7f.1`). */
function readIp(text: string): string | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    return text.split('.').every(part => String(Number(part)) === part && Number(part) < 256) ? text : undefined
  }
  return /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text) ? URL.parse(`http://[${text}]`)?.hostname.slice(1, -1) : undefined
}
