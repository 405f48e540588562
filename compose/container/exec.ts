import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { linesOf } from './log-frames.ts'

export interface Executed {
  /** null: it has not ended. */
  readonly code: number | null
  readonly said: string
}

/** As the engine's client has it. */
interface Executor {
  exec(options: object): Promise<{
    start(options: object): Promise<Readable>
    inspect(): Promise<{ readonly Running: boolean; readonly ExitCode: number | null }>
  }>
}

/**
 * Runs a shell command in a container.
 * @param withinMs after which nobody waits for it any longer; it goes on
 */
export async function execIn(container: Executor, command: string, withinMs: number): Promise<Executed> {
  const run = await container.exec({ Cmd: ['sh', '-c', command], AttachStdout: true, AttachStderr: true })
  const output = await run.start({})
  const chunks: Buffer[] = []
  output.on('data', chunk => chunks.push(chunk as Buffer))
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  output.on('end', resolve)
  output.on('error', reject)
  const waiting = new AbortController()
  // Whatever it has started in the background may keep the stream open after it has ended itself.
  const isOver = await Promise.race([
    ended.then(() => true),
    pause(withinMs, false, { signal: waiting.signal })
  ]).finally(() => waiting.abort())
  // What comes of it now concerns nobody.
  output.off('error', reject).on('error', () => {})
  if (!isOver) output.destroy()
  const { Running: isRunning, ExitCode: code } = await run.inspect()
  return { code: isRunning ? null : (code ?? 0), said: linesOf(Buffer.concat(chunks)).join('\n') }
}
