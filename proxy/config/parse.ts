import { resolve } from 'node:path'
import { disagreements } from './agreement/agreement.ts'
import { peerOf } from './agreement/link.ts'
import type {
  AcmeConfig,
  AssetsConfig,
  EdgeConfig,
  HealthConfig,
  HstsConfig,
  LimitsConfig,
  LinkConfig,
  RouteConfig,
  TlsConfig,
  UpstreamConfig
} from './config.ts'
import type { Fault } from './faults.ts'
import type { FieldPath, ValueOf } from './fields.ts'
import { Settings } from './settings.ts'
import { readDocument } from './source/document.ts'
import { override } from './source/environment.ts'
import { isNothing } from './source/tree.ts'

/** Where a configuration comes from. */
export interface Source {
  /** As the operator named it; shown in faults. */
  readonly file: string
  /** Absolute; what the paths in the file are relative to. */
  readonly folder: string
  readonly env: Readonly<Record<string, string | undefined>>
}

export type Parsed = { readonly config: EdgeConfig } | { readonly faults: readonly Fault[] }

type Read = <P extends FieldPath>(row: P, ...steps: (string | number)[]) => ValueOf<P>

/** The kernel's limit for the path of a unix socket, without the zero at its end. */
const longestSocketPath = 107

/** Reads a configuration whole, or says everything that is wrong with it. Opens no file and never throws. */
export function parseConfig(text: string, source: Source): Parsed {
  const { tree, faults } = readDocument(text)
  if (tree === undefined) return { faults }
  if (tree.type !== 'map') {
    const found = isNothing(tree) ? 'nothing' : tree.type === 'list' ? 'a list' : 'a text'
    return { faults: [...faults, { path: '', ...tree.place, found, expected: 'settings, such as server: frontend' }] }
  }
  faults.push(...override(tree, source.env))
  const settings = new Settings(tree)
  faults.push(...settings.faults)
  // A part that could not be read is not also missing, or at odds with another.
  const blamed = new Set(faults.map(fault => fault.path))
  faults.push(...disagreements(settings).filter(fault => !blamed.has(fault.path)))
  if (faults.length > 0) return { faults }
  const config = build(settings, source.folder)
  if (Buffer.byteLength(config.control.socket) <= longestSocketPath) return { config }
  const found = `a path of ${Buffer.byteLength(config.control.socket)} bytes`
  const socketFrom = settings.has('control.socket') ? 'control.socket' : 'state'
  const expected = `at most ${longestSocketPath}: set control.socket, or a shorter state`
  return { faults: [{ path: 'control.socket', ...settings.place(socketFrom), found, expected }] }
}

function build(settings: Settings, folder: string): EdgeConfig {
  // Without faults every setting has a value: Settings has filled in the defaults.
  const read: Read = (row, ...steps) => settings.get(row, ...steps)!
  const stateFolder = resolve(folder, read('state'))
  const socket = read('control.socket')
  return {
    server: read('server'),
    domains: read('domains'),
    listen: { http: read('listen.http'), https: read('listen.https') },
    tls: buildTls(settings, read, folder),
    peerThumbprint: read('tls.peer-thumbprint'),
    hsts: settings.has('hsts') ? buildHsts(read) : null,
    upstreams: new Map(settings.keys('upstreams').map(name => [name, buildUpstream(settings, read, name)])),
    routes: settings.keys('routes').map(index => buildRoute(read, index)),
    assets: settings.has('assets') ? buildAssets(read) : null,
    trustedProxies: read('trusted-proxies'),
    link: settings.has('link') ? buildLink(read) : null,
    limits: buildLimits(read),
    log: { level: read('log.level') },
    control: {
      socket: socket === null ? resolve(stateFolder, 'control.sock') : resolve(folder, socket),
      listen: read('control.listen')
    },
    stateFolder,
    graceMs: read('grace')
  }
}

