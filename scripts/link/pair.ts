import { setTimeout as after } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { duration } from '../../proxy/config/kinds/amounts.ts'
import type { LinkKeys, LinkStatus, PairRequest } from '../../proxy/control/protocol.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { printable } from '../../proxy/record/terminal.ts'
import { ask, type Place, placeOptions } from '../control-client.ts'
import { doneThere } from '../laptop/there.ts'
import { laptopsName, span } from '../terminal.ts'
import { keyAdvice, keyTable } from './key-table.ts'
import { faultLines } from './status.ts'

/** A handshake over half the world, after the pause that the edge makes between two tries. */
const usualWait = '15s'
const lookMs = 250

const options = {
  ...placeOptions,
  forget: { type: 'boolean', default: false },
  wait: { type: 'string', default: usualWait },
  json: { type: 'boolean' }
} as const

/** @returns 0 when the key was taken or forgotten, whether or not the link is up by then */
export async function pair(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
  // A terminal may have broken it in two.
  const fingerprint = positionals.join('')
  const wait = duration({ min: 0 })
  const waitMs = wait.read(values.wait)
  if (waitMs === undefined) throw new EdgeError('EDGE_USAGE', `--wait: expected ${wait.expected}`)
  if (fingerprint === '' && values.forget) {
    throw new EdgeError(
      'EDGE_USAGE',
      'twinedge link pair --forget FINGERPRINT; twinedge link shows those that are taken'
    )
  }
  const there = await doneThere(['link', 'pair', ...args], values)
  if (there !== null) return there
  if (fingerprint === '') return await show(values)
  const request: PairRequest = { fingerprint, forget: values.forget }
  const { body } = await ask(values, 'POST', '/link/pair', request)
  const keys = JSON.parse(body) as LinkKeys
  if (values.json) console.log(body)
  else if (values.forget) console.log(`forgotten; lines that were made with it are closed\n\n${describe(keys)}`)
  else await tellWhetherUp(values, keys, waitMs)
  return 0
}

async function show(values: Place & { json?: boolean | undefined }): Promise<number> {
  const { body } = await ask(values, 'GET', '/link')
  const { keys } = JSON.parse(body) as LinkStatus
  if (values.json) console.log(JSON.stringify(keys))
  else console.log(`${commandThere(keys)}\n\n${describe(keys)}`)
  return 0
}

async function tellWhetherUp(place: Place, keys: LinkKeys, waitMs: number): Promise<void> {
  console.log('taken; waiting for the link to come up')
  const link = await waitUntilUp(place, Date.now() + waitMs)
  const missing = [
    `it is not up after ${span(waitMs)}`,
    ...faultLines(link.fault, Date.now()),
    '',
    'Unless the other server has taken the key of this one already:',
    commandThere(keys)
  ]
  console.log(link.state === 'up' ? printable(`the link to ${link.peer} is up`) : missing.join('\n'))
}

/** @returns what was seen last */
async function waitUntilUp(place: Place, untilMs: number): Promise<LinkStatus> {
  for (;;) {
    const link = JSON.parse((await ask(place, 'GET', '/link')).body) as LinkStatus
    if (link.state === 'up' || Date.now() >= untilMs) return link
    await after(lookMs)
  }
}

/** What lets the other server know this one. */
export function commandThere({ own }: LinkKeys): string {
  const command = `twinedge link pair ${own.fingerprint}`
  const name = laptopsName()
  if (name === null) return `Type this on the other server:\n  ${command}`
  return `Type this as well:\n  ${command} --server ${name === 'frontend' ? 'backend' : 'frontend'}`
}

function describe(keys: LinkKeys): string {
  return [keyTable(keys, Date.now()), ...keyAdvice(keys, Date.now())].join('\n')
}
