// http-proxy-3 as its README has it, on node:https, with a keep-alive agent (its default opens a connection per request).
// argv: port, origin of the upstream, certificate, key.
import { readFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { createServer } from 'node:https'
import { createProxyServer } from 'http-proxy-3'

const [port, target, cert, key] = process.argv.slice(2) as [string, string, string, string]
const proxy = createProxyServer({ target, xfwd: true, agent: new Agent({ keepAlive: true }) })
proxy.on('error', error => console.error(error))
createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) =>
  proxy.web(request, response)
).listen(Number(port), '127.0.0.1')
