import { nearest } from '../../proxy/config/faults.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { placeUsage } from '../control-client.ts'

export const summary =
  'Show the link to the other server; pair the two, change keys, look at the line, tune this server for it'
export const usage = `${placeUsage} [--json]
twinedge link pair [FINGERPRINT [--wait DURATION | --forget]] ${placeUsage} [--json]
twinedge link rotate ${placeUsage} [--json]
twinedge link check [--size 4m] ${placeUsage} [--json]
twinedge link tune [--dry-run | --yes] [--undo]

  (none)  whether the link is up, since when, over how many lines, with which keys, and what the other server tells of
          itself; exit code 0 while it is up, else 1
  pair    shows the key of this server, and what to type on the other one
            FINGERPRINT  takes it for the other server's, and tells whether the link comes up
            --wait       for how long to wait for that; 15s unless told
            --forget     takes it for that no longer: every line that was made with it is closed
  rotate  gives this server a new key, which the other one takes before it is used; it happens by itself in the last
          30 days of the year that a key lives
  check   measures the line (round trip, loss, and throughput with --size in each direction), and shows how this server
          is set for a long, lossy one
  tune    sets it: prints every change, then asks; settings of the kernel, and two files below /etc so that they last
            --dry-run    prints, and changes nothing
            --yes        does not ask; needed where there is no terminal
            --undo       puts back what was there before the first tuning, and removes the files`

type Action = (args: string[]) => Promise<number>

/** Loaded when it is asked for: each needs what the others do not. */
const actions: Readonly<Record<string, () => Promise<Action>>> = {
  pair: async () => (await import('../link/pair.ts')).pair,
  rotate: async () => (await import('../link/rotate.ts')).rotate,
  check: async () => (await import('../link/check.ts')).check,
  tune: async () => (await import('../link/tune.ts')).tune
}

export async function run(args: string[]): Promise<number> {
  const [name = '-', ...rest] = args
  if (name.startsWith('-')) return await (await import('../link/status.ts')).status(args)
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined
  if (action !== undefined) return await (await action())(rest)
  const near = nearest(name, Object.keys(actions))
  const hint = near === undefined ? '' : `; did you mean ${near}?`
  throw new EdgeError('EDGE_USAGE', `twinedge link ${Object.keys(actions).join(', ')}; there is no "${name}"${hint}`)
}
