import { type HostFacts, type Judgement, judgeHost } from './judgement.ts'
import { settings } from './settings.ts'
import { modulesPath, modulesText, type Tuned, tuningPath, tuningText } from './tuning-file.ts'

export interface Change {
  readonly name: string
  readonly from: string
  readonly to: string
  /** null: it is only put back. */
  readonly why: string | null
  readonly cost: string | null
}

export interface FileChange {
  readonly path: string
  /** null: it goes. */
  readonly text: string | null
}

/** All that a run is going to do, before it does any of it. */
export interface Plan {
  readonly changes: readonly Change[]
  /** What the file is going to hold; none: the files go. */
  readonly tuned: readonly Tuned[]
  /** Kernel modules to be loaded, now and at every boot. */
  readonly modules: readonly string[]
  /** What is left as it is although it was asked for, and why. */
  readonly left: readonly string[]
}

/** @param had what the file of an earlier run holds: the first value before any tuning is the one that counts */
export function planTuning(facts: HostFacts, had: readonly Tuned[]): Plan {
  const judged = judgeHost(facts)
  const changes = judged.filter(({ state }) => state === 'differs').map(changeOf)
  const changed = changes.map(({ name, from, to }) => ({
    name,
    before: had.find(one => one.name === name)?.before ?? from,
    value: to
  }))
  const kept = had.filter(({ name }) => !changed.some(one => one.name === name))
  const tuned = inOrder([...kept, ...changed])
  const left = judged.filter(({ state }) => state === 'unavailable').map(({ name, why }) => `${name}: ${why}`)
  return { changes, tuned, modules: modulesOf(tuned, facts), left }
}

/** Puts back what still is as it was tuned: what somebody has set since is theirs. */
export function planUndo({ values }: HostFacts, had: readonly Tuned[]): Plan {
  const isOurs = ({ name, value }: Tuned): boolean => values[name] === value
  const isOther = ({ name, value, before }: Tuned): boolean => ![value, before, undefined].includes(values[name])
  return {
    changes: had
      .filter(one => isOurs(one) && one.before !== one.value)
      .map(({ name, before, value }) => ({ name, from: value, to: before, why: null, cost: null })),
    tuned: [],
    modules: [],
    left: had.filter(isOther).map(({ name }) => `${name}: ${values[name]}, set since by somebody else`)
  }
}

/** The files of a plan, as they are going to be. */
export function filesOf({ tuned, modules }: Pick<Plan, 'tuned' | 'modules'>): FileChange[] {
  return [
    { path: modulesPath, text: modules.length === 0 ? null : modulesText(modules) },
    { path: tuningPath, text: tuned.length === 0 ? null : tuningText(tuned, settings) }
  ]
}

/** The plan's files once some of its settings could not be had: a boot must not stumble over them. */
export function without(plan: Plan, names: readonly string[]): Plan {
  const tuned = plan.tuned.filter(({ name }) => !names.includes(name))
  const needed = settings.filter(({ name }) => tuned.some(one => one.name === name)).map(({ module }) => module)
  return { ...plan, tuned, modules: plan.modules.filter(module => needed.includes(module)) }
}

function changeOf({ name, found, wanted, why }: Judgement): Change {
  const cost = settings.find(setting => setting.name === name)?.cost ?? null
  return { name, from: `${found}`, to: `${wanted}`, why, cost }
}

function modulesOf(tuned: readonly Tuned[], { modules }: HostFacts): string[] {
  return settings.flatMap(({ name, module }) => {
    const isTuned = tuned.some(one => one.name === name)
    const isModule = module !== undefined && ['there', 'loadable'].includes(modules[module] ?? 'unknown')
    return isTuned && isModule ? [module] : []
  })
}

function inOrder(tuned: readonly Tuned[]): Tuned[] {
  const rank = ({ name }: Tuned): number => settings.findIndex(setting => setting.name === name)
  return tuned.toSorted((a, b) => rank(a) - rank(b))
}
