import { createInterface } from 'node:readline'
import { atEach } from '../../compose/laptop/look/servers.ts'
import { failureAt } from '../../compose/laptop/plan/commands.ts'
import type { ServerPlan } from '../../compose/laptop/plan/site.ts'
import { refuseWithoutTool, toolOf } from '../../compose/laptop/ssh/agent.ts'
import type { Ssh } from '../../compose/laptop/ssh/ssh.ts'
import { type FailureCode, failures } from '../../proxy/errors.ts'
import { printable, terminalLine } from '../../proxy/record/terminal.ts'
import { printFailure } from '../terminal.ts'

/** A line of the edge's own, as `docker compose logs` has it: whose it is, and what it says. */
const ofEdge = /^(edge-\d+ +\| )(\{.*"time":.*\})$/

/** A line of a log as people read it: the edge speaks JSON, which is for programs, and an app may repeat a stranger's words. */
export function readable(line: string): string {
  const plain = harmless(line)
  const [, whose = '', json = ''] = ofEdge.exec(plain.trimEnd()) ?? []
  try {
    return json === '' ? plain : `${whose}${terminalLine(json).trimEnd()}`
  } catch {
    return plain // the engine has cut it
  }
}

function harmless(line: string): string {
  return line.replaceAll(colours, '').split('\t').map(printable).join('\t')
}

/** What an app, or Compose, says to a terminal alone. */
const colours = /\u001b\[[\d;]*[A-Za-z]/g

/**
 * `twinedge logs` on each of these servers, with its name before each line where there are two.
 * @returns 1 when one of them could not be asked
 */
export async function siteLogs(
  servers: readonly ServerPlan[],
  args: readonly string[],
  isForPeople: boolean
): Promise<number> {
  const width = servers.length === 1 ? 0 : Math.max(...servers.map(({ name }) => name.length)) + 2
  const say = ({ name }: ServerPlan, line: string): void => {
    const text = isForPeople ? readable(line) : harmless(line)
    console.log(`${width === 0 ? '' : name.padEnd(width)}${text}`)
  }
  const found = await atEach(servers, ssh => passOn(ssh, args, line => say(ssh.server, line)))
  for (const { failure } of found) if (failure !== null) printFailure(failure)
  return found.some(({ failure }) => failure !== null) ? 1 : 0
}

/** Its stdin stays open for as long as this process lives: what follows a log there ends with it. */
async function passOn(ssh: Ssh, args: readonly string[], say: (line: string) => void): Promise<void> {
  const { stdout, ended } = ssh.open([toolOf(ssh), 'logs', ...args, '--attended'], { asRoot: true })
  const lines = createInterface({ input: stdout })
  lines.on('line', say)
  const read = new Promise(resolve => lines.once('close', resolve))
  const { code, stderr } = await ended
  await read
  if (code === 0) return
  const failure = failureIn(stderr)
  if (failure === null) await refuseWithoutTool(ssh)
  throw failureAt(ssh.server, failure ?? { code: 'LOOK_FAILED', detail: stderr.trim() || `exit code ${code}` })
}

/** As the tool there has printed it. @returns null for what somebody else has said */
function failureIn(stderr: string): { code: FailureCode; detail: string } | null {
  const [, code = '', detail = ''] = /^([A-Z]+_[A-Z_]+): ([\s\S]*?)\nnext: /.exec(stderr.trim()) ?? []
  return Object.hasOwn(failures, code) ? { code: code as FailureCode, detail } : null
}
