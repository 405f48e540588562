import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { EdgeError } from '../../../proxy/errors.ts'
import type { Work } from '../bootstrap/step.ts'
import { leaseScript } from '../site/bare-hold.ts'

/** How an nginx that has to go runs, if there is one. */
export type NginxRuns = 'service' | 'program' | 'none'

const lookMs = 500

/** FOLDER ARGUMENT...: starts what comes on stdin, in a session of its own that outlives this one and its line. */
const launch = `set -e
umask 077
cd "$1/site"
rm -rf bring-up && mkdir bring-up
cat >bring-up/script
script=$PWD/bring-up/script
setsid sh "$script" "$@" >bring-up/output 2>&1 </dev/null &
echo $! >bring-up/pid`

/** FOLDER BYTE: how it is, and what it has said from that byte on. How it is comes first: it says nothing after its end. */
const follow = `cd "$1/site/bring-up" || exit 1
pid=$(cat pid)
if [ -f code ]; then state="ended $(cat code)"
elif grep -q bring-up "/proc/$pid/cmdline" 2>/dev/null; then state=going
else sleep 1; if [ -f code ]; then state="ended $(cat code)"; else state=lost; fi; fi
echo "$state"
tail -c "+$(($2 + 1))" output`

/**
 * Has the server put the new edge in the place of what serves, and follows it to its end.
 * @throws EdgeError SERVER_EDGE_DOWN with the last words of the edge, SERVER_STEP_FAILED, SSH_*: then it goes on by itself
 */
export async function bringUp(work: Work, nginx: NginxRuns, services: readonly string[]): Promise<void> {
  const { ssh, server, hold } = work
  const script = `${await leaseScript()}\n${await readFile(join(import.meta.dirname, 'bring-up.sh'), 'utf8')}`
  const args = [server.folder, hold.token, hold.about(), nginx, ...services]
  const { code, stderr } = await ssh.run(['sh', '-c', launch, 'launch', ...args], { asRoot: true, input: script })
  if (code !== 0) throw new EdgeError('SERVER_STEP_FAILED', `it cannot be started: ${stderr.trim().slice(-500)}`)
  const said = await toItsEnd(work)
  if (said === null) return
  throw new EdgeError('SERVER_EDGE_DOWN', `\n${said}`)
}

/** @returns null: the edge is healthy; else what it said */
async function toItsEnd(work: Work): Promise<string | null> {
  const all: string[] = []
  let from = 0
  for (;;) {
    const { state, text } = await look(work, from)
    // A line that is not whole yet is read again.
    const whole = state === 'going' ? text.slice(0, text.lastIndexOf('\n') + 1) : text
    from += Buffer.byteLength(whole)
    const lines = whole.split('\n').filter(line => line.trim() !== '')
    all.push(...lines)
    for (const line of lines) if (line.startsWith('> ')) work.say(`  ${line.slice(2)}`)
    if (state === 'ended 0') return null
    if (state === 'lost') throw new EdgeError('SERVER_STEP_FAILED', 'what brings the edge up was killed on the server')
    if (state !== 'going') return lastWords(all)
    await pause(lookMs)
  }
}

/** An edge that was started again and again has said the same each time, at another moment. */
function lastWords(all: readonly string[]): string {
  const said = all
    .filter(line => !line.startsWith('> '))
    .map(line => [line.replace(/"time":"[^"]*"/, ''), line] as const)
  return [...new Map(said).values()].slice(-20).join('\n')
}

async function look({ ssh, server }: Work, from: number): Promise<{ state: string; text: string }> {
  const command = ['sh', '-c', follow, 'follow', server.folder, `${from}`]
  const { code, stdout, stderr } = await ssh.run(command, { asRoot: true })
  // A login's greeting comes first.
  const [, state, text = ''] = /^(going|lost|ended \d+)\n([\s\S]*)$/m.exec(stdout) ?? []
  if (code === 0 && state !== undefined) return { state, text }
  throw new EdgeError('SERVER_STEP_FAILED', `what brings the edge up cannot be followed: ${stderr.trim().slice(-500)}`)
}
