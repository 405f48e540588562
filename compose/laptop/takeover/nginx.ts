/** What an nginx serves, as far as somebody who takes its place must know. */
export interface NginxServes {
  readonly names: readonly string[]
  /** Each pair of files once. */
  readonly certificates: readonly CertificatePair[]
  /** Each that it listens on, once. */
  readonly ports: readonly number[]
}

export interface CertificatePair {
  /** Absolute. */
  readonly cert: string
  readonly key: string
  /** What the servers that show it are for, as it is written: `a.cn`, `*.a.cn`, `~^a`, `_`. */
  readonly names: readonly string[]
}

interface Directive {
  readonly words: readonly string[]
  /** null: it has no block. */
  readonly block: readonly Directive[] | null
}

/** @param text of `nginx -T`: every file that it reads, one after the other */
export function readNginx(text: string): NginxServes {
  const servers = serversOf(parseBlock(tokensOf(text).values()), {})
  const names = servers.flatMap(({ names }) => names).filter(isName)
  const pairs = servers.flatMap(({ cert, key, names }) =>
    cert && key && !`${cert}${key}`.includes('$') ? [{ cert, key, names }] : []
  )
  const same = Map.groupBy(pairs, ({ cert, key }) => `${cert}\n${key}`).values()
  const certificates = [...same].map(all => ({ ...all[0]!, names: [...new Set(all.flatMap(one => one.names))] }))
  return { names: [...new Set(names)], certificates, ports: [...new Set(servers.flatMap(({ ports }) => ports))] }
}

/** Whether it may be shown for a domain; of a server for whatever comes, and of a pattern, nobody knows before. */
export function isFor({ names }: CertificatePair, domain: string): boolean {
  return names.every(name => /^_?$/.test(name)) || names.some(name => stands(name.toLowerCase(), domain))
}

function stands(name: string, domain: string): boolean {
  if (name.startsWith('~')) return true
  if (name.endsWith('.*')) return domain.startsWith(name.slice(0, -1))
  const [, below] = /^\*?(\..+)$/.exec(name) ?? []
  return name === domain || name === `.${domain}` || (below !== undefined && domain.endsWith(below))
}

function tokensOf(text: string): string[] {
  const found = text.matchAll(
    /#[^\n]*|"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([{};])|((?:\\.|\$\{[^}]*\}|[^\s{};"'#])(?:\\.|\$\{[^}]*\}|[^\s{};])*)/g
  )
  return [...found].flatMap(([, double, single, mark, word]) => double ?? single ?? mark ?? word ?? [])
}

/** Takes from `tokens` up to the end of the block; lists of addresses may have a million of them. */
function parseBlock(tokens: Iterator<string, undefined>): Directive[] {
  const directives: Directive[] = []
  let words: string[] = []
  const next = (): string | undefined => tokens.next().value
  for (let token = next(); token !== undefined && token !== '}'; token = next()) {
    if (token !== ';' && token !== '{') words.push(token)
    else {
      directives.push({ words, block: token === '{' ? parseBlock(tokens) : null })
      words = []
    }
  }
  return directives
}

interface Server {
  readonly names: readonly string[]
  readonly ports: readonly number[]
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/** What stands around a server holds for it, too. */
function serversOf(block: readonly Directive[], outer: Pick<Server, 'cert' | 'key'>): Server[] {
  const last = (name: string): string | undefined => block.findLast(({ words }) => words[0] === name)?.words[1]
  const cert = pathOf(last('ssl_certificate')) ?? outer.cert
  const key = pathOf(last('ssl_certificate_key')) ?? outer.key
  return block.flatMap(({ words: [name], block: inner }) => {
    if (inner === null) return []
    if (name !== 'server') return serversOf(inner, { cert, key })
    const every = (what: string): string[][] =>
      inner.flatMap(({ words: [own, ...rest] }) => (own === what ? [rest] : []))
    const names = every('server_name').flat()
    const listens = every('listen').flatMap(([address = '']) => portOf(address))
    const ports = every('listen').length === 0 ? [usualPort] : listens
    const find = (what: string): string | undefined => pathOf(every(what)[0]?.[0])
    return [{ names, ports, cert: find('ssl_certificate') ?? cert, key: find('ssl_certificate_key') ?? key }]
  })
}

/** `443`, `[::]:443`, `10.0.0.1`; none of a socket's path. */
function portOf(address: string): number[] {
  if (address.startsWith('unix:')) return []
  return [Number(/(?:^|:)(\d+)$/.exec(address)?.[1] ?? usualPort)]
}

const usualPort = 80

/** Relative ones are so to where its configuration lies. */
function pathOf(text: string | undefined): string | undefined {
  if (text === undefined || text.startsWith('data:') || text.startsWith('engine:')) return undefined
  return text.startsWith('/') ? text : `/etc/nginx/${text}`
}

/** Not `_`, a pattern, or the empty name. */
function isName(name: string): boolean {
  return /^[a-z0-9][a-z0-9.-]*\.[a-z0-9-]+$/i.test(name)
}
