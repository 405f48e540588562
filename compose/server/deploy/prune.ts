import { pruneImages } from '../../change/settle.ts'
import { type Access, changeStack } from '../../session.ts'

/**
 * What a deploy leaves to its end: the images of releases that nobody will go back to.
 * @param keep releases of each upstream @returns what was done, in words
 * @throws EdgeError COMPOSE_LOCKED, COMPOSE_NO_STACK, COMPOSE_ENGINE_UNREACHABLE
 */
export async function pruneReleases(
  access: Omit<Access, 'say'>,
  upstreams: readonly string[],
  keep: number
): Promise<string[]> {
  const said: string[] = []
  await changeStack({ ...access, say: line => void said.push(line) }, async parties => {
    for (const upstream of upstreams) await pruneImages(parties, { upstream, how: { keep } })
  })
  return said
}
