import { EdgeError } from '../../../proxy/errors.ts'
import { quoted } from '../ssh/quote.ts'
import type { Outcome, Ssh } from '../ssh/ssh.ts'
import type { Action, Write } from './step.ts'

/**
 * FILE MODE BYTES: into a file beside it first, so that a lost line, or a power cut, leaves the old one or the new. To a
 * program there a line that is lost, when sshd has seen it, is the end of its stdin: only what is whole counts.
 */
const write = `mkdir -p "$(dirname "$1")" && umask 077 && new=$(mktemp "$1.XXXXXX") || exit 1
trap 'rm -f "$new"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$new" && [ "$(wc -c <"$new")" -eq "$3" ] && chmod "$2" "$new" && { sync "$new" 2>/dev/null || sync; } && mv "$new" "$1"`

/** @throws EdgeError SERVER_STEP_FAILED or what its exit code stands for, SERVER_DISK_FULL, SSH_* */
export async function carryOut(ssh: Ssh, action: Action): Promise<void> {
  if ('act' in action) return await action.act()
  if ('write' in action) {
    const bytes = `${Buffer.byteLength(action.text)}`
    const command = ['sh', '-c', write, '-', action.write, action.mode.toString(8), bytes]
    return check(action, await ssh.run(command, { asRoot: true, input: action.text }))
  }
  check(action, await ssh.run(action.run, { asRoot: true, input: action.input ?? '' }))
}

function check(action: Action, { code, stdout, stderr }: Outcome): void {
  if (code === 0) return
  const said = `${stdout.trim().split('\n').slice(-5).join('\n')}\n${stderr.trim().split('\n').slice(-10).join('\n')}`
  const isFull = /No space left on device|Disk quota exceeded|not have enough free space/i.test(said)
  const own = 'run' in action ? action.codes?.[code] : undefined
  throw new EdgeError(
    isFull ? 'SERVER_DISK_FULL' : (own ?? 'SERVER_STEP_FAILED'),
    `${nameOf(action)}\nended with code ${code}: ${said.trim()}`
  )
}

/** One line: a command as it would be typed, a file by its name. */
export function nameOf(action: Action): string {
  if ('says' in action && action.says !== undefined) return action.says
  if ('run' in action) return `$ ${quoted(action.run)}`
  return 'write' in action ? headOf(action) : ''
}

/** What `--dry-run` prints: of a file, the lines that come and go as well. */
export function describe(action: Action): string[] {
  return [nameOf(action), ...('write' in action ? differences(action) : [])]
}

function headOf({ write, mode, before }: Write): string {
  return `${before === null ? 'new file' : 'file'} ${write} (${mode.toString(8).padStart(4, '0')})`
}

/** A new file that is longer is one of this project's. */
const mostLines = 40

/** Lines that only one of both has, in their order: enough for settings, of which no two lines are the same. */
function differences({ write, text, before, isSecret = false }: Write): string[] {
  const isLong = before === null && linesOf(text).length > mostLines
  if (isLong) return [`  + ${linesOf(text).length} lines, those of this project's own ${write.split('/').at(-1)}`]
  const [old, now] = [linesOf(before ?? ''), linesOf(text)]
  const show = (line: string): string => (isSecret ? masked(line) : line)
  return [
    ...old.filter(line => !now.includes(line)).map(line => `  - ${show(line)}`),
    ...now.filter(line => !old.includes(line)).map(line => `  + ${show(line)}`)
  ]
}

function linesOf(text: string): string[] {
  return text.split('\n').filter(line => line.trim() !== '')
}

function masked(line: string): string {
  // What somebody has put aside as a comment may be as secret as it was.
  if (line.startsWith('#')) return line.replace(/[=:].*$/, '=…')
  const [, name] = /^\s*(?:export\s+)?([\w.-]+)\s*[=:]/.exec(line) ?? []
  return name === undefined ? '…' : `${name}=…`
}
