import type { Test } from 'tap'
import { build, makeFolder, runIn } from './image.ts'

/** What must be found nowhere. */
export const marker = 'this-is-nobodys-business-4f1c'
export const privateKey = `${['-----BEGIN', 'PRIVATE KEY-----'].join(' ')}\n${marker}\n`

const secretNames =
  '.env .env.local .env.production.local .git/config server.key server.pem deep/.env deep/a.pem'.split(' ')
/** What lies about in a checkout, and has no place in an image. */
export const secrets = Object.fromEntries(secretNames.map(name => [name, name.endsWith('.pem') ? privateKey : marker]))
/** Puts them into an artifact, before it is packed. */
export const plantSecrets = secretNames
  .map(name => `mkdir -p .next/standalone/$(dirname ${name}); echo ${marker} > .next/standalone/${name}`)
  .join('\n')

/** An ASGI app that needs nothing but uvicorn, and the arguments to build it with. */
export const tinyApp = `
import json
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps({"status": "ok"}).encode()})
`
export const isTiny = ['--build-arg', 'API_APP=tiny:app']

/** For the artifact that `packSample` makes: a RUN that would fetch something fails. */
export const isArtifact = ['--network', 'none', '--build-arg', 'APP_FROM=artifact']

/**
 * The sample's own build, packed as the manual packs it, as a user of whom nobody else may read anything.
 * @param change a shell script, run before
 * @returns a folder that holds nothing else
 */
export async function packSample(t: Test, change = ''): Promise<string> {
  const folder = await makeFolder(t, {})
  const source = await build(t, 'web', 'images/web/sample', ['--target', 'source', '--build-arg', 'BUILD_ID='])
  const pack = `chmod -R go-rwx .next/standalone
    tar -czf /out/frontend-standalone.tar.gz .next/standalone .next/static public`
  const options = ['--volume', `${folder}:/out`, '--workdir', '/src']
  const { code, err } = await runIn(source, `set -e\n${change}\n${pack}`, options)
  if (code !== 0) throw new Error(err)
  return folder
}
