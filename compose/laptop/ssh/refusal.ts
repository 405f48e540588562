import type { EdgeError, FailureCode } from '../../../proxy/errors.ts'
import { failureOf } from '../plan/commands.ts'
import type { ServerPlan } from '../plan/site.ts'
import { byHand } from './options.ts'

/** What OpenSSH says, in words of its own that no locale changes; the first that fits counts. */
const causes: readonly (readonly [RegExp, FailureCode])[] = [
  [/REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed/i, 'SSH_HOST_KEY_CHANGED'],
  [/Host key verification failed|No .* host key is known/i, 'SSH_HOST_KEY_UNKNOWN'],
  [/Too many authentication failures|Permission denied/i, 'SSH_KEY_REFUSED'],
  [/UNPROTECTED PRIVATE KEY|bad permissions|invalid format|No such identity/i, 'SSH_KEY_REFUSED'],
  [/Bad configuration option|terminating, .* bad configuration|Bad owner or permissions/i, 'SSH_CONFIG_REFUSED']
]

/**
 * Why ssh has not connected, or was cut off.
 * @param said on its stderr; of a shell that was not ours, on its stdout as well
 * @param code with which a shell ended that should have stayed; null: there was none, or it was ssh that ended
 */
export function refusalOf(server: ServerPlan, said: string, code: number | null = null): EdgeError {
  const failure = code === null ? causes.find(([pattern]) => pattern.test(said))?.[1] : 'SSH_SHELL_REFUSED'
  const ended = code === null ? 'the connection ended' : `its shell ended with code ${code}`
  return failed(server, failure ?? 'SSH_UNREACHABLE', essence(said) || ended)
}

/** Of a server that was reached, or is about to be, and does not go on. */
export function silenceOf(server: ServerPlan, ms: number): EdgeError {
  return failed(server, 'SSH_UNREACHABLE', `nothing was heard for ${Math.round(ms / 1_000)} s`)
}

function failed(server: ServerPlan, code: FailureCode, why: string): EdgeError {
  return failureOf(server, code, `${placeOf(server)}: ${why}`, byHand(server).replace(/^ssh /, ''))
}

/** With what it takes to try it by hand, where that is more than the destination. */
function placeOf(server: ServerPlan): string {
  const isPlain = !server.sshConfig && !server.key
  return isPlain ? server.ssh : `${server.ssh} (${byHand(server)})`
}

/** Without the frames of @ and the blank lines that ssh draws around a warning. */
function essence(said: string): string {
  const lines = said.split('\n').map(line => line.trim())
  return lines
    .filter(line => line !== '' && !line.includes('@@@@') && !/^Warning: Permanently added/.test(line))
    .slice(-4)
    .join('; ')
}
