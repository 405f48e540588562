import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import type { Contestant } from './contestants.ts'
import { find } from './peers/launch.ts'

/** Prints rows under their columns: the first to the left, figures to the right. */
export function printTable(title: string, columns: readonly string[], rows: readonly (readonly string[])[]): void {
  const lines = [columns, ...rows]
  const widths = columns.map((_, index) => Math.max(...lines.map(line => line[index]?.length ?? 0)))
  console.log(`\n${title}`)
  for (const line of lines) {
    const cells = line.map((cell, index) =>
      index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)
    )
    console.log(`  ${cells.join('  ')}`.trimEnd())
  }
}

/** What ran, on what: without it a figure means nothing. */
export function printMachine(raced: readonly Contestant[]): void {
  const gigabytes = Math.round(totalmem() / 2 ** 30)
  console.log(
    `${cpus()[0]?.model}, ${cpus().length} cores, ${gigabytes} GB, Linux ${release()}, Node ${process.version}`
  )
  for (const each of raced) console.log(`  ${each.name}: ${versionOf(each)}`)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2
}

/** `0.83×`; a dash when either is missing. */
export function ratio(value: number, yardstick: number | undefined): string {
  const quotient = value / (yardstick ?? Number.NaN)
  return Number.isFinite(quotient) ? `${quotient.toFixed(2)}×` : '-'
}

/** A dash for what could not be measured. */
export function figure(value: number, digits = 0): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '-'
}

function versionOf(contestant: Contestant): string {
  const binary = find(contestant)
  if (binary === null) return `not installed: ${contestant.get}`
  if (contestant.package !== undefined) {
    const file = new URL(`../../${contestant.package}/package.json`, import.meta.url)
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
  }
  // nginx tells its version on standard error.
  const said = execFileSync('/bin/sh', ['-c', '"$0" "$@" 2>&1 || true', binary, ...contestant.version], {
    encoding: 'utf8'
  })
  return said.split('\n')[0] ?? ''
}
