import { goodTtl, longestTtl } from '../dns/findings.ts'
import type { Evidence, NameEvidence, ServerEvidence } from '../doctor/evidence.ts'
import type { ServerCheck, SiteCheck, Told } from '../doctor/finding.ts'

const failing = 500
/** What the manual had opened for nginx on the other side, and what nobody but this machine should reach. */
const oldPorts = [3000, 8000]

export const doorChecks: readonly ServerCheck[] = [
  {
    id: 'port-closed',
    about: 'HTTP and HTTPS are reached from here',
    severity: 'fault',
    look: one => {
      const { httpPort, httpsPort, ports } = one.outside
      const shut = ports.filter(({ port, is }) => (port === httpPort || port === httpsPort) && is !== 'open')
      return shut.map(({ port, is }) => {
        const listens = one.facts?.listening.some(each => each.protocol === 'tcp' && each.port === port)
        const firewall = doorOf(one, `${port}/tcp to everybody`)
        return {
          what: `port ${port} of ${one.plan.address} is not reached from here`,
          seen: `${is === 'silent' ? 'no answer within 3 s' : 'refused'}; on the server ${listens ? 'something listens there' : 'nothing listens there'}`,
          mend: listens === false ? startOf(one) : firewall
        }
      })
    }
  },
  {
    id: 'port-open',
    about: '3000 and 8000 are closed to the world',
    severity: 'fault',
    look: one => {
      const open = one.outside.ports.filter(({ port, is }) => oldPorts.includes(port) && is === 'open')
      return open.map(({ port }) => ({
        what: `port ${port} is open to the world: whoever comes that way is not encrypted, and passes the edge by`,
        seen: `a connection from here to ${one.plan.address}:${port}`,
        mend: publishedBy(one, port) ?? doorOf(one, `${port}/tcp to nobody`)
      }))
    }
  },
  {
    id: 'link-port-open',
    about: 'the port of the link is closed to strangers',
    severity: 'warning',
    look: one => {
      const { linkPort, ports } = one.outside
      const seen = ports.find(({ port }) => port === linkPort)
      if (seen === undefined) return null
      if (seen.is !== 'open') return []
      return [
        {
          what: `port ${linkPort}, of the link, is open to strangers (who get no further without its key)`,
          seen: `a connection from here to ${one.plan.address}:${linkPort}`,
          mend: doorOf(one, `${linkPort}/tcp to the other server alone`)
        }
      ]
    }
  },
  {
    id: 'page-fails',
    about: 'the pages that deploy.yaml verifies answer',
    severity: 'fault',
    look: one => {
      const { pages } = one.outside
      if (pages.length === 0) return null
      const bad = pages.filter(({ status }) => status === null || status >= failing)
      return bad.map(({ path, status, said }) => ({
        what: `${path} ${status === null ? 'is not answered' : `is a ${status}`} at ${one.plan.address}`,
        seen: `asked from here${said === '' ? '' : `: ${said}`}`,
        mend: `see the other findings, or: twinedge logs edge --server ${one.plan.name} --since 10m`
      }))
    }
  }
]

/** What no firewall there closes. */
function publishedBy({ facts }: ServerEvidence, port: number): string | null {
  const found = facts?.published.find(one => one.port === port)
  if (found === undefined) return null
  return `Docker lets it in past every firewall there: publish it to that machine alone (-p 127.0.0.1:${port}:…), or stop it: container ${found.container}`
}

/** Whatever decides there; the provider's own firewall is seen by nobody. */
function doorOf({ facts, plan }: ServerEvidence, who: string): string {
  const { kind = null, idle = [] } = facts?.firewall ?? {}
  const off = idle.find(name => name !== 'nft')
  if (kind === 'iptables') return `by hand, in iptables there and at the provider: ${who}`
  if (kind === 'none' && off === undefined) return `at the provider: ${who} (the server has no firewall of its own)`
  const how = kind === 'none' ? ` --enable-firewall (${off} is off there)` : ''
  return `twinedge bootstrap ${plan.name}${how}; and at the provider: ${who}`
}

export const nameChecks: readonly SiteCheck[] = [
  {
    id: 'dns-elsewhere',
    about: 'every domain leads to one of the servers',
    severity: 'fault',
    look: all =>
      each(all, ({ domain, addresses }, own) => {
        const strange = addresses.filter(address => !own.includes(address))
        const mend = `at your DNS provider: ${domain} A ${entryOf(all)}; then: twinedge dns check`
        if (addresses.length === 0) return { what: `${domain} leads nowhere`, seen: 'DNS: no A, no AAAA', mend }
        if (strange.length === 0) return null
        const isPart = strange.length < addresses.length
        const what = isPart
          ? `some of those who ask for ${domain} are sent elsewhere`
          : `${domain} leads to neither of the servers`
        return { what, seen: `DNS: ${strange.join(', ')}; ours: ${own.join(', ')}`, mend }
      })
  },
  {
    id: 'dns-both',
    about: 'every domain leads to one server alone',
    severity: 'warning',
    look: all =>
      each(all, ({ domain, addresses }, own) => {
        const ours = own.filter(address => addresses.includes(address))
        if (ours.length < 2) return null
        const what = `${domain} leads to both servers: half of the users come by the standby`
        return {
          what,
          seen: `DNS: ${ours.join(', ')}`,
          mend: 'leave one of them at your DNS provider; twinedge dns check'
        }
      })
  },
  {
    id: 'dns-ttl',
    about: `DNS is forgotten within ${longestTtl} s`,
    severity: 'warning',
    look: all =>
      each(all, ({ domain, ttl }) => {
        if (ttl === null || ttl <= longestTtl) return null
        const what = `a switch of ${domain} to the other server would take ${ttl} s to be heard of by everybody`
        const mend = `a TTL of ${goodTtl} s at your DNS provider, long before a switch; twinedge dns check`
        return { what, seen: `DNS: a TTL of ${ttl} s`, mend }
      })
  },
  {
    id: 'dns-silent',
    about: 'the resolver of this machine answers',
    severity: 'warning',
    look: ({ names }) => {
      if (names.length === 0) return null
      const failed = names.filter(({ failure }) => failure !== null)
      return failed.map(({ domain, failure }) => ({
        what: `nobody here says where ${domain} leads`,
        seen: `DNS: ${failure}`,
        mend: 'look at the resolver of this machine; twinedge dns check'
      }))
    }
  }
]

type One = (name: NameEvidence, own: readonly string[]) => Told | null

/** Of a site that is tried out under names that no DNS knows there is nothing to tell. */
function each({ names, site }: Evidence, one: One): Told[] | null {
  const told = names.filter(({ domain, failure }) => failure === null && !/(?:^|\.)(?:localhost|test)$/i.test(domain))
  if (told.length === 0) return null
  const own = site.servers.map(({ address }) => address)
  return told.flatMap(name => one(name, own) ?? [])
}

/** Where DNS should lead: the frontend, or the only one. */
function entryOf({ site }: Evidence): string {
  return site.servers[0]!.address
}

/** Without its tool, nothing is restarted there. */
function startOf({ toolFailure, plan }: ServerEvidence): string {
  const isSetUp = !toolFailure?.code.startsWith('SERVER_TOOL_')
  return isSetUp ? `twinedge restart edge --server ${plan.name}` : `twinedge bootstrap ${plan.name}`
}
