import { EdgeError } from '../../../proxy/errors.ts'
import type { Step, Work } from '../bootstrap/step.ts'
import { manifestHash, manifestName } from '../tool/files.ts'
import { nameOfTool } from '../tool/own.ts'
import { edgeImageOf } from './edge-image.ts'

const link = '/usr/local/bin/twinedge'

/**
 * FOLDER NAME IMAGE: unpacks what comes on stdin beside the one that is there, tries it, and only then goes over to it.
 * Node, and the one library that a small system lacks, come out of the edge's image: they are here already. Nothing is
 * run for it: the engine would write all that comes on stdout into a log as well.
 */
const unpack = `set -e
umask 022
cd "$1"
rm -rf "$2.new" && mkdir "$2.new"
tar -xzf - -C "$2.new" --no-same-owner
mkdir -p "$2.new/node_modules/.bin" "$2.new/node_modules/.lib"
edge=$(docker create "$3")
trap 'docker rm "$edge" >/dev/null' EXIT
trap 'exit 1' HUP INT TERM
docker cp -L "$edge:/usr/local/bin/node" "$2.new/node_modules/.bin/node"
docker cp -L "$edge:/usr/lib/$(uname -m)-linux-gnu/libatomic.so.1" "$2.new/node_modules/.lib/libatomic.so.1" || true
"$2.new/scripts/twinedge" --version
# Of what no power cut takes away, and not before, it is said that it is there.
sync
rm -rf "$2.old"
[ ! -e "$2" ] || mv -T "$2" "$2.old"
mv -T "$2.new" "$2"
former=$(readlink tool || true)
ln -sfn "$2" tool.new && mv -T tool.new tool
sync
# What somebody has begun with the former one is carried on with it.
for other in tool-*; do [ "$other" = "$2" ] || [ "$other" = "$former" ] || rm -rf "$other"; done`

/** FOLDER HASH: whether all of it is there, as it was sent: HASH is the list's own. */
const tryTool = `cd "$1/tool" && echo "$2  ${manifestName}" | sha256sum --status -c - && sha256sum --status -c ${manifestName} &&
  scripts/twinedge --version >/dev/null`

export const installTool: Step = {
  name: 'tool',
  remains: 'the tool that was there before is still in use',
  async plan(work) {
    const { facts, server, edge } = work
    const name = nameOfTool(edge.hash)
    const target = `${server.folder}/tool/scripts/twinedge`
    const isThere = facts.stack.tool === name && (await isWhole(work))
    const says = `unpack ${server.folder}/${name}, with Node of the edge's image; ${server.folder}/tool leads there`
    return {
      actions: [
        ...(isThere ? [] : [{ says, act: () => send(work, name) }]),
        ...(facts.stack.command === target ? [] : [{ run: ['ln', '-sfn', target, link] }])
      ]
    }
  }
}

async function isWhole({ ssh, server, edge }: Work): Promise<boolean> {
  const command = ['sh', '-c', tryTool, '-', server.folder, manifestHash(edge.manifest)]
  return (await ssh.run(command, { asRoot: true })).code === 0
}

async function send(work: Work, name: string): Promise<void> {
  const { ssh, server } = work
  const { code, stderr } = await ssh.run(['sh', '-c', unpack, '-', server.folder, name, edgeImageOf(work)], {
    asRoot: true,
    input: await work.edge.pack()
  })
  if (code === 0) return
  const isFull = /No space left on device/.test(stderr)
  throw new EdgeError(
    isFull ? 'SERVER_DISK_FULL' : 'SERVER_STEP_FAILED',
    `unpacking the tool: ${stderr.trim().slice(-500)}`
  )
}
