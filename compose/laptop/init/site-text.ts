import { homedir } from 'node:os'
import { relative } from 'node:path'
import type { Field } from '../../../proxy/config/fields.ts'
import { rows } from '../plan/rows.ts'
import type { ServerName } from '../plan/site.ts'
import type { WholeDraft } from './draft.ts'

type Values = Readonly<Record<string, string>>
type Rows = readonly (readonly [string, Field])[]

const order: readonly ServerName[] = ['frontend', 'backend', 'single']

/** A deploy.yaml in which every setting is explained; what has its default, or no value, is commented out. */
export function siteText(draft: WholeDraft, folder: string): string {
  const values = valuesOf(draft, folder)
  const names = order.filter(name => draft.servers[name] !== undefined)
  const lines = [
    '# A site, and the servers that it stands on: what the `twinedge` commands on this machine go by. No secrets in here.',
    '# What is commented out has the value that stands there, or none. Paths are relative to this file.'
  ]
  let part = ''
  for (const [path, row] of Object.entries<Field>(rows)) {
    const [head = '', ...rest] = path.split('.')
    if (rest.length === 0) lines.push('', ...entry(head, row, values[path], ''))
    else if (head !== part) {
      const isUsed = head === 'servers' || Object.keys(values).some(one => one.startsWith(`${head}.`))
      lines.push('', `${isUsed ? '' : '# '}${head}:`)
      if (head === 'servers') lines.push(...servers(names, values))
      else lines.push(...entries(rowsBelow(head), values, head, isUsed ? '  ' : '#   '))
    }
    part = head
  }
  return `${lines.join('\n')}\n`
}

/** The first one explains what the other one says again. */
function servers(names: readonly ServerName[], values: Values): string[] {
  return names.flatMap((name, at) => {
    const of = Object.fromEntries(
      Object.entries(values).map(([path, value]) => [path.replace(`servers.${name}.`, 'servers.*.'), value])
    )
    const all = rowsBelow('servers').filter(([path]) => at === 0 || path in of)
    return [`  ${name}:`, ...entries(all, of, 'servers.*', '    ', at === 0)]
  })
}

function rowsBelow(head: string): Rows {
  return Object.entries<Field>(rows).filter(([path]) => path.startsWith(`${head}.`))
}

function entries(all: Rows, values: Values, head: string, indent: string, isExplained = true): string[] {
  return all.flatMap(([path, row]) => {
    const lines = entry(path.slice(head.length + 1), row, values[path], indent)
    return isExplained ? lines : lines.slice(1)
  })
}

/** Its meaning on one line, itself on the next. */
function entry(
  name: string,
  { meaning, default: usual, example }: Field,
  value: string | undefined,
  indent: string
): string[] {
  const isOff = indent.startsWith('#')
  const off = isOff ? '' : '# '
  const instead = usual === null || usual === undefined || usual.length === 0 ? (example ?? '') : written(usual)
  return [
    `${indent}${off}${meaning}`,
    value === undefined ? `${indent}${off}${name}: ${instead}` : `${indent}${name}: ${value}`
  ]
}

function valuesOf({ name, domains, servers, web, api, apiArgs, hooks }: WholeDraft, folder: string): Values {
  const path = (to: string): string => written(shortest(to, folder))
  const values: Record<string, string> = {
    ...(name === rows.site.default ? {} : { site: name }),
    domains: written(domains.value),
    'web.source': path(web.value),
    'api.source': path(api.value),
    ...(apiArgs.length > 0 && { 'api.args': written(apiArgs) }),
    ...(hooks.before !== null && { 'hooks.before': written(hooks.before) }),
    ...(hooks.after !== null && { 'hooks.after': written(hooks.after) })
  }
  for (const [server, { ssh, address, key }] of Object.entries(servers)) {
    values[`servers.${server}.ssh`] = written(ssh.value)
    values[`servers.${server}.address`] = written(address?.value ?? '')
    if (key !== null) values[`servers.${server}.key`] = path(key)
  }
  return values
}

/** As it would be typed: from the file's folder while that is near, else from the home folder, else whole. */
function shortest(to: string, folder: string): string {
  const near = relative(folder, to) || '.'
  if (!near.startsWith('../../../')) return near
  return to.startsWith(`${homedir()}/`) ? `~${to.slice(homedir().length)}` : to
}

function written(value: string | readonly string[]): string {
  if (typeof value !== 'string') return `[${value.map(one => written(one)).join(', ')}]`
  // What YAML could take for something else than this text, within brackets too, stands in quotes.
  return /^[\w./~@-][\w./@~+-]*(?::[\w./@~+-]+)*$/.test(value) &&
    !/^(?:[+-]?\.?\d+\.?\d*|true|false|null|yes|no|on|off|~)$/i.test(value)
    ? value
    : JSON.stringify(value)
}
