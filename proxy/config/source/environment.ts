import { type Fault, meant, type Place } from '../faults.ts'
import { below, type Outline, outline } from '../outline.ts'
import { readDocument } from './document.ts'
import type { MapTree, Tree } from './tree.ts'

type Step = string | number

/** A place in the configuration that a variable may set. */
interface Target {
  readonly steps: readonly Step[]
  readonly outline: Outline
}

/** Read by the command itself, before there is a configuration. */
const reserved = new Set(['EDGE_CONFIG'])

/**
 * Writes every EDGE_ variable over what the file says. EDGE_ROUTES_0_IDLE is routes[0].idle; EDGE_ROUTES is all of
 * them. Names that the operator chooses must be in the file or come with the whole map: a misspelt one would
 * otherwise make a new upstream that nothing uses.
 */
export function override(tree: MapTree, env: Readonly<Record<string, string | undefined>>): Fault[] {
  const faults: Fault[] = []
  // The whole before its parts, and routes[0] before routes[1]; an empty variable is one that is not set.
  const order = new Intl.Collator('en', { numeric: true }).compare
  const variables = Object.keys(env).filter(key => key.startsWith('EDGE_') && !reserved.has(key) && env[key])
  for (const variable of variables.sort(order)) {
    const targets = [...targetsIn(tree, outline)]
    const fits = targets.filter(target => variableFor(target.steps) === variable)
    const place: Place = { line: null, variable }
    const [target] = fits
    if (target === undefined) {
      const near = meant(variable, new Set(targets.map(each => variableFor(each.steps))))
      const expected = 'a variable for a setting (upstreams and slots are named in the file)'
      faults.push({ path: '', ...place, found: 'an unknown variable', expected, ...near })
    } else if (fits.length > 1) {
      const expected = `a name for one setting, not for ${fits.map(fit => pathOf(fit.steps)).join(' and ')}`
      faults.push({ path: '', ...place, found: 'an ambiguous variable', expected })
    } else {
      const value = valueFor(target, env[variable] ?? '', variable)
      faults.push(...value.faults.map(fault => ({ ...fault, path: pathOf(target.steps) })))
      if (value.tree !== undefined) put(tree, target.steps, value.tree)
    }
  }
  return faults
}

function variableFor(steps: readonly Step[]): string {
  return `EDGE_${steps
    .join('_')
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '_')}`
}

function pathOf(steps: readonly Step[]): string {
  return steps.reduce<string>(below, '')
}

/** Every place below this one: those of our own keys, the operator's names, a list's items and the one after them. */
function* targetsIn(tree: Tree | undefined, part: Outline, steps: readonly Step[] = []): Generator<Target> {
  if (steps.length > 0) yield { steps, outline: part }
  const entries = tree?.type === 'map' ? tree.entries : undefined
  for (const [key, child] of part.keys) yield* targetsIn(entries?.get(key), child, [...steps, key])
  if (part.named !== undefined) {
    for (const [key, child] of entries ?? []) yield* targetsIn(child, part.named, [...steps, key])
  }
  if (part.item !== undefined) {
    const items = tree?.type === 'list' ? tree.items : []
    for (let index = 0; index <= items.length; index++) {
      yield* targetsIn(items[index], part.item, [...steps, index])
    }
  }
}

/** The variable's text as YAML; where one value is wanted and YAML makes something else of it, as it stands. */
function valueFor(target: Target, text: string, variable: string): ReturnType<typeof readDocument> {
  const reading = readDocument(text, variable)
  if (target.outline.row === undefined) return reading
  // `[::1]:443` and `"status":"ok"` are no YAML scalars, and to quote them twice is a lot to ask in a shell.
  const wanted = target.outline.item === undefined ? ['scalar'] : ['scalar', 'list']
  const isWanted = reading.faults.length === 0 && reading.tree !== undefined && wanted.includes(reading.tree.type)
  return isWanted ? reading : { tree: { type: 'scalar', place: { line: null, variable }, text }, faults: [] }
}

function put(root: MapTree, steps: readonly Step[], value: Tree): void {
  let parent: Tree = root
  for (const [depth, step] of steps.entries()) {
    const isLast = depth === steps.length - 1
    const child: Tree | undefined = isLast ? value : (childOf(parent, step) ?? emptyFor(steps[depth + 1], value.place))
    if (parent.type === 'map') parent.entries.set(String(step), child)
    else if (parent.type === 'list') parent.items[Number(step)] = child
    // A text where a map must be: the file's own fault, which the check of the tree reports.
    else return
    parent = child
  }
}

function childOf(parent: Tree, step: Step): Tree | undefined {
  if (parent.type === 'map') return parent.entries.get(String(step))
  return parent.type === 'list' ? parent.items[Number(step)] : undefined
}

function emptyFor(step: Step | undefined, place: Place): Tree {
  return typeof step === 'number' ? { type: 'list', place, items: [] } : { type: 'map', place, entries: new Map() }
}
