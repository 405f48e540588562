import { parseArgs } from 'node:util'
import { readHost, thisHost } from '../../compose/host/host.ts'
import { judgeHost } from '../../compose/host/judgement.ts'
import { size } from '../../proxy/config/kinds/amounts.ts'
import type { LinkMeasure } from '../../proxy/control/protocol.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { ask, type Place, placeOptions } from '../control-client.ts'
import { doneThere } from '../laptop/there.ts'
import { printFailure } from '../terminal.ts'
import { hostReport } from './host-report.ts'
import { lineReport } from './line-report.ts'

/** A workbook, there and back: enough for the kernel to find out what the line bears. */
const usualSize = '4m'
const longestMs = 120_000

/** The line first, then this host, which can be looked at in any case. @returns 0 when there was a line to measure */
export async function check(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { ...placeOptions, size: { type: 'string' }, json: { type: 'boolean' } }
  })
  const bytes = size().read(values.size ?? usualSize)
  if (bytes === undefined) throw new EdgeError('EDGE_USAGE', `--size is ${size().expected}; found ${values.size}`)
  const there = await doneThere(['link', 'check', ...args], values)
  if (there !== null) return there
  const line = await measure(values, bytes)
  const host = judgeHost(await readHost(thisHost))
  const fault = line instanceof EdgeError ? line : null
  if (values.json) {
    const { code, detail } = fault ?? {}
    console.log(JSON.stringify({ line: fault === null ? line : { code, detail }, host }))
    return fault === null ? 0 : 1
  }
  if (line instanceof EdgeError) printFailure(line)
  else console.log(lineReport(line))
  console.log(`\n${hostReport(host)}`)
  return fault === null ? 0 : 1
}

async function measure(place: Place, bytes: number): Promise<LinkMeasure | EdgeError> {
  try {
    const asked = { bytes, longestMs }
    const { body } = await ask({ ...place, timeoutMs: longestMs + 30_000 }, 'POST', '/link/measure', asked)
    return JSON.parse(body)
  } catch (cause) {
    if (cause instanceof EdgeError) return cause
    throw cause
  }
}
