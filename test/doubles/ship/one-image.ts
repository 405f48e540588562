import { createHash } from 'node:crypto'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { readImages } from '../../../compose/image/inspect.ts'

const image = `{"Id":"sha256:${createHash('sha256').digest('hex')}","RootFS":{},"Created":"","Config":null}`
export const { fingerprint } = readImages(image)[0]!

/** An engine that has nothing, takes whatever is loaded, and says then that it is the image. */
const dockerOf = `#!/bin/sh
case "$1 $2" in
  'info '*) echo '{"ServerVersion":"1","OSType":"linux","Architecture":"amd64","DockerRootDir":"/"}' ;;
  'image ls') [ ! -e "$0.loaded" ] || echo it ;;
  'image inspect') echo '${image}' ;;
  'load '*) cat >"$0.loaded" ;;
esac
`

/** @returns the folder of pieces of a server with such an engine */
export function withEngine(t: Test): string {
  const site = t.testdir({ bin: { docker: dockerOf } })
  chmodSync(join(site, 'bin/docker'), 0o755)
  const before = process.env.PATH
  process.env.PATH = `${site}/bin:${before}`
  t.teardown(() => {
    process.env.PATH = before
  })
  return join(site, 'pieces')
}
