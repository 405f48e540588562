// Either half of a site, as small as can be: what people do with it all the same is browse, chat and upload.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { release } from './release.mjs'

const routes = {
  '/': (_, response) => response.end(`<html>${release}</html>`),
  '/api/v1/health': (_, response) => response.end('{"status":"ok"}'),
  '/api/v1/whoami': (_, response) => response.end(JSON.stringify({ release })),
  async '/api/v1/chat/stream'(_, response, asked) {
    const [count, paceMs] = [Number(asked.get('n')), Number(asked.get('ms'))]
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (let seq = 1; seq <= count + 1; seq++) {
      await pause(paceMs)
      response.write(`data: ${JSON.stringify({ type: seq > count ? 'completed' : 'token', seq })}\n\n`)
    }
    response.end()
  },
  async '/api/v1/upload'(request, response) {
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of request) {
      hash.update(chunk)
      bytes += chunk.length
    }
    response.end(JSON.stringify({ bytes, sha256: hash.digest('hex') }))
  }
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://app')
  const route = routes[pathname]
  if (route === undefined) response.writeHead(404).end()
  else void route(request, response, searchParams)
})
server.listen(process.env.UVICORN_PORT ?? process.env.PORT)
process.on('SIGTERM', () => server.close(() => process.exit()))
