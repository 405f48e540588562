import type { Action, Write } from '../bootstrap/step.ts'
import type { FirewallPlan, NftChain, NftFacts, NftRule } from '../firewall/firewall.ts'

/** What a chain is to have, as nft reads it. */
export interface ChainLines {
  readonly chain: NftChain
  readonly lines: readonly string[]
}

/** What is set there now, line by line; the distribution's own file includes it at boot. */
const ownFile = '/etc/twinedge/firewall.nft'
const heading = '# Written by: twinedge bootstrap'
/** Before lines for a chain that is not there at boot: nft would refuse that file, and with it the whole firewall. */
const notAtBoot = '# now, not at boot: '

export function placeOf({ family, table, name }: NftChain): string {
  return `${family} ${table} ${name}`
}

/** @returns what ownFile should hold; '' when everything is let in as it is */
export function textOf(facts: NftFacts, all: readonly ChainLines[]): string {
  const lines = all.flatMap(({ chain, lines }) =>
    lines.map(line => (isAtBoot(facts, chain) ? line : `${notAtBoot}${line}`))
  )
  return lines.length === 0 ? '' : [heading, ...lines, ''].join('\n')
}

/** Whether both say the same of the running system. */
export function sameLines(one: string, other: string): boolean {
  const plain = (text: string): string => text.replaceAll(notAtBoot, '').trimEnd()
  return plain(one) === plain(other)
}

/** What makes it last: the lines in a file of our own, and that one included at the end of the one that is read at boot. */
export function planFiles(
  facts: NftFacts,
  all: readonly ChainLines[]
): Required<Pick<FirewallPlan, 'actions' | 'notes'>> {
  const text = textOf(facts, all)
  const { kept } = facts
  const own: Action[] =
    text.trimEnd() === kept.trimEnd() ? [] : [{ write: ownFile, text, mode: 0o644, before: kept || null }]
  const passing = all.filter(({ chain, lines }) => lines.length > 0 && !isAtBoot(facts, chain))
  return {
    actions: [...own, ...(text.split('\n').some(isRule) ? including(facts) : [])],
    notes: passing.map(
      ({ chain, lines }) =>
        `until the next boot alone, as ${whyNot(facts, chain)}; what does must say as well: ${lines.join('; ')}`
    )
  }
}

function whyNot({ file, fileText }: NftFacts, chain: NftChain): string {
  if (file === null) return `there is no file of nft's that makes ${placeOf(chain)}`
  return fileText === '' ? `${file} cannot be read` : `${file} does not make ${placeOf(chain)}`
}

/** At its end, when its chains are there. It is tried before it is written: one that nft refuses is no firewall at all. */
function including({ file, fileText, fileMode }: NftFacts): Action[] {
  const line = `include "${ownFile}"`
  if (file === null || fileText === '' || fileMode === null || fileText.includes(line)) return []
  return tried({ write: file, text: `${fileText.trimEnd()}\n${line}\n`, mode: fileMode, before: fileText })
}

function tried(file: Write): Action[] {
  const says = `$ nft --check --file - <${file.write}, as it is going to be`
  return [{ run: ['nft', '--check', '--file', '-'], input: file.text, says }, file]
}

interface Removed {
  readonly chain: NftChain
  readonly one: NftRule
}

/** Of the file that is read at boot: a line that says just the same as a rule that went, if there is but one. */
export function planRemoval(
  facts: NftFacts,
  old: readonly Removed[]
): Required<Pick<FirewallPlan, 'actions' | 'notes'>> {
  const { file, fileText, fileMode } = facts
  const lines = fileText.split('\n')
  const found = old.map(({ chain, one }) => {
    const like = [...lines.keys()].filter(
      at => saysPort(lines[at]!, one.ports[0]!) && chainAt(lines, at) === chain.name
    )
    return isAtBoot(facts, chain) && like.length === 1 ? like[0]! : null
  })
  const left = lines.filter((_, at) => !found.includes(at))
  const isKnown = file !== null && fileText !== '' && fileMode !== null && left.length < lines.length
  // nft refuses an include without an end of its line.
  const text = `${left.join('\n').trimEnd()}\n`
  const notes = old
    .filter((_, at) => !isKnown || found[at] === null)
    .map(
      ({ one }) => `${one.ports[0]}: ${file ?? 'what sets nft up at boot'} may open it again; take its line out there`
    )
  return { actions: isKnown ? tried({ write: file, text, mode: fileMode, before: fileText }) : [], notes }
}

/** In which chain a line stands: one that forwards to a container may say the same as one that lets in. */
function chainAt(lines: readonly string[], at: number): string | undefined {
  const begun = lines.slice(0, at).findLast(line => chainBegins.test(line))
  return chainBegins.exec(begun ?? '')?.[1]
}

const chainBegins = /^[^#]*\bchain\s+(?:[^\s{]+\s+)*?([^\s{]+)\s*\{/

/** `tcp dport 8000 accept`, and what does not change the sense of it. */
function saysPort(line: string, port: string): boolean {
  const rule = line
    .replace(/\bct state (?:\{[^}]*\bnew\b[^}]*\}|\S*\bnew\b\S*) /, '')
    .replace(/ comment "[^"]*"/, '')
    .replace(/\bcounter\b/, '')
    .replace(/[{};]|#.*$/g, ' ')
  return rule.trim().replace(/\s+/g, ' ') === `tcp dport ${port} accept`
}

/** Of a file that cannot be read just now, what was known of it the last time. */
function isAtBoot({ fileText, kept }: NftFacts, chain: NftChain): boolean {
  if (fileText !== '') return isNamed(fileText, chain)
  return kept.split('\n').some(line => line.startsWith(`insert rule ${placeOf(chain)} `))
}

/** Whether the file makes this chain: one that something else makes is not there yet when the file is read at boot. */
function isNamed(text: string, { family, table, name }: NftChain): boolean {
  const plain = text.replace(/#.*$/gm, '')
  const own = RegExp.escape(table)
  const ofTable = family === 'ip' ? `(?:ip\\s+)?${own}` : `${family}\\s+${own}`
  const has = (what: string): boolean => new RegExp(`\\b${what}(?![\\w-])`).test(plain)
  return has(`table\\s+${ofTable}`) && has(`chain\\s+(?:${ofTable}\\s+)?${RegExp.escape(name)}`)
}

function isRule(line: string): boolean {
  return line.startsWith('insert rule ')
}