function buildTls(settings: Settings, read: Read, folder: string): TlsConfig {
  const mode = read('tls.mode')
  if (mode === 'local') return { mode }
  if (mode === 'acme') return buildAcme(settings, read, folder)
  const certificates = settings.keys('tls.certificates').map(index => ({
    domains: read('tls.certificates[].domains', index),
    cert: resolve(folder, read('tls.certificates[].cert', index)),
    key: resolve(folder, read('tls.certificates[].key', index))
  }))
  return { mode, certificates }
}

function buildAcme(settings: Settings, read: Read, folder: string): AcmeConfig {
  const directoryCa = read('tls.directory-ca')
  const hasEab = settings.has('tls.eab')
  return {
    mode: 'acme',
    email: read('tls.email'),
    directory: read('tls.directory'),
    directoryCa: directoryCa === null ? null : resolve(folder, directoryCa),
    profile: read('tls.profile'),
    grouping: read('tls.grouping'),
    keyType: read('tls.key-type'),
    challenges: read('tls.challenges'),
    eab: hasEab ? { kid: read('tls.eab.kid'), keyFile: resolve(folder, read('tls.eab.key')) } : null
  }
}

function buildHsts(read: Read): HstsConfig {
  return {
    maxAgeMs: read('hsts.max-age'),
    subdomains: read('hsts.subdomains'),
    preload: read('hsts.preload')
  }
}

function buildUpstream(settings: Settings, read: Read, name: string): UpstreamConfig {
  const origin = read('upstreams.*.origin', name)
  const slots = settings.keys(`upstreams.${name}.slots`)
  const pairs = slots.map(slot => [slot, read('upstreams.*.slots.*', name, slot) ?? ''] as const)
  return {
    name,
    slots: new Map(origin === null ? pairs : [[origin === 'peer' ? 'peer' : 'only', origin]]),
    hasElse: read('upstreams.*.else', name) !== null,
    // The other server probes what it runs: a file's health of what a variable has made a peer's is not ours to use.
    health: origin !== 'peer' && settings.has(`upstreams.${name}.health`) ? buildHealth(read, name) : null,
    keepAliveMs: read('upstreams.*.keep-alive', name),
    connectMs: read('upstreams.*.connect-timeout', name),
    connections: read('upstreams.*.connections', name)
  }
}

function buildHealth(read: Read, name: string): HealthConfig {
  return {
    path: read('upstreams.*.health.path', name),
    status: read('upstreams.*.health.status', name),
    body: read('upstreams.*.health.body', name),
    everyMs: read('upstreams.*.health.every', name),
    timeoutMs: read('upstreams.*.health.timeout', name),
    fails: read('upstreams.*.health.fails', name)
  }
}

function buildRoute(read: Read, index: string): RouteConfig {
  return {
    host: read('routes[].host', index),
    path: read('routes[].path', index),
    upstream: read('routes[].upstream', index),
    stream: read('routes[].stream', index),
    idleMs: read('routes[].idle', index),
    bodyLimitBytes: read('routes[].body', index),
    learn: read('routes[].learn', index),
    owner: read('routes[].owner', index)
  }
}

function buildAssets(read: Read): AssetsConfig {
  return {
    upstream: read('assets.upstream'),
    path: read('assets.path'),
    keepMs: read('assets.keep'),
    bytes: read('assets.size')
  }
}

function buildLink(read: Read): LinkConfig {
  return { listen: read('link.listen'), peer: peerOf(read('link.peer'), read('link.listen')), from: read('link.from') }
}

function buildLimits(read: Read): LimitsConfig {
  return {
    connections: read('limits.connections'),
    connectionsPerAddress: read('limits.connections-per-address'),
    streams: read('limits.streams'),
    headBytes: read('limits.head'),
    headMs: read('limits.head-timeout'),
    bodyBytesPerSecond: read('limits.body-rate'),
    keepAliveMs: read('limits.keep-alive'),
    sendMs: read('limits.send-timeout'),
    requestsPerSecond: read('limits.requests-per-second')
  }
}
