import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { ShipGround } from '../../doubles/ship/ground.ts'

/** What is put before ssh, so that fewer bytes cross the line. */
export interface Pipe {
  readonly name: string
  readonly pack: string
}

export interface Sent {
  readonly bytes: number
  readonly seconds: number
}

/** Engines take all three as they are. */
export const pipes: readonly Pipe[] = [
  { name: 'docker save | ssh docker load', pack: 'cat' },
  { name: 'docker save | gzip | ssh docker load', pack: 'gzip -c' },
  { name: 'docker save | zstd | ssh docker load', pack: 'zstd -q -c' }
]

const script =
  'set -o pipefail; docker save "$1" | $2 | tee >(wc -c >&2) | ssh -F "$3" "$4" docker load --quiet >/dev/null'

export async function sendByPipe({ server }: ShipGround, { pack }: Pipe, reference: string): Promise<Sent> {
  const beganMs = performance.now()
  const args = ['-c', script, 'pipe', reference, pack, server.plan.sshConfig ?? '', server.plan.ssh]
  const { stderr } = await promisify(execFile)('bash', args, { timeout: 30 * 60_000 })
  return { bytes: Number(/\d+/.exec(stderr)?.[0]), seconds: (performance.now() - beganMs) / 1_000 }
}
