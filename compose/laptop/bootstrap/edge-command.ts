import type { Work } from './step.ts'

const inEdge = 'cd "$1" && shift && exec docker compose exec -T edge twinedge "$@"'

/** What a command of the edge's own says on stdout. @returns null where it fails, or there is no edge */
export async function askEdge(
  { ssh, server }: Pick<Work, 'ssh' | 'server'>,
  words: readonly string[]
): Promise<string | null> {
  const { code, stdout } = await ssh.run(['sh', '-c', inEdge, '-', server.folder, ...words], { asRoot: true })
  return code === 0 || stdout.startsWith('{') ? stdout : null
}
