import type { RequestsSeen } from './records.ts'

interface Line {
  readonly time?: string | number
  readonly upstream?: string
  readonly status?: number
  readonly method?: string
  readonly path?: string
  readonly code?: string
}

/**
 * @param lines of an edge's log, of which the access lines count
 * @param since from when on, by upstream; milliseconds since 1970, as `nowMs`
 */
export function requestsIn(
  lines: readonly string[],
  since: (upstream: string) => number,
  nowMs: number
): RequestsSeen[] {
  const byUpstream = new Map<string, RequestsSeen>()
  for (const text of lines) {
    const line = read(text)
    if (line?.status === undefined || line.upstream === undefined) continue
    const agoMs = nowMs - new Date(line.time ?? 0).getTime()
    if (nowMs - agoMs < since(line.upstream)) continue
    byUpstream.set(line.upstream, count(byUpstream.get(line.upstream) ?? none(line.upstream), line, agoMs))
  }
  return [...byUpstream.values()]
}

function none(upstream: string): RequestsSeen {
  return { upstream, requests: 0, failed: 0, causes: {}, last: null, lastAgoMs: null }
}

function count(before: RequestsSeen, line: Line, agoMs: number): RequestsSeen {
  const { requests, failed, causes } = before
  const isFailed = (line.status ?? 0) >= 500
  if (!isFailed) return { ...before, requests: requests + 1 }
  const cause = line.code ?? `${line.status}`
  const all: Readonly<Record<string, number>> = {
    ...causes,
    [cause]: ((causes as Record<string, number>)[cause] ?? 0) + 1
  }
  const last = `${line.method} ${line.path}`
  return { ...before, requests: requests + 1, failed: failed + 1, causes: all, last, lastAgoMs: agoMs }
}

function read(text: string): Line | null {
  if (!text.startsWith('{')) return null
  try {
    return JSON.parse(text) as Line
  } catch {
    return null // cut by the engine
  }
}

/** @returns the last of Python's tracebacks, up to the line that names the error; none: there is none */
export function tracebackIn(lines: readonly string[]): string[] {
  const begin = lines.findLastIndex(line => line.includes('Traceback (most recent call last)'))
  if (begin < 0) return []
  const rest = lines.slice(begin + 1)
  // What belongs to it is indented; the first line that is not names the error.
  const end = rest.findIndex(line => line.trim() !== '' && !/^\s/.test(line))
  return [...(end < 0 ? rest : rest.slice(0, end + 1)).slice(-mostLines)]
}

const mostLines = 5
