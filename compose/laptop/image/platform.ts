import type { Ssh } from '../ssh/ssh.ts'

const byMachine: Readonly<Record<string, string>> = {
  x86_64: 'linux/amd64',
  aarch64: 'linux/arm64',
  arm64: 'linux/arm64'
}

/** What a server runs, in the engine's words; null: what its kernel calls itself is none that we know. */
export async function platformOf(ssh: Pick<Ssh, 'run'>): Promise<string | null> {
  const { stdout } = await ssh.run(['uname', '-m'])
  return byMachine[stdout.trim()] ?? null
}

/** @param one, other such as linux/amd64; what a variant adds, as in linux/arm64/v8, does not count */
export function isSamePlatform(one: string, other: string): boolean {
  const [first, second] = [one, other].map(platform => platform.split('/').slice(0, 2).join('/'))
  return first === second
}
