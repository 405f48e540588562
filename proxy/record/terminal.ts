/** Controls (C0, DEL, C1), line separators and the marks that reverse text: what could forge or hide a line. */
const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** @returns `text` on one line, harmless to a terminal: `\u001b` instead of an escape character */
export function printable(text: string): string {
  return text.replace(unprintable, found => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

type Line = Record<string, string | number | undefined>
/** Said already, or not worth a place on a terminal. */
const unlisted = new Set(['level', 'time', 'message'])

/**
 * @param json one line of the log
 * @returns it as people read it: `15:02:11 200 GET /api/v1/health → api 3 ms 1.2 kB h2 id=4f1c`
 */
export function terminalLine(json: string): string {
  const line = JSON.parse(json) as Line
  const words = line.method === undefined ? messageWords(line) : requestWords(line)
  return `${clock(String(line.time))} ${words
    .filter(word => word !== '')
    .map(printable)
    .join(' ')}\n`
}

function requestWords(line: Line): string[] {
  const upstream = line.upstream === undefined ? '' : `→ ${line.upstream}${isNamed(line.slot) ? `/${line.slot}` : ''}`
  const words = [`${line.status}`, `${line.method} ${line.path}`, upstream, duration(Number(line.total))]
  words.push(size(Number(line.out)), line.protocol === 'HTTP/2' ? 'h2' : 'h1', `id=${line.id}`)
  if (line.ended !== 'complete') words.push(`ended by ${line.ended}`)
  if (line.code !== undefined) words.push(`${line.code}: ${line.detail ?? ''}`)
  // "Nothing to do" is for who reads JSON and wonders; at a terminal it would be said at every tab that closes.
  if (line.next !== undefined && !String(line.next).startsWith('nothing to do')) words.push(`(${line.next})`)
  return words
}

function messageWords(line: Line): string[] {
  const rest = Object.entries(line).filter(([key]) => !unlisted.has(key))
  const fields = rest.map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return [line.level === 'info' ? '' : String(line.level).toUpperCase(), String(line.message ?? ''), ...fields]
}

/** A slot that is the only one needs no name. */
function isNamed(slot: string | number | undefined): boolean {
  return slot !== undefined && slot !== 'only'
}

function clock(iso: string): string {
  return new Date(iso).toTimeString().slice(0, 8)
}

function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}

function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}
