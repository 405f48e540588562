import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EdgeError } from '../../../proxy/errors.ts'
import { settings } from '../../host/settings.ts'
import type { Ssh } from '../ssh/ssh.ts'
import type { Facts } from './facts.ts'
import { parseFacts } from './parse.ts'

/**
 * Looks at a server that need have nothing yet; changes nothing there.
 * @throws EdgeError SERVER_UNREADABLE, SSH_*
 */
export async function readFacts(ssh: Ssh, now: () => Date): Promise<Facts> {
  const script = await readFile(join(import.meta.dirname, 'facts.sh'), 'utf8')
  const names = settings.map(({ name }) => name).join(' ')
  const modules = settings.flatMap(({ module }) => module ?? []).join(' ')
  const asked = now().getTime()
  const command = ['sh', '-s', '--', ssh.server.folder, names, modules]
  const { code, stdout, stderr } = await ssh.run(command, { input: script })
  if (code === 0 && stdout.includes('@@ record ')) return parseFacts(stdout, { asked, answered: now().getTime() })
  throw new EdgeError(
    'SERVER_UNREADABLE',
    `${ssh.server.name} (${ssh.server.ssh}): sh ended with code ${code}: ${stderr.trim().slice(-500)}`
  )
}
