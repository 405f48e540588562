import type { ServerName } from '../plan/site.ts'

/** A value, and where it was found: for whoever has to agree. */
export interface Found<T> {
  readonly value: T
  /** `.env.deploy`, `--domain`, `next.config.ts in ../app/web`. */
  readonly from: string
}

/** A site as far as it is known; null: it is not. */
export interface Draft {
  readonly domains: Found<readonly string[]> | null
  /** Where the authority may write to; nobody needs one. */
  readonly email: Found<string> | null
  readonly servers: Readonly<Partial<Record<ServerName, ServerDraft>>>
  /** Absolute folders of the apps. */
  readonly web: Found<string> | null
  readonly api: Found<string> | null
  readonly apiArgs: readonly string[]
  readonly hooks: { readonly before: string | null; readonly after: string | null }
}

export interface ServerDraft {
  readonly ssh: Found<string>
  /** null: ssh's host is a name that leads nowhere from here. */
  readonly address: Found<string> | null
  /** Absolute path of a private key, where ssh's own configuration names none. */
  readonly key: string | null
}

/** A draft with nothing missing. */
export interface WholeDraft extends Draft {
  readonly name: string
  readonly domains: Found<readonly string[]>
  readonly web: Found<string>
  readonly api: Found<string>
}

/** What nobody but the operator can say. */
export interface Missing {
  readonly what: string
  readonly option: string
}

/** All of it at once; none: the draft is whole. */
export function missingIn({ domains, servers, web, api }: Draft): Missing[] {
  return [
    ...(domains === null ? [{ what: 'the names that are served', option: '--domain example.com' }] : []),
    ...missingServers(servers),
    ...(web === null ? [{ what: 'the folder of the web app (next.config.*)', option: '--web FOLDER' }] : []),
    ...(api === null
      ? [{ what: 'the folder of the API (pyproject.toml or requirements.txt)', option: '--api FOLDER' }]
      : [])
  ]
}

function missingServers(servers: Draft['servers']): Missing[] {
  const named = Object.entries(servers)
  if (named.length === 0) {
    const option = '--frontend root@198.51.100.4 --backend root@203.0.113.7, or --single root@198.51.100.4'
    return [{ what: 'the servers, as ssh reaches them', option }]
  }
  const absent = servers.single === undefined ? (['frontend', 'backend'] as const).filter(name => !servers[name]) : []
  return [
    ...absent.map(name => ({ what: `the ${name} server, as ssh reaches it`, option: `--${name} root@203.0.113.7` })),
    ...named
      .filter(([, server]) => server.address === null)
      .map(([name, { ssh }]) => ({
        what: `the address of the ${name} server (${ssh.value} leads to none)`,
        option: `--address ${name}=203.0.113.7`
      }))
  ]
}
