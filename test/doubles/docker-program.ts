import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** A `docker` that comes first in the PATH of this process: it builds in no time, pushes for a minute, and remembers what it was told. */
export interface DockerProgram {
  /** What it has, by `docker image ls`. */
  built(...references: string[]): void
  /** What a command, and no other one, fails with. */
  refuses(command: string, why: string): void
  told(): string[]
}

interface Owner {
  teardown(stop: () => unknown): void
}

const image = { Id: 'sha256:1', RootFS: { Layers: [] }, Os: 'linux', Architecture: 'amd64', Size: 1, Config: null }

export function putDocker(t: Owner): DockerProgram {
  const folder = mkdtempSync(join(tmpdir(), 'te-docker-'))
  const [log, images, refused] = [join(folder, 'log'), join(folder, 'images'), join(folder, 'refused')]
  for (const file of [log, images, refused]) writeFileSync(file, '')
  const inspected = JSON.stringify({ ...image, Created: '2026-11-23T06:00:00Z' })
  const script = `#!/bin/sh
echo "$*" >>'${log}'
if [ "$(head -n 1 '${refused}')" = "$*" ]; then tail -n 1 '${refused}' >&2; exit 1; fi
case $* in
  push*) exec sleep 60 ;;
  'image ls'*) exec cat '${images}' ;;
  'image inspect'*) echo '${inspected}' ;;
esac
`
  writeFileSync(join(folder, 'docker'), script)
  chmodSync(join(folder, 'docker'), 0o755)
  const { PATH } = process.env
  process.env.PATH = `${folder}${delimiter}${PATH}`
  t.teardown(() => {
    process.env.PATH = PATH
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    built: (...references) => writeFileSync(images, references.map(one => `${one}\n`).join('')),
    refuses: (command, why) => writeFileSync(refused, `${command}\n${why}\n`),
    told: () => readFileSync(log, 'utf8').split('\n').filter(Boolean)
  }
}
