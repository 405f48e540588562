import type { Coding } from './store/blobs.ts'

const MEMBER = /^([!#$%&'*+.^_`|~\w-]+)(?:[ \t]*;[ \t]*q[ \t]*=[ \t]*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i

/**
 * Chooses among the compressed copies of a file (RFC 9110 §12.5.3): what the client likes best, then the smallest. As it
 * came is what remains, unless the client likes that better; it is sent even to one that refuses everything.
 * @param accepted the values of Accept-Encoding; undefined: it did not say
 * @param copies bytes by coding
 * @returns null: as it came
 */
export function negotiate(accepted: string | undefined, copies: ReadonlyMap<Coding, number>): Coding | null {
  if (accepted === undefined || copies.size === 0) return null
  const weights = weightsIn(accepted)
  let best: Coding | null = null
  let bestWeight = weights.get('identity') ?? 0
  for (const [coding, bytes] of copies) {
    const weight = weights.get(coding) ?? weights.get('*') ?? 0
    if (weight === 0 || bytes === 0 || weight < bestWeight) continue
    if (weight === bestWeight && best !== null && bytes >= copies.get(best)!) continue
    best = coding
    bestWeight = weight
  }
  return best
}

/** A member that cannot be read is no wish. */
function weightsIn(accepted: string): Map<string, number> {
  const weights = new Map<string, number>()
  for (const member of accepted.split(',')) {
    const [, name, weight = '1'] = MEMBER.exec(member.trim()) ?? []
    if (name === undefined) continue
    const coding = name.toLowerCase()
    weights.set(coding === 'x-gzip' ? 'gzip' : coding, Number(weight))
  }
  return weights
}
