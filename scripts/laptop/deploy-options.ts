import { resolve } from 'node:path'
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import type { Manner } from '../../compose/change/change.ts'
import type { Making } from '../../compose/laptop/deploy/workshop.ts'
import type { Part } from '../../compose/laptop/plan/site.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { mannerOf } from '../stack/access.ts'

/** For parseArgs. */
export const deployOptions = {
  'backend-only': { type: 'boolean' },
  'frontend-only': { type: 'boolean' },
  full: { type: 'boolean' },
  'skip-build': { type: 'boolean' },
  'frontend-artifact': { type: 'string' },
  'cold-build': { type: 'boolean' },
  'from-local': { type: 'boolean' },
  ref: { type: 'string' },
  platform: { type: 'string' },
  'dry-run': { type: 'boolean' },
  finish: { type: 'boolean' }
} as const

/** For parseArgs: how the slots change, as swap has it. */
export const mannerOptions = {
  hold: { type: 'boolean' },
  within: { type: 'string' },
  drain: { type: 'string' },
  keep: { type: 'string' },
  'hand-over': { type: 'string' }
} as const

export const deployUsage = `[--backend-only | --frontend-only | --full] [--dry-run] [--site FILE]
       [--skip-build | [--frontend-artifact FILE | --cold-build] [--from-local | --ref REF]] [--platform PLATFORM]
       [--hold] [--within 2m] [--drain 10m] [--keep 3] [--hand-over COMMAND]
twinedge deploy --finish

  --backend-only, --frontend-only
                    the API alone, or the web app; both unless told
  --skip-build      what was built last on this laptop is shipped and swapped in; with nothing new, a restart without
                    a gap
  --frontend-artifact
                    a build of the web app that was packed before, as a tar.gz
  --cold-build      builds on the server itself, which takes the memory that it serves with; this laptop needs no Docker
  (neither of the next two)
                    of the last commit: what nobody has committed is not in it
  --from-local      of the working tree, as it is
  --ref             of a commit, whatever the working tree has
  --platform        of the servers, such as linux/arm64; by default theirs. Not for --skip-build and --cold-build
  --dry-run         tells every step, and takes none
  --finish          carries on what a laptop that died has left; to undo it: twinedge rollback
  --hold, --within, --drain, --keep, --hand-over
                    how the slots change: twinedge swap --help`

interface DeployValues {
  readonly 'backend-only'?: boolean | undefined
  readonly 'frontend-only'?: boolean | undefined
  readonly full?: boolean | undefined
  readonly 'skip-build'?: boolean | undefined
  readonly 'frontend-artifact'?: string | undefined
  readonly 'cold-build'?: boolean | undefined
  readonly 'from-local'?: boolean | undefined
  readonly ref?: string | undefined
  readonly platform?: string | undefined
}

/** @throws EdgeError EDGE_USAGE */
export function partsOf(values: DeployValues): readonly Part[] {
  oneOf(values, ['backend-only', 'frontend-only', 'full'])
  if (values['backend-only']) return ['api']
  return values['frontend-only'] ? ['web'] : ['api', 'web']
}

/** @throws EdgeError EDGE_USAGE */
export function makingOf(values: DeployValues): Making {
  oneOf(values, ['skip-build', 'frontend-artifact', 'cold-build'])
  oneOf(values, ['skip-build', 'from-local', 'ref'])
  oneOf(values, ['backend-only', 'frontend-artifact'])
  // What is built already, or is built on the server, has its platform.
  for (const name of ['skip-build', 'cold-build'] as const) oneOf(values, [name, 'platform'])
  const artifact = values['frontend-artifact']
  // Then nothing is built of a source.
  if (values['frontend-only'] && artifact !== undefined) {
    for (const name of ['from-local', 'ref'] as const) oneOf(values, ['frontend-artifact', name])
  }
  return {
    isSkipped: values['skip-build'] === true,
    isCold: values['cold-build'] === true,
    artifact: artifact === undefined ? null : resolve(artifact),
    isLocal: values['from-local'] === true,
    ref: values.ref ?? null,
    platform: values.platform ?? null
  }
}

/**
 * How a site's slots change.
 * @throws EdgeError EDGE_USAGE: also for what only a command on the server itself can do
 */
export function siteMannerOf(values: Parameters<typeof mannerOf>[0]): Manner {
  for (const name of ['candidate-env', 'break-lock', 'json'] as const) {
    if (values[name] !== undefined) throw new EdgeError('EDGE_USAGE', `--${name} is not for both servers at once`)
  }
  const how = mannerOf(values)
  // A deploy that fails goes back to the release before, and so does a rollback: its image would be gone.
  if (how.keep < 2) throw new EdgeError('EDGE_USAGE', '--keep: expected 2 or more')
  return how
}

/** A command as others are told of it: options by name alone, for what they say may be nobody else's business. */
export function typed(verb: string, args: readonly string[], options: ParseArgsOptionsConfig): string {
  const config = { args: [...args], options, allowPositionals: true, tokens: true } as const
  const words = parseArgs(config).tokens.map(token =>
    'rawName' in token ? token.rawName : 'value' in token ? token.value : '--'
  )
  return [verb, ...words].join(' ')
}

function oneOf(values: DeployValues, names: readonly (keyof DeployValues)[]): void {
  const given = names.filter(name => values[name] !== undefined)
  if (given.length > 1) throw new EdgeError('EDGE_USAGE', `${given.map(name => `--${name}`).join(' and ')}: choose one`)
}
