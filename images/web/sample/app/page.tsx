import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { connection } from 'next/server'
import { Chat } from '../panels/chat'
import { Socket } from '../panels/socket'
import { Upload } from '../panels/upload'
import { Whoami } from '../panels/whoami'

/** Rendered for each request, so that it says which container and which build answered. */
export default async function Page() {
  await connection()
  const build = await readFile('.next/BUILD_ID', 'utf8').catch(() => 'development')
  return (
    <>
      <section>
        <h2>Who answered</h2>
        <dl>
          <div>
            <dt>web hostname</dt>
            <dd>
              <code data-testid="web-host">{hostname()}</code>
            </dd>
          </div>
          <div>
            <dt>web build</dt>
            <dd>
              <code data-testid="web-build">{build}</code>
            </dd>
          </div>
          <Whoami />
        </dl>
      </section>
      <Chat />
      <Upload />
      <Socket />
    </>
  )
}
