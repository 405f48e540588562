import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLError
} from 'yaml'
import { type Fault, type Place, shown } from '../faults.ts'
import { below } from '../outline.ts'
import type { Tree } from './tree.ts'

/** An operator's file has some hundred nodes and a depth of five. Beyond these, aliases multiply each other. */
const most = { characters: 1_000_000, nodes: 20_000, depth: 20 }

/** What a text holds. `tree` is missing where it cannot be told; `faults` then says why. */
export interface Reading {
  readonly tree?: Tree
  readonly faults: Fault[]
}

interface Reader {
  /** Where each alias leads: the last node so far with that anchor. */
  readonly anchors: Map<string, Node>
  readonly faults: Fault[]
  readonly placeOf: (node: Node | undefined, fallback: Place) => Place
  nodes: number
  isFull: boolean
}

/** Reads one YAML document. Never throws: what is wrong with it comes back as faults, with their lines. */
export function readDocument(text: string, variable?: string): Reading {
  const top: Place = variable === undefined ? { line: 1 } : { line: null, variable }
  const refuse = (found: string, expected: string): Reading => ({ faults: [{ path: '', ...top, found, expected }] })
  if (text.length > most.characters) return refuse(`${text.length} characters`, `at most ${most.characters}`)
  const lines = new LineCounter()
  const placeAt = (offset: number | undefined, fallback: Place): Place =>
    variable !== undefined || offset === undefined ? fallback : { line: Math.max(1, lines.linePos(offset).line) }
  try {
    const document = parse(text, lines)
    const problems = [...document.errors, ...document.warnings]
    if (problems.length > 0) return { faults: syntaxFaults(problems, text, offset => placeAt(offset, top)) }
    const placeOf = (node: Node | undefined, fallback: Place): Place => placeAt(node?.range?.[0], fallback)
    const reader: Reader = { anchors: new Map(), faults: [], nodes: 0, isFull: false, placeOf }
    const tree = convert(document.contents, { path: '', place: top, depth: 0 }, reader)
    return tree === undefined ? { faults: reader.faults } : { tree, faults: reader.faults }
  } catch (cause) {
    // The yaml package turns its own exceptions into errors. An edge that dies of a reload is worse than a vague fault.
    return refuse('YAML that cannot be read', `valid YAML (${(cause as Error).message})`)
  }
}

/** Failsafe: no booleans, numbers or nulls are guessed, so `body: no` or `022` reach their kind as they were written. */
function parse(text: string, lineCounter: LineCounter): Document {
  return parseDocument(text, {
    schema: 'failsafe',
    resolveKnownTags: false,
    uniqueKeys: false, // found here instead, with the path of the key
    prettyErrors: false,
    logLevel: 'error', // the package's name for silence that still reports a second document
    lineCounter
  })
}

interface Spot {
  readonly path: string
  readonly place: Place
  readonly depth: number
}

function convert(node: unknown, spot: Spot, reader: Reader): Tree | undefined {
  const { path, place } = spot
  if (reader.nodes++ > most.nodes || spot.depth > most.depth) {
    const found = 'too many values inside each other'
    if (!reader.isFull) reader.faults.push({ path: '', ...place, found, expected: 'fewer aliases and levels' })
    reader.isFull = true
    return undefined
  }
  if (isAlias(node)) return convertAlias(node.source, spot, reader)
  if (isNode(node) && 'anchor' in node && node.anchor) reader.anchors.set(node.anchor, node)
  if (isMap(node)) return convertMap(node.items, spot, reader)
  if (isSeq(node)) {
    const items = node.items.map((item, index) => {
      const itemPlace = reader.placeOf(item as Node, place)
      return convert(item, { path: below(path, index), place: itemPlace, depth: spot.depth + 1 }, reader)
    })
    return { type: 'list', place, items: items.filter(item => item !== undefined) }
  }
  const text = isScalar(node) && node.value !== null ? String(node.value) : ''
  return { type: 'scalar', place, text }
}

function convertAlias(source: string, spot: Spot, reader: Reader): Tree | undefined {
  const target = reader.anchors.get(source)
  if (target !== undefined) return convert(target, { ...spot, depth: spot.depth + 1 }, reader)
  // What an operator means by `*.example.com` is a wildcard, and the kind of the setting can say more about it.
  if (source.startsWith('.')) return { type: 'scalar', place: spot.place, text: `*${source}` }
  const expected = `an anchor &${source} above it`
  reader.faults.push({ path: spot.path, ...spot.place, found: `the alias ${shown(`*${source}`)}`, expected })
  return undefined
}

function convertMap(pairs: readonly { key: unknown; value: unknown }[], spot: Spot, reader: Reader): Tree {
  const entries = new Map<string, Tree>()
  const firstPlaces = new Map<string, Place>()
  for (const { key, value } of pairs) {
    const place = reader.placeOf((key ?? undefined) as Node | undefined, spot.place)
    if (!isScalar(key)) {
      reader.faults.push({ path: spot.path, ...place, found: 'a key that is not text', expected: 'key: value' })
      continue
    }
    const name = String(key.value ?? '')
    const path = below(spot.path, name)
    const first = firstPlaces.get(name)
    if (first !== undefined) {
      const where = first.line === null ? '' : ` (the first is on line ${first.line})`
      reader.faults.push({ path, ...place, found: `a second ${shown(name)}`, expected: `each key once${where}` })
      continue
    }
    firstPlaces.set(name, place)
    const tree = convert(value, { path, place, depth: spot.depth + 1 }, reader)
    if (tree !== undefined) entries.set(name, tree)
  }
  return { type: 'map', place: spot.place, entries }
}

/** The yaml package's codes, in an operator's words. */
const syntax: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  TAB_AS_INDENT: 'spaces: YAML is not indented with tabs',
  BAD_INDENT: 'the indentation of the lines around it, and every bracket closed',
  MISSING_CHAR: 'the indentation of the lines around it, and every colon, quote and bracket',
  BLOCK_AS_IMPLICIT_KEY: 'one key on a line, or quotes around a value with a colon in it',
  MULTILINE_IMPLICIT_KEY: 'a key and its value on one line, or a colon after the key',
  RESOURCE_EXHAUSTION: 'fewer levels of nesting',
  MULTIPLE_DOCS: 'one document: no further --- in the file',
  TAG_RESOLVE_FAILED: 'a value without a !tag',
  BAD_COLLECTION_TYPE: 'a value without a !tag'
}

/** One fault a line: the parser's second complaint about it only follows from the first. */
function syntaxFaults(problems: readonly YAMLError[], text: string, placeAt: (offset: number) => Place): Fault[] {
  const faults = problems.map(each => syntaxFault(each, text, placeAt(each.pos[0])))
  return faults.filter((fault, index) => faults.findIndex(({ line }) => line === fault.line) === index)
}

function syntaxFault(error: YAMLError, text: string, place: Place): Fault {
  const [from = 0] = error.pos
  const lineStart = text.lastIndexOf('\n', from - 1) + 1
  const lineEnd = text.indexOf('\n', from)
  const line = text.slice(lineStart, lineEnd === -1 ? undefined : lineEnd).trim()
  const found = shown(line)
  if (/[^"']\[[\da-f:.]*:[\da-f:.]*\]:\d/i.test(line)) {
    return { path: '', ...place, found, expected: 'quotes around an IPv6 address: "[::1]:443"' }
  }
  const message = error.message.split('\n')[0]
  return { path: '', ...place, found, expected: syntax[error.code] ?? `valid YAML (${message})` }
}
