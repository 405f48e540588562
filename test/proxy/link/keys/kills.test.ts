import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LinkKeys } from '../../../../proxy/link/keys/link-keys.ts'
import { command, project } from '../../../doubles/command.ts'
import { derOf, folder, now, open } from './pair.ts'

/** More than there are steps, or it would not end. */
const most = 40
const script = join(project, 'test/fixtures/rotating-keys.ts')

/** @returns what it said before it was killed */
async function run(path: string, steps: number): Promise<string> {
  const { NODE_OPTIONS: _, ...env } = process.env
  const { out, err } = await command(process.execPath, [script, path, `${steps}`], { env })
  if (err !== '') throw new Error(err)
  return out
}

async function finish(a: LinkKeys, b: LinkKeys): Promise<void> {
  await a.finishRotation(async (_method, _path, body) => {
    await b.takeFromPeer(body, a.current.fingerprint)
    return { status: 200 }
  })
}

async function check(t: Test, path: string, said: string): Promise<void> {
  // Whatever was left behind is no reason for a warning: nothing is damaged.
  const [a, b] = [await open(t, join(path, 'a')), await open(t, join(path, 'b'))]
  if (!said.includes('paired')) await Promise.all([a.pin(b.current.fingerprint), b.pin(a.current.fingerprint)])
  t.same([a.judge(derOf(b.current), now), b.judge(derOf(a.current), now)], ['known', 'known'], 'the link comes up')
  await finish(a, b)
  t.same([a.next, a.dropPending], [null, []])
  const pins = b.status.peer.map(({ fingerprint }) => fingerprint)
  t.same(pins, [a.current.fingerprint], 'and nothing is left over')
}

t.test('a kill between any two steps leaves two edges that find each other, and a rotation that goes on', async t => {
  let said = ''
  let steps = 0
  for (; steps < most && !said.includes('rotated'); steps += 1) {
    const path = await folder(t)
    said = await run(path, steps)
    await t.test(`killed before step ${steps + 1}, having said ${JSON.stringify(said)}`, t => check(t, path, said))
  }
  t.ok(said.includes('rotated'), 'the last one was not killed')
  t.ok(steps > 12, `${steps} steps`)
})
