import { type Field, type Fields, fields } from './fields.ts'

/** What may stand at one place of the configuration. The rows of fields.ts, as the tree that their paths describe. */
export interface Outline {
  /** The setting that is written here, if one is. */
  row?: Field
  /** The keys of a map whose keys are ours. */
  readonly keys: Map<string, Outline>
  /** Under each key of a map whose keys are the operator's. */
  named?: Outline
  /** At each place of a list. */
  item?: Outline
}

export const outline = outlineOf(fields)

/** Key by key: `tls.certificates[].cert` → tls, certificates, [], cert. */
export function stepsOf(path: string): string[] {
  return path.replaceAll('[]', '.[]').split('.')
}

/** A path with one more step at its end; a number is a place in a list. */
export function below(path: string, step: string | number): string {
  if (typeof step === 'number') return `${path}[${step}]`
  return path === '' ? step : `${path}.${step}`
}

/** `routes[].idle` for 1 → `routes[1].idle`; `upstreams.*.origin` for api → `upstreams.api.origin`. */
export function concrete(pattern: string, steps: readonly (string | number)[]): string {
  let next = 0
  return pattern.replace(/\*|\[\]/g, found => (found === '*' ? `${steps[next++]}` : `[${steps[next++]}]`))
}

/** Whether a part that is left out as a whole is simply not there, instead of there with its defaults. */
export function isOptional(part: Outline): boolean {
  return [...part.keys.values()].some(child => child.row !== undefined && child.row.default === undefined)
}

export function outlineOf(rows: Fields): Outline {
  const root: Outline = { keys: new Map() }
  for (const [path, row] of Object.entries(rows)) {
    let place = root
    for (const step of stepsOf(path)) place = childOf(place, step)
    place.row = row
    if (row.many) place.item = { row, keys: new Map() }
  }
  return root
}

function childOf(place: Outline, step: string): Outline {
  const known = step === '*' ? place.named : step === '[]' ? place.item : place.keys.get(step)
  if (known !== undefined) return known
  const child: Outline = { keys: new Map() }
  if (step === '*') place.named = child
  else if (step === '[]') place.item = child
  else place.keys.set(step, child)
  return child
}
