import { setTimeout as pause } from 'node:timers/promises'
import { EdgeError } from '../../../proxy/errors.ts'
import type { Action, Plan, Work } from '../bootstrap/step.ts'
import type { ServerPlan } from '../plan/site.ts'
import { quoted } from '../ssh/quote.ts'
import { connectSsh, type Ssh } from '../ssh/ssh.ts'
import type { FirewallPlan, Risky } from './firewall.ts'

/** How long, in milliseconds. */
export interface Patience {
  /** Until the server takes back what nobody has come in after. */
  readonly backMs: number
  /** For a new connection, tried again and again: well before that. */
  readonly comeInMs: number
  /** From then on, for one after it has been taken back. */
  readonly backAgainMs: number
  /** Between two tries. */
  readonly betweenMs: number
  /** For one try: the last of them, too, is to end before the server's timer does. */
  readonly tryMs: number
}

const usual: Patience = { backMs: 90_000, comeInMs: 50_000, backAgainMs: 75_000, betweenMs: 3_000, tryMs: 20_000 }
/** What the line that was open may take to say that it is dead. */
const oldLineMs = 15_000

/** facts.sh looks for it. */
const unit = 'twinedge-firewall-back'

/** One that an earlier try has left would be in the way, and so would its failure. */
const begin = `seconds=$1; shift
systemctl stop ${unit}.timer 2>/dev/null
systemctl reset-failed ${unit}.timer ${unit}.service 2>/dev/null
exec systemd-run --quiet --unit=${unit} --on-active="$seconds" --timer-property=AccuracySec=100ms -p Type=oneshot -- "$@"`
const backNow = `systemctl is-active --quiet ${unit}.timer || exit 0
systemctl start ${unit}.service && systemctl stop ${unit}.timer`

/**
 * What is planned, with a way back from what may shut ssh out: a timer on the server, begun before it, takes it back
 * unless a new connection comes in after it and stops the timer. An old one tells nothing: firewalls let those go on.
 */
export function withRetreat(work: Pick<Work, 'ssh' | 'server' | 'facts'>, plan: FirewallPlan, patience = usual): Plan {
  const { actions, risky = null, lasting = [], notes = [] } = plan
  const comeIn = comingIn(work, patience)
  if (risky === null) {
    // Whoever began it has gone without a word: perhaps all is well, and in a minute no more.
    const pending = work.facts.firewall.isPending ? [comeIn] : []
    return { actions: [...pending, ...actions, ...lasting], notes }
  }
  return {
    actions: [...actions, timer(risky, patience), ...risky.actions, comeIn, ...lasting],
    undo: [{ run: ['sh', '-c', backNow], says: 'what could have shut ssh out, at once and not by its timer' }],
    notes
  }
}

function timer({ back }: Risky, { backMs }: Patience): Action {
  const line = back.map(quoted).join('; ')
  const seconds = backMs / 1_000
  return {
    run: ['sh', '-c', begin, '-', `${seconds}`, '/bin/sh', '-c', line],
    says: `a timer there that takes the next step back after ${seconds} s: ${line}`
  }
}

function comingIn(work: Pick<Work, 'ssh' | 'server'>, patience: Patience): Action {
  return {
    says: 'a new ssh connection, which stops that timer',
    async act() {
      const refused = await comeIn(work.server, patience, stopTimer)
      if (refused !== null) throw await shut(work, patience, refused)
    }
  }
}

/** @throws EdgeError SERVER_STEP_FAILED: this laptop was away for longer than the timer there has waited */
async function stopTimer(ssh: Ssh): Promise<void> {
  const { code, stderr } = await ssh.run(['systemctl', 'stop', `${unit}.timer`], { asRoot: true })
  if (code === 0) return
  const why = 'it has ended, and what it guards was taken back before this connection came in: begin again'
  throw new EdgeError(
    'SERVER_STEP_FAILED',
    `the timer there is not to be stopped; most likely ${why}: ${stderr.trim()}`
  )
}

/** @returns what was said of the last try, or null: it came in. @throws EdgeError where what is done there fails */
async function comeIn(
  server: ServerPlan,
  { comeInMs, betweenMs, tryMs }: Pick<Patience, 'comeInMs' | 'betweenMs' | 'tryMs'>,
  act: (ssh: Ssh) => Promise<unknown>
): Promise<EdgeError | null> {
  for (const lateMs = performance.now() + comeInMs; ; await pause(betweenMs)) {
    try {
      const ssh = await connectSsh(server, { withinMs: tryMs })
      try {
        await act(ssh)
      } finally {
        await ssh.close()
      }
      return null
    } catch (cause) {
      if (!(cause instanceof EdgeError) || !cause.code.startsWith('SSH_')) throw cause
      if (performance.now() + betweenMs > lateMs) return cause
    }
  }
}

/** Takes it back over the line that was open before, if that still goes, and else waits until the timer has. */
async function shut({ ssh, server }: Pick<Work, 'ssh' | 'server'>, patience: Patience, cause: EdgeError) {
  const over = ssh.run(['sh', '-c', backNow], { asRoot: true }).catch(() => null)
  const done = await Promise.race([over, pause(oldLineMs, null, { ref: false })])
  const by = done?.code === 0 ? 'over the line that was open before' : 'by a timer there'
  const still = await comeIn(server, { ...patience, comeInMs: patience.backAgainMs }, ssh => ssh.run(['true']))
  const now =
    still === null ? 'and ssh comes in again' : `and still ssh does not come in (${still.code}: ${still.detail})`
  return new EdgeError(
    'SERVER_SSH_SHUT',
    `no new connection came in within ${patience.comeInMs / 1_000} s (${cause.code}: ${cause.detail}); it was taken back ${by}, ${now}`,
    cause
  )
}
