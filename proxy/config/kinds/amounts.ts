import type { Kind } from './kind.ts'

export interface Bounds {
  readonly min?: number
  readonly max?: number
}

const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const
// A timer of Node's that is set for longer than this fires at once.
const longestMs = 2 ** 31 - 1

/** nginx's way to write time: `600s`, `5m`, `1h30m`, `250ms`; a bare number is seconds. In milliseconds. */
export function duration({ min = 1, max = longestMs }: Bounds = {}): Kind<number> {
  return {
    name: 'duration',
    unit: 'seconds',
    expected: `a duration such as 600s, 5m or 250ms${min > 0 ? ', above 0 and' : ','} at most ${Math.floor(max / unitMs.d)}d`,
    read: text => within(readDurationMs(text), { min, max }),
    why: text => (/^\d+[A-Z]+$/.test(text) ? 'its unit in lower case: ms, s, m, h or d' : undefined)
  }
}

/** nginx's way to write sizes: `32k`, `100m`, `1g` (powers of 1024); a bare number is bytes. In bytes. */
export function size({ min = 1 }: Bounds = {}): Kind<number> {
  return {
    name: 'size',
    unit: 'bytes',
    expected: `a size such as 32k, 100m or 1g${min > 0 ? ', above 0' : ''}`,
    read: text => within(readBytes(text), { min }),
    why: text => {
      if (/^\d+ ?[kmg]i?b$/i.test(text)) return 'a size without "B": 100m, not 100MB'
      if (/^0+[kmg]?$/i.test(text)) return 'a size above 0: unlike in nginx, 0 does not switch the limit off'
      return undefined
    }
  }
}

/** A whole number. */
export function count({ min = 0, max = 1_000_000_000 }: Bounds = {}): Kind<number> {
  return {
    name: 'number',
    expected: `a whole number from ${min} to ${max}`,
    read: text => within(/^\d{1,15}$/.test(text) ? Number(text) : undefined, { min, max })
  }
}

export const flag: Kind<boolean> = {
  name: 'true or false',
  expected: 'true or false',
  read: text => (text === 'true' ? true : text === 'false' ? false : undefined)
}

export function choice<const T extends string>(...options: readonly T[]): Kind<T> {
  return {
    name: options.join(', '),
    expected: options.length === 1 ? `${options[0]}` : `one of ${options.join(', ')}`,
    options,
    read: text => options.find(option => option === text)
  }
}

function readDurationMs(text: string): number | undefined {
  if (/^\d{1,12}$/.test(text)) return Number(text) * 1000
  if (!/^(?=\d)(\d{1,12}d)?(\d{1,12}h)?(\d{1,12}m)?(\d{1,12}s)?(\d{1,12}ms)?$/.test(text)) return undefined
  let sumMs = 0
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|[dhms])/g)) {
    sumMs += Number(amount) * unitMs[unit as keyof typeof unitMs]
  }
  return sumMs
}

function readBytes(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,15})([kmg]?)$/i.exec(text) ?? []
  if (digits === undefined || unit === undefined) return undefined
  const power = ['', 'k', 'm', 'g'].indexOf(unit.toLowerCase())
  return Number(digits) * 1024 ** power
}

function within(value: number | undefined, { min = 0, max = Number.MAX_SAFE_INTEGER }: Bounds): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined
}
