import { EdgeError } from '../../proxy/errors.ts'

/** Variables of a candidate alone, until it takes over. They may be secret: they are written nowhere but into it. */
export type SlotEnvironment = Readonly<Record<string, string>>

/** Within the candidate: a volume, since the rest of it may be read-only, and so that it lasts as long as the candidate. */
export const slotFolder = '/run/twinedge-slot'
export const slotFile = 'environment'
/** What the candidate's image has to have. */
export const shell = '/bin/sh'

const script = `[ ! -s ${slotFolder}/${slotFile} ] || . ${slotFolder}/${slotFile}; exec "$@"`
/** Goes before a command: each time it is started it has what the file says by then. */
export const wrapper: readonly string[] = [shell, '-c', script, 'sh']

const name = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * @param texts NAME=VALUE; or NAME alone, whose value `env` has, so that no list of processes shows it
 * @throws EdgeError EDGE_USAGE, without the value
 */
export function readSlotEnvironment(
  texts: readonly string[],
  env: Readonly<Record<string, string | undefined>>
): SlotEnvironment {
  const pairs = texts.map(text => {
    const at = text.indexOf('=')
    const key = at < 0 ? text : text.slice(0, at)
    const value = at < 0 ? env[key] : text.slice(at + 1)
    if (!name.test(key)) throw refusal('expected NAME=VALUE, NAME being letters, digits and _')
    if (value === undefined) throw refusal(`expected ${key}=VALUE, or ${key} in the environment of this command`)
    return [key, value] as const
  })
  const twice = pairs.find(([key], at) => pairs.findIndex(pair => pair[0] === key) !== at)
  if (twice !== undefined) throw refusal(`${twice[0]} is given twice`)
  return Object.fromEntries(pairs)
}

/** @returns what the shell reads these from */
export function exportLines(values: SlotEnvironment): string {
  const lines = Object.entries(values).map(([key, value]) => `export ${key}='${value.replaceAll("'", `'\\''`)}'\n`)
  return lines.join('')
}

function refusal(detail: string): EdgeError {
  return new EdgeError('EDGE_USAGE', `--candidate-env: ${detail}`)
}
