import { docker } from './engine.ts'
import { build, makeFolder, type Owner } from './image.ts'

export type Upstream = 'web' | 'api'
/** What no user may ever notice. */
export type Fault = 'ends' | 'wrong' | 'deaf'

const health = `HEALTHCHECK --interval=1s --retries=2 CMD ["node", "-e", "fetch('http://127.0.0.1:1')"]`
const faults: Record<Fault, { readonly code: string; readonly check: string }> = {
  ends: { code: "console.error('no DATABASE_URL'); process.exit(3)", check: '' },
  // Status and body are those of an app that drains, or of none.
  wrong: {
    code: `require('http').createServer((_, answer) => answer.writeHead(process.env.PORT ? 500 : 200).end('{"status":"draining"}'))
      .listen(process.env.PORT ?? process.env.UVICORN_PORT)`,
    check: ''
  },
  deaf: { code: 'setInterval(() => {}, 1000)', check: health }
}

/** A build of a sample app that differs from others of other names: in its chunks, or in what `whoami` says. */
export async function buildRelease(t: Owner, upstream: Upstream, name: string): Promise<string> {
  const variable = upstream === 'web' ? 'BUILD_ID' : 'API_RELEASE'
  return build(t, upstream, `images/${upstream}/sample`, ['--build-arg', `${variable}=${name}`])
}

/** An image that is no good. */
export async function buildFault(t: Owner, fault: Fault): Promise<string> {
  const { code, check } = faults[fault]
  const folder = await makeFolder(t, {
    'app.js': code,
    Dockerfile: `FROM node:26-bookworm-slim\nCOPY --chmod=644 app.js /\n${check}\nCMD ["node", "/app.js"]\n`
  })
  const tag = `te-fault-${fault}`
  const { code: built, err } = await docker(['build', '-q', '-t', tag, folder])
  if (built !== 0) throw new Error(err)
  t.teardown(() => docker(['rmi', '--force', tag]))
  return tag
}
