import pino from 'pino'
import type { LogLevel } from '../config/config.ts'
import { Output } from './output.ts'
import { terminalLine } from './terminal.ts'

/** Keys are single words; values are what JSON can carry. */
export type LogFields = Readonly<Record<string, unknown>>

export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A line without a message, by the short way (a quarter of pino's cost): for what is written once per request. */
  line(level: LogLevel, fields: object): void
  isEnabled(level: LogLevel): boolean
  setLevel(level: LogLevel): void
  getLevel(): LogLevel
  /** Resolves when every line so far has been handed to the kernel, or after a second of a reader that takes nothing. */
  flush(): Promise<void>
  /** The same without waiting: for `exit` handlers and crashes. */
  flushSync(): void
}

/** In the place of a file, for tests. */
export interface LineSink {
  write(line: string): unknown
}

export interface LogOptions {
  readonly level: LogLevel
  /** A file descriptor (default 1), or what takes each line at once. */
  readonly destination?: number | LineSink
  /** One short line for people instead of JSON: the output is a terminal. */
  readonly pretty: boolean
}

/** Nothing is ever logged as silent. */
const severity = { ...pino.levels.values, silent: 0 } as Record<LogLevel, number>

/** @returns the log of this process: JSON lines, gathered for up to 250 ms or 32 kB */
export function createLog({ level, pretty, destination = 1 }: LogOptions): Log {
  const output = typeof destination === 'number' ? new Output(destination, pretty) : null
  const append = (json: string): void => {
    const line = pretty ? terminalLine(json) : json
    if (output !== null) output.append(line)
    else (destination as LineSink).write(line)
  }
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${isoNow()}"`,
      formatters: { level: label => ({ level: label }) }
    },
    { write: append }
  )
  if (output !== null)
    output.onDropped = lines => logger.warn({ dropped: lines }, 'lines were dropped: nobody read them')
  const isEnabled = (level: LogLevel): boolean => severity[level] >= logger.levelVal
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    line(level, fields) {
      if (!isEnabled(level)) return
      append(`{"level":"${level}","time":"${isoNow()}",${JSON.stringify(fields).slice(1)}\n`)
    },
    isEnabled,
    setLevel(level) {
      logger.level = level
    },
    getLevel: () => logger.level as LogLevel,
    flush: async () => await output?.flush(),
    flushSync: () => output?.flushSync()
  }
}

let lastMs = 0
let lastIso = ''
/** ISO 8601 with milliseconds; formatting a date costs as much as the rest of the line, so once per millisecond. */
function isoNow(): string {
  const ms = Date.now()
  if (ms !== lastMs) {
    lastMs = ms
    lastIso = new Date(ms).toISOString()
  }
  return lastIso
}
