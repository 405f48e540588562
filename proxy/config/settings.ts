import { type Fault, meant, nearest, type Place, shown } from './faults.ts'
import { type Field, type Fields, fields, type ValueOf } from './fields.ts'
import { name } from './kinds/texts.ts'
import { below, concrete, isOptional, type Outline, outline, stepsOf } from './outline.ts'
import type { MapTree, Tree } from './source/tree.ts'

type Step = string | number

/** What may be written in a file: its rows, the tree that they make, and where they are explained. */
export interface Form<F extends Fields> {
  readonly rows: F
  readonly outline: Outline
  readonly page: string
}

const ofTheEdge: Form<typeof fields> = { rows: fields, outline, page: 'docs/settings.md' }

/** The values that could be read, and where each was written. With faults, some are missing. */
export class Settings<F extends Fields = typeof fields> {
  readonly #values = new Map<string, unknown>()
  readonly #places = new Map<string, Place>()
  readonly #keys = new Map<string, readonly string[]>()
  readonly #form: Form<F>
  readonly faults: Fault[] = []

  constructor(tree: MapTree, form = ofTheEdge as unknown as Form<F>) {
    this.#form = form
    this.#readMap(tree, form.outline, '')
  }

  /** The value of a setting; undefined where a fault stands in its place. */
  get<P extends keyof F & string>(row: P, ...steps: readonly Step[]): ValueOf<P, F> | undefined {
    return this.#values.get(concrete(row, steps)) as ValueOf<P, F> | undefined
  }

  /** The keys of a map or the indexes of a list, as they were written; none where it was left out. */
  keys(path: string): readonly string[] {
    return this.#keys.get(path) ?? []
  }

  /** Whether it was written, rightly or not. */
  has(path: string): boolean {
    return this.#places.has(path)
  }

  /** Whether it was left out, or written with nothing in it. What could not be read is not empty. */
  isEmpty(path: string): boolean {
    return !this.has(path) || this.#keys.get(path)?.length === 0
  }

  /** Where this was written; for what was left out, where the map that lacks it was. */
  place(path: string): Place {
    let at = path
    while (at !== '') {
      const place = this.#places.get(at)
      if (place !== undefined) return place
      at = at.slice(0, Math.max(at.lastIndexOf('.'), at.lastIndexOf('['), 0))
    }
    return this.#places.get('') ?? { line: null }
  }

  #read(tree: Tree, part: Outline, path: string): void {
    this.#places.set(path, tree.place)
    if (part.row !== undefined && part.item !== undefined) this.#readMany(tree, part.row, path)
    else if (part.row !== undefined) this.#set(path, this.#readOne(tree, part.row, path))
    else if (part.item !== undefined) this.#readList(tree, part.item, path)
    else if (tree.type === 'map') this.#readMap(tree, part, path)
    else this.#refuse(path, tree, `a map${examples(part)}`)
  }

  #readMap(tree: MapTree, part: Outline, path: string): void {
    this.#places.set(path, tree.place)
    this.#keys.set(path, [...tree.entries.keys()])
    for (const [key, child] of tree.entries) {
      const known = part.named ?? part.keys.get(key)
      const childPath = below(path, key)
      if (known === undefined) this.#refuseKey(childPath, key, { part, place: child.place })
      else {
        if (part.named !== undefined && name.read(key) === undefined) {
          this.faults.push({ path: childPath, ...child.place, found: shown(key), expected: name.expected })
        }
        this.#read(child, known, childPath)
      }
    }
    for (const [key, child] of part.keys) {
      const childPath = below(path, key)
      if (!tree.entries.has(key) && !this.#places.has(childPath)) this.#fill(child, childPath, tree.place)
    }
  }

  #readList(tree: Tree, item: Outline, path: string): void {
    if (tree.type !== 'list') {
      this.#refuse(path, tree, `a list, each item${examples(item)}`)
      return
    }
    this.#keys.set(path, [...tree.items.keys()].map(String))
    for (const [index, child] of tree.items.entries()) this.#read(child, item, below(path, index))
  }

  #readMany(tree: Tree, row: Field, path: string): void {
    const items = tree.type === 'list' ? [...tree.items.entries()] : [[undefined, tree] as const]
    const values = items.map(([index, item]) => {
      const itemPath = index === undefined ? path : below(path, index)
      this.#places.set(itemPath, item.place)
      return this.#readOne(item, row, itemPath)
    })
    if (!values.includes(undefined)) this.#set(path, values)
  }

  #readOne(tree: Tree, row: Field, path: string): unknown {
    const { kind } = row
    if (tree.type !== 'scalar') return this.#refuse(path, tree, kind.expected)
    const value = kind.read(tree.text)
    if (value === undefined) {
      const near = kind.options === undefined ? {} : meant(tree.text, kind.options)
      this.#refuse(path, tree, kind.why?.(tree.text) ?? kind.expected, near)
    }
    return value
  }

  /** What was left out: its default, or a fault if it has none. */
  #fill(part: Outline, path: string, place: Place): void {
    if (part.row === undefined) {
      if (isOptional(part)) return
      for (const [key, child] of part.keys) this.#fill(child, below(path, key), place)
    } else if (part.row.default !== undefined) {
      this.#set(path, defaultOf(part.row))
    } else {
      const { kind, example } = part.row
      const hasExample = kind.options === undefined && example !== undefined
      const expected = hasExample ? `${stepsOf(path).at(-1)}: ${example}, or the like` : kind.expected
      this.faults.push({ path, ...place, found: 'nothing', expected })
    }
  }

  #set(path: string, value: unknown): void {
    if (value !== undefined) this.#values.set(path, value)
  }

  #refuse(path: string, tree: Tree, expected: string, near: { nearest?: string } = {}): undefined {
    const found = tree.type === 'scalar' ? shown(tree.text) : tree.type === 'list' ? 'a list' : 'a map'
    this.faults.push({ path, ...tree.place, found, expected, ...near })
  }

  #refuseKey(path: string, key: string, { part, place }: { part: Outline; place: Place }): void {
    const known = [...part.keys.keys()]
    const typo = nearest(key, known)
    const near = typo ?? elsewhere(key, this.#form.rows)
    // What was misspelt is not also missing.
    if (typo !== undefined) this.#places.set(path.slice(0, path.length - key.length) + typo, place)
    const expected = known.length > 8 ? `a name from ${this.#form.page}` : `one of ${known.join(', ')}`
    const fault: Fault = { path, ...place, found: `the unknown key ${shown(key)}`, expected }
    this.faults.push(near === undefined ? fault : { ...fault, nearest: near })
  }
}

/** The default of a setting as its value: what the kind reads from it. null where the row has none. */
export function defaultOf(row: Field): unknown {
  const { kind, default: written } = row
  if (written === null || written === undefined) return null
  return typeof written === 'string' ? kind.read(written) : written.map(each => kind.read(each))
}

/** The setting that this key would be in another place, or under its name in nginx. */
function elsewhere(key: string, rows: Fields): string | undefined {
  const paths = Object.keys(rows)
  return paths.find(path => stepsOf(path).at(-1) === key) ?? paths.find(path => rows[path]?.nginx === key)
}

function examples(part: Outline): string {
  if (part.named !== undefined) return ' with a name for each'
  return ` with ${[...part.keys.keys()].slice(0, 3).join(', ')}${part.keys.size > 3 ? ', …' : ''}`
}
