import { type Setting, settings } from './settings.ts'

/** What the kernel says of a module: `unknown`, where neither its list of modules nor its configuration can be read. */
export type ModuleState = 'there' | 'built in' | 'loadable' | 'absent' | 'unknown'

/** A server, as far as its tuning goes. */
export interface HostFacts {
  /** By name, blanks as single spaces; a setting that this kernel (or this network namespace) lacks is not among them. */
  readonly values: Readonly<Record<string, string>>
  /** What net.ipv4.tcp_congestion_control can be set to without loading anything. */
  readonly algorithms: readonly string[]
  readonly modules: Readonly<Record<string, ModuleState>>
  /** As `uname -r` says it. */
  readonly kernel: string
  readonly memoryBytes: number
}

export interface Judgement {
  readonly name: string
  readonly state: 'ok' | 'differs' | 'unavailable'
  /** null: the kernel has no such setting. */
  readonly found: string | null
  /** null: nothing can be wanted of it. */
  readonly wanted: string | null
  /** Why it matters; why it cannot be had, when it cannot. */
  readonly why: string
}

/** Every row of the table against one server. */
export function judgeHost(facts: HostFacts): Judgement[] {
  return settings.map(setting => judge(setting, facts))
}

function judge(setting: Setting, facts: HostFacts): Judgement {
  const { name, why } = setting
  const found = facts.values[name]
  if (found === undefined) {
    return { name, state: 'unavailable', found: null, wanted: null, why: `kernel ${facts.kernel} has no such setting` }
  }
  if (setting.needs !== undefined && facts.values[setting.needs] === undefined) {
    return {
      name,
      state: 'unavailable',
      found,
      wanted: null,
      why: `without ${setting.needs}, which kernel ${facts.kernel} lacks, it would do harm`
    }
  }
  const wanted = setting.wanted(found, facts.memoryBytes)
  if (wanted === found) return { name, state: 'ok', found, wanted, why }
  const missing = missingModule(setting, wanted, facts)
  if (missing !== null) return { name, state: 'unavailable', found, wanted, why: missing }
  return { name, state: 'differs', found, wanted, why }
}

function missingModule({ module }: Setting, wanted: string, facts: HostFacts): string | null {
  if (module === undefined || facts.algorithms.includes(wanted)) return null
  const state = facts.modules[module] ?? 'unknown'
  if (state === 'absent') return `kernel ${facts.kernel} was built or installed without ${wanted} (module ${module})`
  if (state === 'unknown')
    return `whether kernel ${facts.kernel} has ${wanted} (module ${module}) cannot be seen from here`
  return null
}
