import { Resolver } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import { ask, type Owner, startProgram } from './program.ts'

/** What an authority believes about names. */
export interface DnsDouble {
  /** host:port of the name server. */
  readonly address: string
  /** From now on the name has these addresses, IPv4 or IPv6. */
  setDns(domain: string, addresses: readonly string[]): Promise<void>
  /** From now on the name server fails when asked about it (SERVFAIL). */
  setServfail(domain: string): Promise<void>
  /** What a name that was not set has; '': nothing. */
  setDefaultAddress(address: string): Promise<void>
}

export interface DnsWanted {
  /** Where it listens: 127.0.0.1 unless it is said. */
  readonly host?: string | undefined
  /** 53, for instance, where a resolver can be told of no other; else any that is free. */
  readonly dnsPort?: number | undefined
}

/** Starts pebble-challtestsrv as nothing but a name server; it is the one that came with this pebble. */
export async function startDns(
  t: Owner,
  pebble: string,
  version: 'debian' | 'new',
  { host = '127.0.0.1', dnsPort }: DnsWanted = {}
): Promise<DnsDouble> {
  const { port, management } = await startProgram(t, 2, async ([free, managementPort]) => {
    const port = dnsPort ?? free
    const dns = `${host}:${port}`
    const off = ['-http01', '', '-https01', '', '-tlsalpn01', '', ...(version === 'new' ? ['-doh', ''] : [])]
    const on = [version === 'new' ? '-dnsserver' : '-dns01', dns, '-management', `127.0.0.1:${managementPort}`]
    const management = `http://127.0.0.1:${managementPort}`
    const isReady = async (): Promise<unknown> => {
      // The management answers before the name server listens.
      await ask(`${management}/set-default-ipv6`, { body: '{"ip":""}' })
      const resolver = new Resolver({ timeout: 500, tries: 1 })
      resolver.setServers([dns])
      return resolver.resolve4('ready.test')
    }
    const args = [...off, ...on, '-defaultIPv4', host, '-defaultIPv6', '']
    return { program: `${pebble}-challtestsrv`, args, env: {}, isReady, result: { port: port!, management } }
  })
  const tell = (verb: string, body: object): Promise<string> =>
    ask(`${management}/${verb}`, { body: JSON.stringify(body) })
  return {
    address: `${host}:${port}`,
    setDns: async (host, addresses) => {
      for (const verb of ['clear-a', 'clear-aaaa', 'clear-servfail']) await tell(verb, { host })
      const v6 = addresses.filter(isIPv6)
      const v4 = addresses.filter(address => !isIPv6(address))
      if (v4.length > 0) await tell('add-a', { host, addresses: v4 })
      if (v6.length > 0) await tell('add-aaaa', { host, addresses: v6 })
    },
    setServfail: async host => void (await tell('set-servfail', { host })),
    setDefaultAddress: async ip => void (await tell('set-default-ipv4', { ip }))
  }
}
