import { basename } from 'node:path'
import { type Tuned, tuningPath } from './tuning-file.ts'

/** A file of settings that is read at boot. */
export interface BootFile {
  readonly path: string
  readonly text: string
}

/** The one without a folder: read last by some distributions, not at all by others. */
export const lastFile = '/etc/sysctl.conf'

/** @returns what a later file is going to undo at the next boot, one sentence each */
export function undoneAtBoot(files: readonly BootFile[], tuned: readonly Tuned[]): string[] {
  return files.filter(isLater).flatMap(({ path, text }) =>
    linesOf(text).flatMap(([name, value]) => {
      const one = tuned.find(one => one.name === name)
      if (one === undefined || one.value === value) return []
      return [
        `${path} says ${name} = ${value} and is read later: the next boot goes by it, until that line is taken out`
      ]
    })
  )
}

/** They are read by the order of their names, whichever folder they are in. */
function isLater({ path }: BootFile): boolean {
  return basename(path) > basename(tuningPath)
}

/** A leading `-` only means that a refusal is no failure; `net/ipv4/x` is another way to write `net.ipv4.x`. */
function linesOf(text: string): [string, string][] {
  return [...text.matchAll(/^[ \t]*-?([\w./]+)[ \t]*=[ \t]*(.*)$/gm)].map(([, name = '', value = '']) => [
    name.replaceAll('/', '.'),
    value.trim().replace(/\s+/g, ' ')
  ])
}
