import { nearest } from '../../proxy/config/faults.ts'
import { type Environment, type EnvironmentFault, rowsOf, type Server } from './environment.ts'
import { type VariableName, variables } from './variables.ts'

/** Names of the app's own that are a letter away from others. */
const known = new Set<string>([...Object.keys(variables), 'EXCELMANUS_MODELS'])
/** In shorter words a letter makes another word: HOST and PORT, APP and API. */
const shortest = 4

/**
 * Names that look like one of ours and are none, while that one is not set: nothing would read them, and nothing else
 * would say so. Whatever is further off is the app's own, or the machine's.
 */
export function* misspelt(env: Environment, server: Server): Iterable<EnvironmentFault> {
  const open = rowsOf(server).flatMap(([name]) => (env[name] ? [] : name))
  for (const name of Object.keys(env)) {
    if (!env[name] || known.has(name)) continue
    const near = open.find(ours => isTypo(name, ours))
    // Its value may be a secret.
    if (near !== undefined) yield { name, found: 'a name that nothing reads', expected: `probably ${near}` }
  }
}

/** One of the words between the underscores is a typo, or the underscores or capitals are. */
function isTypo(name: string, ours: VariableName): boolean {
  const [words, those] = [name.toUpperCase().split('_'), ours.split('_')]
  if (words.join('') === those.join('')) return true
  const odd = words.flatMap((word, at) => (word === those[at] ? [] : at))
  const [at = 0] = odd
  const [word = '', meant = ''] = [words[at], those[at]]
  const isOne = words.length === those.length && odd.length === 1
  return isOne && word.length >= shortest && meant.length >= shortest && nearest(word, [meant]) !== undefined
}
