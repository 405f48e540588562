import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeLeaf, makeRoot } from '../../../proxy/tls/local-certificate.ts'
import { type DnsDouble, type DnsWanted, startDns } from './dns.ts'
import { ask, type Owner, type Program, startProgram } from './program.ts'

/** `debian`: 2.4 as Debian 12 has it, without ARI. `new`: 2.10, with ARI and profiles. */
export type PebbleVersion = 'debian' | 'new'

export interface PebbleOptions extends DnsWanted {
  readonly version?: PebbleVersion
  /** Where the authority looks at the domains: freePorts() gives some before there is a listener. */
  readonly httpPort: number
  readonly tlsPort?: number
  /** kid → base64url MAC key; with any, an account without one is refused. */
  readonly eab?: Readonly<Record<string, string>>
  /** name → seconds of validity; `new` only. */
  readonly profiles?: Readonly<Record<string, number>>
  /** Seconds that it asks to wait between two looks at an authorization or an order; 0: it does not ask. */
  readonly retryAfter?: number
  /** Seconds of validity, on `debian`. */
  readonly validity?: number
  readonly blocklist?: readonly string[]
  /** Percent of good nonces that are refused. */
  readonly nonceReject?: number
  /** Percent of valid authorizations that a later order of the same account finds done. */
  readonly reuse?: number
  /** For what no option above is for. */
  readonly env?: Readonly<Record<string, string>>
}

/** A real authority, on loopback unless told otherwise, with DNS of its own: every name is at its own address. */
export interface Pebble extends Omit<DnsDouble, 'address'> {
  readonly directory: string
  /** PEM of the root that the directory's own certificate is signed by, and a file with it. */
  readonly ca: string
  readonly caFile: string
  /** PEM of the root that it issues from. */
  readonly issuingRoot: string
  /** Everything that it has said so far. */
  said(): string
  /** What it answers from now on when asked about this certificate (RFC 9773); `new` only. */
  setRenewalInfo(cert: string, answer: object): Promise<void>
  /** Ends it before the test ends, as an authority that is down; its DNS goes on. */
  stop(): Promise<void>
}

const cacheFolder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'twinedge', 'pebble')

/** Why tests with this version cannot run here, in one line; '' when they can. */
export function pebbleMissing(version: PebbleVersion): string {
  const program = programOf(version)
  const isHere = existsSync(program) && existsSync(`${program}-challtestsrv`)
  if (isHere) return ''
  return version === 'debian' ? `no ${program} here: apt-get install pebble` : `no ${program} here: .ci/run fetches it`
}

/** Starts it with a certificate made for this run, waits until it answers, and ends it with the test. */
export async function startPebble(t: Owner, options: PebbleOptions): Promise<Pebble> {
  const missing = pebbleMissing(options.version ?? 'debian')
  if (missing !== '') throw new Error(missing)
  const { host = '127.0.0.1' } = options
  const folder = await mkdtemp(join(tmpdir(), 'te-pebble-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const root = await makeRoot(new Date())
  const leaf = await makeLeaf(root, ['localhost', ...new Set(['127.0.0.1', host])], new Date())
  const files = { ca: join(folder, 'root.pem'), cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  await writeFile(files.ca, root.cert)
  await writeFile(files.cert, leaf.cert)
  await writeFile(files.key, leaf.key)
  const program = programOf(options.version ?? 'debian')
  const dns = await startDns(t, program, options.version ?? 'debian', options)
  const { running, port, management } = await startAuthority(t, { program, folder, files, dns, options })
  const issuingRoot = await ask(`${management}/roots/0`, { ca: root.cert })
  return {
    setDns: dns.setDns,
    setServfail: dns.setServfail,
    setDefaultAddress: dns.setDefaultAddress,
    directory: `https://${host}:${port}/dir`,
    ca: root.cert,
    caFile: files.ca,
    issuingRoot,
    said: running.said,
    setRenewalInfo: async (Certificate, answer) => {
      const body = JSON.stringify({ Certificate, ARIResponse: JSON.stringify(answer) })
      await ask(`${management}/set-renewal-info/`, { ca: root.cert, body })
    },
    stop: running.stop
  }
}

interface Start {
  readonly program: string
  readonly folder: string
  readonly files: { readonly ca: string; readonly cert: string; readonly key: string }
  readonly dns: DnsDouble
  readonly options: PebbleOptions
}

function startAuthority(
  t: Owner,
  { program, folder, files, dns, options }: Start
): Promise<{ running: Program; port: number; management: string }> {
  return startProgram(t, 2, async ([port, managementPort]) => {
    const config = join(folder, `pebble-${port}.json`)
    await writeFile(config, JSON.stringify(configOf(options, files, [port!, managementPort!])))
    const env = {
      PEBBLE_VA_NOSLEEP: '1',
      PEBBLE_WFE_NONCEREJECT: String(options.nonceReject ?? 15),
      PEBBLE_AUTHZREUSE: String(options.reuse ?? 0),
      ...options.env
    }
    const management = `https://127.0.0.1:${managementPort}`
    const ca = await readFile(files.ca, 'utf8')
    const isReady = async (): Promise<unknown> => {
      await ask(`${management}/roots/0`, { ca })
      return ask(`https://${options.host ?? '127.0.0.1'}:${port}/dir`, { ca })
    }
    const start = { program, args: ['-config', config, '-dnsserver', dns.address], env, isReady }
    return { ...start, result: { port: port!, management } }
  })
}

function configOf(options: PebbleOptions, files: Start['files'], [port, management]: [number, number]): object {
  const { eab = {}, profiles, retryAfter, validity, blocklist = [] } = options
  return {
    pebble: {
      listenAddress: `${options.host ?? '127.0.0.1'}:${port}`,
      managementListenAddress: `127.0.0.1:${management}`,
      certificate: files.cert,
      privateKey: files.key,
      httpPort: options.httpPort,
      tlsPort: options.tlsPort ?? options.httpPort,
      ocspResponderURL: '',
      externalAccountBindingRequired: Object.keys(eab).length > 0,
      externalAccountMACKeys: eab,
      domainBlocklist: blocklist,
      ...(retryAfter === undefined ? {} : { retryAfter: { authz: retryAfter, order: retryAfter } }),
      ...(validity === undefined ? {} : { certificateValidityPeriod: validity }),
      ...(profiles === undefined
        ? {}
        : {
            profiles: Object.fromEntries(
              Object.entries(profiles).map(([name, validityPeriod]) => [name, { description: name, validityPeriod }])
            )
          })
    }
  }
}

function programOf(version: PebbleVersion): string {
  return version === 'debian' ? '/usr/bin/pebble' : process.env.PEBBLE_NEW || join(cacheFolder, 'pebble')
}
