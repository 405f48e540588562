import type { Setting } from './settings.ts'

/** Read at every boot, after what the distribution brings (50-…) and before what the operator names 99-…. */
export const tuningPath = '/etc/sysctl.d/60-twinedge-link.conf'
export const modulesPath = '/etc/modules-load.d/twinedge-link.conf'

/** One setting that was tuned. */
export interface Tuned {
  readonly name: string
  /** What it was before the first tuning: what an undo puts back. */
  readonly before: string
  readonly value: string
}

const head = `# Written by: twinedge link tune
# To put everything back as it was: twinedge link tune --undo (it reads the "before" lines of this file)
`

/** @returns the text of the file; what it needs to be undone is in it, so that the two cannot part */
export function tuningText(tuned: readonly Tuned[], settings: readonly Setting[]): string {
  const paragraphs = tuned.map(({ name, before, value }) => {
    const why = settings.find(setting => setting.name === name)?.why ?? 'set by an earlier release'
    return `# ${why}\n# before: ${name} = ${before}\n${name} = ${value}\n`
  })
  return [head, ...paragraphs].join('\n')
}

/** @returns what an earlier run has tuned; lines that it did not write are passed over */
export function readTuning(text: string): Tuned[] {
  const all = [...text.matchAll(/^# before: (\S+) = (.+)\n(\S+) = (.+)$/gm)]
  return all.flatMap(([, name = '', before = '', of, value = '']) => (of === name ? [{ name, before, value }] : []))
}

/** @returns the text of the file that has the modules loaded before the settings that need them */
export function modulesText(modules: readonly string[]): string {
  return ['# Written by: twinedge link tune', ...modules, ''].join('\n')
}
