/** What the compose files and the swaps were tried with. */
export const leastEngine = '25'
export const leastCompose = '2.24.4'

/** `26.1.5+dfsg1`, `5:28.2.2-1~debian`, `v2.26.1-4`: what comes before the dots counts first. */
export function isAtLeast(version: string, least: string): boolean {
  const [found, wanted] = [numbersOf(version), numbersOf(least)]
  for (const [at, number] of wanted.entries()) {
    if ((found[at] ?? 0) !== number) return (found[at] ?? 0) > number
  }
  return true
}

/** Without an epoch of Debian's, and up to the packager's own. */
function numbersOf(version: string): number[] {
  return (/^(?:\d+:)?v?([\d.]+)/.exec(version)?.[1] ?? '').split('.').map(Number)
}
