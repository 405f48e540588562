import type { Place } from '../faults.ts'

/** What the operator wrote, before anything is known about its meaning. Every scalar is still its text. */
export type Tree = ScalarTree | ListTree | MapTree

export interface ScalarTree {
  readonly type: 'scalar'
  readonly place: Place
  readonly text: string
}

export interface ListTree {
  readonly type: 'list'
  readonly place: Place
  readonly items: Tree[]
}

export interface MapTree {
  readonly type: 'map'
  readonly place: Place
  readonly entries: Map<string, Tree>
}

/** Whether there is nothing here: an empty file, or a key with nothing after it. */
export function isNothing(tree: Tree): boolean {
  return tree.type === 'scalar' && tree.text === ''
}
