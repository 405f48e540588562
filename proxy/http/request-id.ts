import { randomBytes } from 'node:crypto'

/** Ids that are one of a kind across restarts and servers: eight random characters for the process, then a count. */
export function requestIds(): () => string {
  const process = randomBytes(6).toString('base64url').replaceAll(/[-_]/g, 'x')
  let count = 0
  return () => `${process}${(++count).toString(36).padStart(6, '0')}`
}
