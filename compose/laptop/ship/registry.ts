import { EdgeError } from '../../../proxy/errors.ts'
import { docker } from '../../image/docker.ts'
import { heeding } from '../ssh/heeding.ts'
import type { Ssh } from '../ssh/ssh.ts'
import type { Shipped, Shipping } from './ship.ts'

/**
 * By way of a registry, to which both this laptop and root of the server are logged in.
 * @returns no bytes: the engines alone know how many went
 * @throws EdgeError SHIP_PUSH_REFUSED, SHIP_PULL_REFUSED, COMPOSE_ENGINE_UNREACHABLE, SSH_*; the signal's reason
 */
export async function shipByRegistry(ssh: Ssh, { reference, say, signal }: Shipping): Promise<Shipped> {
  say(`Pushing ${reference}`)
  const pushed = await docker(['push', '--quiet', reference], { signal })
  if (pushed.code !== 0) throw new EdgeError('SHIP_PUSH_REFUSED', `${reference}: ${last(pushed.stderr)}`)
  say(`Pulling it on ${ssh.server.name}`)
  const pulled = await heeding(ssh.run(['docker', 'pull', '--quiet', reference], { asRoot: true }), signal)
  if (pulled.code !== 0) {
    throw new EdgeError('SHIP_PULL_REFUSED', `${ssh.server.name}: ${reference}: ${last(pulled.stderr)}`)
  }
  const { stdout } = await ssh.run(['docker', 'image', 'inspect', '--format', '{{.Id}}', reference], { asRoot: true })
  return { id: stdout.trim(), bytes: 0, sentBytes: 0, resentBytes: 0 }
}

function last(said: string): string {
  return said.trim().split('\n').at(-1) ?? ''
}
