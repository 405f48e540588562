/** A line that gives a variable its value, as Compose reads it. */
const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*[=:]\s*([^\n]*)$/

/**
 * @returns the text of a `.env` with these variables in it. Where one stands already its last line is changed, for that
 *   one counts; what is new comes at the end. Every other line stays as it is, byte for byte
 */
export function withVariables(text: string, values: Readonly<Record<string, string>>): string {
  const lines = text.split('\n')
  const places = placesOf(lines)
  const added: string[] = []
  for (const [name, value] of Object.entries(values)) {
    const at = places.get(name)
    if (at === undefined) added.push(`${name}=${value}`)
    else lines[at] = `${name}=${value}${lines[at]!.endsWith('\r') ? '\r' : ''}`
  }
  if (added.length === 0) return lines.join('\n')
  if (lines.at(-1) === '') lines.pop()
  return `${[...lines, ...added].join('\n')}\n`
}

/** The last line of each variable's assignment; lines within a quoted value assign nothing. */
function placesOf(lines: readonly string[]): Map<string, number> {
  const places = new Map<string, number>()
  let quote = ''
  for (const [at, line] of lines.entries()) {
    if (quote !== '') {
      if (isClosed(line, quote)) quote = ''
      continue
    }
    const [, name, value = ''] = assignment.exec(line) ?? []
    if (name === undefined) continue
    places.set(name, at)
    const first = value.charAt(0)
    if ((first === '"' || first === "'") && !isClosed(value.slice(1), first)) quote = first
  }
  return places
}

function isClosed(text: string, quote: string): boolean {
  return text.replace(/\\./g, '').includes(quote)
}
