import { parseArgs } from 'node:util'
import type { LinkStatus, RotateAnswer } from '../../proxy/control/protocol.ts'
import { ask, placeOptions } from '../control-client.ts'
import { doneThere } from '../laptop/there.ts'
import { keyTable } from './key-table.ts'
import { commandThere } from './pair.ts'

/** The other server is asked, and has to write to its disk, over a line that may lose much. */
const timeoutMs = 60_000

export async function rotate(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { ...placeOptions, json: { type: 'boolean' } } })
  const there = await doneThere(['link', 'rotate', ...args], values)
  if (there !== null) return there
  const { body } = await ask({ ...values, timeoutMs }, 'POST', '/link/rotate')
  const keys = JSON.parse(body) as RotateAnswer
  if (values.json) {
    console.log(body)
    return 0
  }
  const { state } = JSON.parse((await ask(values, 'GET', '/link')).body) as LinkStatus
  const isKnown = state === 'up'
  const said = isKnown
    ? 'this server has a new key, and the other one takes it; what is in flight goes on'
    : `this server has a new key in place of one that had expired, which the other one cannot know.\n${commandThere(keys)}`
  console.log(`${said}\n\n${keyTable(keys, Date.now())}`)
  return 0
}
