// @fastify/http-proxy as its README has it, on Fastify's HTTP/2 server (HTTP/1.1 by ALPN), over undici.
// argv: port, origin of the upstream, certificate, key.
import { readFileSync } from 'node:fs'
import proxy from '@fastify/http-proxy'
import { fastify } from 'fastify'

const [port, upstream, cert, key] = process.argv.slice(2) as [string, string, string, string]
const server = fastify({
  http2: true,
  https: { allowHTTP1: true, cert: readFileSync(cert), key: readFileSync(key) }
})
await server.register(proxy, { upstream })
await server.listen({ port: Number(port), host: '127.0.0.1' })
