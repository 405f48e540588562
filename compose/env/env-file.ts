import type { Environment, EnvironmentFault } from './environment.ts'

export interface EnvFile {
  readonly env: Environment
  /** Of the text itself; no value is ever in them. */
  readonly faults: readonly EnvironmentFault[]
}

/** `NAME=value`, `export NAME=value`, `NAME: value`. */
const name = /[ \t]*(?:export[ \t]+)?(?<name>[\w.-]+)[ \t]*[=:][ \t]*/
/** A quoted value may go over lines; what follows it on its last line is not read. */
const value =
  /(?:'(?<single>(?:\\[\s\S]|[^'\\])*)'[^\n]*|"(?<double>(?:\\[\s\S]|[^"\\])*)"[^\n]*|(?<open>["'])[^\n]*|(?<plain>[^\n]*))(?:\n|$)/
const assignment = new RegExp(`^${name.source}${value.source}`)
const skipped = /^[ \t]*(?:#[^\n]*)?(?:\n|$)/

/**
 * A `.env` as Compose reads it, and what there becomes something else than its author meant.
 * @param file as the operator would name it
 */
export function readEnvFile(text: string, file: string): EnvFile {
  const env: Record<string, string> = {}
  const lines = new Map<string, number>()
  const faults: EnvironmentFault[] = []
  let rest = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n')
  for (let line = 1; rest !== ''; ) {
    const [read = '', groups] = next(rest)
    if (groups !== null) faults.push(...add(groups, { env, lines, place: `${file}:${line}`, line }))
    line += read.split('\n').length - 1
    rest = rest.slice(read.length)
  }
  return { env, faults }
}

type Groups = Readonly<Record<string, string | undefined>>

/** @returns what was read, and its parts; null for a comment, none for what Compose would refuse */
function next(rest: string): [string | undefined, Groups | null] {
  const comment = skipped.exec(rest)
  if (comment !== null) return [comment[0], null]
  const found = assignment.exec(rest)
  return found === null ? [/^[^\n]*\n?/.exec(rest)?.[0], {}] : [found[0], found.groups ?? {}]
}

interface Reading {
  readonly env: Record<string, string>
  /** On which line a name was first seen, 1-based. */
  readonly lines: Map<string, number>
  readonly place: string
  readonly line: number
}

function* add(groups: Groups, { env, lines, place, line }: Reading): Iterable<EnvironmentFault> {
  const { name, open } = groups
  if (name === undefined) return yield { name: place, found: 'no NAME=value', expected: 'one, or a # before it' }
  if (open !== undefined)
    return yield { name: place, found: `one ${open}`, expected: 'another one where the value ends' }
  const first = lines.get(name)
  if (first !== undefined)
    yield { name, found: `it on lines ${first} and ${line}`, expected: 'it once: the last counts' }
  lines.set(name, first ?? line)
  const read = textOf(groups, env)
  if (read === undefined) {
    const found = 'a $, where Compose puts the value of a variable'
    yield { name, found, expected: `single quotes around what it is: ${name}='…'` }
  }
  // `NAME= # words` is no comment to Compose.
  if (/^#\s/.test(groups.plain ?? '')) yield { name, found: 'a comment as its value', expected: 'it on a line above' }
  env[name] = read ?? groups.double ?? groups.plain ?? ''
}

/** What a backslash makes of a letter between double quotes; before any other it is itself. */
const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$' }

/** @returns undefined when a `$` in it is none of `${NAME}` with a NAME from above, which somebody meant */
function textOf({ single, double, plain = '' }: Groups, above: Environment): string | undefined {
  if (single !== undefined) return single.replaceAll(/\\([\s\S])/g, (pair, letter) => (letter === "'" ? "'" : pair))
  const written = double ?? plain.replace(/ #.*$/, '').trimEnd()
  let isMeant = true
  // One pass, so that a $ which a backslash makes plain is not looked at again.
  const text = written.replaceAll(/\\([\s\S])|\$\{(\w+)\}|\$/g, (all, escaped?: string, name?: string) => {
    if (escaped !== undefined && double !== undefined) return escapes[escaped] ?? all
    const value = name === undefined ? undefined : above[name]
    if (all.includes('$')) isMeant &&= value !== undefined
    return value ?? all
  })
  return isMeant ? text : undefined
}
