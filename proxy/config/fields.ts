import { email, httpsUrl, profile, thumbprint } from './kinds/accounts.ts'
import { choice, count, duration, flag, size } from './kinds/amounts.ts'
import { address, block, domain, hostPort, loopback, origin, originOrPeer } from './kinds/hosts.ts'
import type { Kind } from './kinds/kind.ts'
import { keyPlace, member } from './kinds/streams.ts'
import { filePath, name, pathPrefix, requestPath, text } from './kinds/texts.ts'

/** One setting. Its row is its documentation, its default and its check at once. */
export interface Field {
  readonly kind: Kind<unknown>
  /** As the operator would write it. null: it may be left out, and means nothing then. Absent: it must be given. */
  readonly default?: string | readonly string[] | null
  /** A list of the kind; a single one may stand without brackets. */
  readonly many?: true
  /** What it counts, where its kind does not say. */
  readonly unit?: string
  readonly meaning: string
  readonly example?: string
  /** The directive that does this in nginx: offered to those who write it here. */
  readonly nginx?: string
}

const none = null

/** The key is the path: `*` stands for a name that the operator chooses, `[]` for each item of a list. */
// biome-ignore format: a table is read by its columns; one row, one line where it fits
export const fields = {
  server: { kind: choice('frontend', 'backend', 'single'), meaning: 'Which of the two servers this edge stands on; `single` carries both halves.', example: 'frontend' },
  domains: { kind: domain, many: true, meaning: 'The names that are served; a request for any other is refused.', example: '[example.com, www.example.com]', nginx: 'server_name' },
  'listen.http': { kind: address, many: true, default: ['80'], meaning: 'Where plain HTTP is taken, only to redirect it. A bare port means every address.', example: '"[::1]:80"', nginx: 'listen' },
  'listen.https': { kind: address, many: true, default: ['443'], meaning: 'Where HTTPS is taken, HTTP/2 and HTTP/1.1 alike.', example: '203.0.113.5:443', nginx: 'listen' },

  'tls.mode': { kind: choice('local', 'files', 'acme'), default: 'local', meaning: '`local`: certificates of an authority made on this machine, for trying out. `files`: your own. `acme`: from an authority such as Let\'s Encrypt, renewed by themselves.', example: 'acme' },
  'tls.email': { kind: email, default: none, meaning: 'For `acme`: where the authority may write to. Most need none.', example: 'ops@example.com' },
  'tls.directory': { kind: httpsUrl, default: 'https://acme-v02.api.letsencrypt.org/directory', meaning: 'For `acme`: the directory of the authority.', example: 'https://acme-staging-v02.api.letsencrypt.org/directory' },
  'tls.directory-ca': { kind: filePath, default: none, meaning: 'For `acme`: PEM roots that the directory is trusted by, for an authority of your own. Relative to the folder of this file.', example: 'certs/company-root.pem' },
  'tls.profile': { kind: profile, default: none, meaning: 'For `acme`: the kind of certificate, as the directory names it; by default the choice of the authority.', example: 'shortlived' },
  'tls.grouping': { kind: choice('per-domain', 'together'), default: 'per-domain', meaning: 'For `acme`: a certificate for each domain, so that one cannot fail the others, or one for all of them.' },
  'tls.key-type': { kind: choice('ecdsa', 'rsa'), default: 'ecdsa', meaning: 'For `acme`: P-256, or RSA of 2048 bits for very old clients.' },
  'tls.challenges': { kind: choice('http-01', 'tls-alpn-01'), many: true, default: ['http-01', 'tls-alpn-01'], meaning: 'For `acme`: how a domain is proved, over port 80 or port 443; the next one is tried when one fails.' },
  'tls.peer-thumbprint': { kind: thumbprint, default: none, meaning: 'The thumbprint that `twinedge certs` shows on the other server. This edge then answers its HTTP-01 challenges too, in any mode, so that both renew wherever DNS points.', example: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs' },
  'tls.eab.kid': { kind: text, meaning: 'For `acme`: the key id of an external account binding, where the authority wants one.', example: 'kid-1' },
  'tls.eab.key': { kind: filePath, meaning: 'The file with its HMAC key, base64url. Relative to the folder of this file.', example: 'eab.key' },
  'tls.certificates[].domains': { kind: domain, many: true, default: [], meaning: 'The names that this pair serves; by default those that the certificate names.', example: '[example.com]' },
  'tls.certificates[].cert': { kind: filePath, meaning: 'The PEM chain, leaf first. Relative to the folder of this file.', example: 'certs/fullchain.pem', nginx: 'ssl_certificate' },
  'tls.certificates[].key': { kind: filePath, meaning: 'The PEM private key. Relative to the folder of this file.', example: 'certs/privkey.pem', nginx: 'ssl_certificate_key' },

  'hsts.max-age': { kind: duration({ max: 10 * 365 * 86_400_000 }), meaning: 'How long browsers shall insist on HTTPS (`Strict-Transport-Security`). Without `hsts` the header is left to the upstream.', example: '365d' },
  'hsts.subdomains': { kind: flag, default: 'false', meaning: 'The same for every subdomain of the domain, served here or not.', example: 'true' },
  'hsts.preload': { kind: flag, default: 'false', meaning: 'Consents to the lists that browsers ship; needs `subdomains` and a year. Hard to take back.', example: 'true' },

  'upstreams.*.origin': { kind: originOrPeer, default: none, meaning: 'Where the upstream is reached; `peer`: the upstream of the same name on the other server, over the link. Either this or `slots`.', example: 'http://203.0.113.7:8000', nginx: 'proxy_pass' },
  'upstreams.*.slots.*': { kind: origin, default: none, meaning: 'The two halves of a blue/green pair, by name: one serves, one waits for the next deploy.', example: 'http://127.0.0.1:3001' },
  'upstreams.*.else': { kind: choice('peer'), default: none, meaning: '`peer`: while the upstream is down here, requests go to the one of the same name on the other server, over the link.' },
  'upstreams.*.health.path': { kind: requestPath, meaning: 'What a probe asks for. Without `health` the upstream counts as healthy.', example: '/api/v1/health' },
  'upstreams.*.health.status': { kind: count({ min: 200, max: 599 }), default: '200', meaning: 'The status that a healthy upstream answers.' },
  'upstreams.*.health.body': { kind: text, default: none, meaning: 'Text that the answer must contain: some upstreams say 200 while they drain.', example: `'"status":"ok"'` },
  'upstreams.*.health.every': { kind: duration(), default: '5s', meaning: 'Time from one probe to the next.' },
  'upstreams.*.health.timeout': { kind: duration(), default: '3s', meaning: 'A probe that takes longer has failed; but it counts for nothing while the upstream answers requests, with less than 500: slow is not dead.' },
  'upstreams.*.health.fails': { kind: count({ min: 1, max: 1000 }), default: '3', unit: 'probes', meaning: 'Failed probes in a row that make it down. One good probe makes it up.', nginx: 'max_fails' },
  'upstreams.*.keep-alive': { kind: duration(), default: '4s', meaning: 'An idle connection older than this is not used again. Keep it below what the upstream keeps: uvicorn and Next.js close after 5s.', nginx: 'keepalive_timeout' },
  'upstreams.*.connect-timeout': { kind: duration(), default: '5s', meaning: 'Longest wait for a connection.', nginx: 'proxy_connect_timeout' },
  'upstreams.*.connections': { kind: count(), default: '0', unit: 'connections', meaning: 'Most connections open at once; 0 is no limit. Each open stream holds one.', nginx: 'max_conns' },

  'routes[].path': { kind: pathPrefix, meaning: 'What the path begins with. The longest that fits wins, whatever the order.', example: '/api/', nginx: 'location' },
  'routes[].host': { kind: domain, default: none, meaning: 'One of `domains`; by default the route is for all of them.', example: 'www.example.com', nginx: 'server_name' },
  'routes[].upstream': { kind: name, meaning: 'The name under `upstreams` that answers.', example: 'api', nginx: 'proxy_pass' },
  'routes[].stream': { kind: flag, default: 'false', meaning: '`true` for server-sent events: the upstream is asked not to compress, so that no event is held back.', example: 'true', nginx: 'proxy_buffering' },
  'routes[].idle': { kind: duration(), default: '300s', meaning: 'Longest silence between two bytes, either way.', example: '600s', nginx: 'proxy_read_timeout' },
  'routes[].body': { kind: size(), default: '100m', meaning: 'Longest request body.', nginx: 'client_max_body_size' },
  'routes[].learn': { kind: member, default: none, meaning: 'For server-sent events: the member of their JSON that names the stream, so that a slot keeps its streams while it drains: a string, or a number below 2^53. It implies `stream`.', example: 'stream_id' },
  'routes[].owner': { kind: keyPlace, many: true, default: [], meaning: 'Where a request names a stream: `body:NAME` (of a JSON object of at most 64k, sent with its length), `path:NUMBER` (a segment, counted from 1), `header:NAME`, `cookie:NAME`, `query:NAME`. While the slot that runs that stream drains, the request goes there.', example: 'body:stream_id' },

  'assets.upstream': { kind: name, meaning: 'The upstream whose builds bring files with hashed names. The edge keeps those of every build that was sent to it, and serves them itself, so that a tab of an earlier build still finds its own. Without `assets` the upstream answers.', example: 'web' },
  'assets.path': { kind: pathPrefix, default: '/_next/static/', meaning: 'Where those files are, below the domain; it ends with `/`. A file that no build brought is asked of the upstream.', nginx: 'alias' },
  'assets.keep': { kind: duration({ max: 10 * 365 * 86_400_000 }), default: '30d', meaning: 'How long the files of a build are kept once another has taken its place. The two newest builds are kept in any case.' },
  'assets.size': { kind: size(), default: '500m', meaning: 'Most bytes of them on disk, compressed copies included: the oldest build goes first. Also the most that one build may bring.' },

  'trusted-proxies': { kind: block, many: true, default: [], meaning: 'Addresses of the proxies in front whose forwarding headers are believed.', example: '[10.0.0.0/8, fd00::/8]', nginx: 'set_real_ip_from' },

  'link.listen': { kind: address, many: true, default: ['7443'], meaning: 'Where the other server\'s edge is let in. Open this port to its address alone.', example: '203.0.113.5:7443' },
  'link.peer': { kind: hostPort, meaning: 'The other server, and the port of its link: unless it is said, the first of `listen` here. Without `link` there is no other server.', example: '203.0.113.7:7443' },
  'link.from': { kind: block, many: true, default: [], meaning: 'Addresses that the other server comes from, where they are not those of `peer`.', example: '[198.51.100.7]' },

  'limits.connections': { kind: count({ min: 1 }), default: '10000', unit: 'connections', meaning: 'Client connections open at once.', nginx: 'worker_connections' },
  'limits.connections-per-address': { kind: count({ min: 1 }), default: '512', unit: 'connections', meaning: 'The same for one client address; an IPv6 /64 counts as one.', nginx: 'limit_conn' },
  'limits.streams': { kind: count({ min: 1, max: 100_000 }), default: '128', unit: 'streams', meaning: 'HTTP/2 streams open at once on one connection.', nginx: 'http2_max_concurrent_streams' },
  'limits.head': { kind: size({ min: 1024 }), default: '32k', meaning: 'Request line and header fields together; at least 1k.', nginx: 'large_client_header_buffers' },
  'limits.head-timeout': { kind: duration(), default: '10s', meaning: 'From the first byte of a request to the end of its head; also for the TLS handshake.', nginx: 'client_header_timeout' },
  'limits.body-rate': { kind: size({ min: 0 }), default: '1k', unit: 'bytes per second', meaning: 'Slowest upload that is borne, measured over ten seconds. There is no limit on its total time.', nginx: 'client_body_timeout' },
  'limits.keep-alive': { kind: duration(), default: '75s', meaning: 'An idle client connection is closed after this.', nginx: 'keepalive_timeout' },
  'limits.send-timeout': { kind: duration(), default: '60s', meaning: 'A client that takes none of the bytes waiting for it for this long is cut.', nginx: 'send_timeout' },
  'limits.requests-per-second': { kind: count(), default: '0', unit: 'requests per second', meaning: 'For one client address; 0 is no limit. Bursts of ten times as many pass.', nginx: 'limit_req' },

  'log.level': { kind: choice('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'), default: 'info', meaning: 'The least important line that is written.', nginx: 'error_log' },
  'control.socket': { kind: filePath, default: none, meaning: 'The unix socket that `twinedge status` and the others talk to; by default `control.sock` in the `state` folder.', example: '/run/twinedge.sock' },
  'control.listen': { kind: loopback, default: none, meaning: 'Where `/healthz` and `/metrics` are also served. A loopback address only; a bare port means 127.0.0.1.', example: '127.0.0.1:9100' },
  state: { kind: filePath, default: '/var/lib/twinedge', meaning: 'The folder for what must outlive a restart. Relative to the folder of this file.', example: 'state' },
  grace: { kind: duration({ min: 0 }), default: '30s', meaning: 'How long requests in flight may go on after SIGTERM; `0` cuts them at once.', nginx: 'worker_shutdown_timeout' }
} as const satisfies Record<string, Field>

export type FieldPath = keyof typeof fields

/** Rows of a file that is read as this one is. */
export type Fields = Readonly<Record<string, Field>>

type One<F extends Field> = F extends { kind: Kind<infer T> } ? T : never

/** What a setting is once it is read. */
export type ValueOf<P extends string, F extends Fields = typeof fields> = F[P] extends { many: true }
  ? readonly One<F[P]>[]
  : F[P] extends { default: null }
    ? One<F[P]> | null
    : One<F[P]>
