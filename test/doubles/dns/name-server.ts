import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'

const types = { A: 1, NS: 2, CNAME: 5, AAAA: 28, CAA: 257 } as const
export type RecordType = keyof typeof types
const codes = { good: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const

/** A name server on this machine, over real UDP: what it says is what was set last. */
export interface NameServerDouble {
  /** `address:port` */
  readonly place: string
  /** In place of what stood there; CAA as `issue letsencrypt.org`. No values: there is no such record. */
  set(name: string, type: RecordType, values: readonly string[], ttl?: number): void
  /** What it says instead of anything; `silent`: nothing at all. */
  fail(how: Exclude<keyof typeof codes, 'good'> | 'silent' | null): void
  /** How often it was asked for that. */
  asked(name: string, type: RecordType): number
}

interface Owner {
  teardown(stop: () => unknown): void
}

interface Entry {
  readonly values: readonly string[]
  readonly ttl: number
}

export async function startNameServer(t: Owner, address = '127.0.0.1', port = 0): Promise<NameServerDouble> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  const entries = new Map<string, Entry>()
  const counts = new Map<string, number>()
  let failing: Parameters<NameServerDouble['fail']>[0] = null
  socket.on('message', (query, { port, address }: RemoteInfo) => {
    const { name, type, end } = questionOf(query)
    const key = `${name} ${type}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
    if (failing === 'silent') return
    const question = query.subarray(12, end)
    const code = failing ?? (namesIn(entries).has(name) ? 'good' : 'NXDOMAIN')
    const answers = code === 'good' ? answersTo(entries, name, type) : []
    const flags = 0x8400 | codes[code] // an answer, of one who has the records
    const head = Buffer.alloc(12)
    query.copy(head, 0, 0, 2)
    for (const [at, value] of [flags, 1, answers.length, 0, 0].entries()) head.writeUInt16BE(value, 2 + 2 * at)
    socket.send(Buffer.concat([head, question, ...answers]), port, address)
  })
  socket.bind(port, address)
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return {
    place: `${address.includes(':') ? `[${address}]` : address}:${socket.address().port}`,
    set: (name, type, values, ttl = 60) => void entries.set(`${name} ${types[type]}`, { values, ttl }),
    fail: how => {
      failing = how
    },
    asked: (name, type) => counts.get(`${name} ${types[type]}`) ?? 0
  }
}

function namesIn(entries: ReadonlyMap<string, Entry>): Set<string> {
  return new Set([...entries.keys()].map(key => key.split(' ')[0]!))
}

/** An alias is followed as far as its names are known here, as a server does that has the whole zone. */
function answersTo(entries: ReadonlyMap<string, Entry>, name: string, type: number): Buffer[] {
  const alias = entries.get(`${name} ${types.CNAME}`)
  if (alias?.values[0] !== undefined && type !== types.CNAME) {
    return [recordOf(name, types.CNAME, alias.values[0], alias.ttl), ...answersTo(entries, alias.values[0], type)]
  }
  const { values, ttl } = entries.get(`${name} ${type}`) ?? { values: [], ttl: 0 }
  return values.map(value => recordOf(name, type, value, ttl))
}

function recordOf(name: string, type: number, value: string, ttl: number): Buffer {
  const data = dataOf(type, value)
  const head = Buffer.alloc(10)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(1, 2)
  head.writeUInt32BE(ttl, 4)
  head.writeUInt16BE(data.length, 8)
  return Buffer.concat([nameOf(name), head, data])
}

function dataOf(type: number, value: string): Buffer {
  if (type === types.A) return Buffer.from(value.split('.').map(Number))
  if (type === types.AAAA) return Buffer.from(expand(value), 'hex')
  if (type !== types.CAA) return nameOf(value)
  const [tag = '', ...rest] = value.split(' ')
  return Buffer.concat([Buffer.from([0, tag.length]), Buffer.from(tag + rest.join(' '))])
}

function expand(address: string): string {
  const [left = '', right] = address.split('::')
  const groups = (text = ''): string[] => text.split(':').filter(Boolean)
  const hidden = right === undefined ? 0 : 8 - groups(left).length - groups(right).length
  return [...groups(left), ...Array<string>(hidden).fill('0'), ...groups(right)]
    .map(one => one.padStart(4, '0'))
    .join('')
}

function nameOf(name: string): Buffer {
  const labels = name.split('.').filter(Boolean)
  return Buffer.concat([...labels.map(label => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.from([0])])
}

/** @returns also where the question ends, so that it can be repeated without what stands behind it (EDNS) */
function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(
      query
        .subarray(at + 1, at + 1 + length)
        .toString()
        .toLowerCase()
    )
    at += 1 + length
  }
  return { name: labels.join('.'), type: query.readUInt16BE(at + 1), end: at + 5 }
}
