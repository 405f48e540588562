import type { Action, Work } from '../bootstrap/step.ts'
import { composeFiles, projectOf, webEnvName } from '../plan/env-names.ts'

/**
 * FOLDER EDGE FILE...: keeps what the edge that serves was brought up with, for `bring-up.sh` to put back. It is there until
 * a later edge is healthy: one bootstrap after another may fail, and what is put back is what served before them all. What
 * is there of another edge than the one that serves was left by one that was killed, and is what nobody goes back to. EDGE
 * is its container's id: Compose does not find it without a `.env`, which may be what is missing.
 */
const keep = `set -e
umask 077
cd "$1"
edge=$2
shift 2
rm -rf site/before.new && mkdir -p site/before.new/files
for file in "$@"; do if [ -f "$file" ]; then cp -p "$file" site/before.new/files/; fi; done
echo "$edge" >site/before.new/edge
docker inspect --format '{{.Config.Image}}' "$edge" >site/before.new/image
docker tag "$(docker inspect --format '{{.Image}}' "$edge")" localhost/twinedge/proxy:before
sync
rm -rf site/before
mv site/before.new site/before`

/** Where an edge serves: before the first thing that it was brought up with is changed. */
export function keepWhatServes(work: Work): readonly Action[] {
  const { facts, server } = work
  const project = projectOf(work)
  const edge = facts.containers.find(one => one.project === project && one.service === 'edge')
  if (!edge?.status.includes('(healthy)') || edge.id === facts.stack.before) return []
  const files = ['.env', ...composeFiles(server), ...[webEnvName(work) ?? []].flat()]
  return [
    {
      run: ['sh', '-c', keep, 'keep', server.folder, edge.id, ...files],
      says: `keep .env, the compose files and the image of the edge that serves (${server.folder}/site/before), until the next one does`
    }
  ]
}
