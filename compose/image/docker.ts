import { type ChildProcess, spawn } from 'node:child_process'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { EdgeError } from '../../proxy/errors.ts'

export interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Asking {
  readonly input?: Readable
  /** How long it may take; with an input: how long it may take none of it, and for its end. ms */
  readonly withinMs?: number
  /** Of somebody who wants it no longer: it is killed. */
  readonly signal?: AbortSignal | undefined
}

/** What an engine has to work for: one that unpacks, or fetches, on a slow disk. */
const workMs = 20 * 60_000
/** Before an archive begins, some engines write all of it to their own disk first. */
const savingMs = 5 * 60_000
/** What an engine knows, on a server that is deep in its swap. */
export const knownMs = 30_000

/**
 * Docker's own command to its end, for what passes whole images: the engine is the one that it finds, by DOCKER_HOST, a
 * context, or on this machine.
 * @throws EdgeError COMPOSE_ENGINE_UNREACHABLE, also for one that hangs; a refusal is a Said;
 * the signal's reason
 */
export async function docker(
  args: readonly string[],
  { input, withinMs = workMs, signal }: Asking = {}
): Promise<Said> {
  signal?.throwIfAborted()
  const child = spawn('docker', args, { stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'] })
  const stop = (): void => void child.kill()
  signal?.addEventListener('abort', stop)
  const patience = patienceWith(child, args, withinMs)
  // Should it stop reading, its own words tell why.
  const fed =
    input && child.stdin ? pipeline(input, patience.watched, child.stdin).catch((cause: Error) => cause) : undefined
  const [stdout, stderr] = [gather(child.stdout), gather(child.stderr)]
  const code = await patience.ended.finally(() => signal?.removeEventListener('abort', stop))
  signal?.throwIfAborted()
  const broken = await fed
  if (code !== 0) refuseAbsence(stderr())
  if (broken instanceof EdgeError) throw broken
  return { code: broken && code === 0 ? 1 : code, stdout: stdout(), stderr: stderr() }
}

/** What `docker save` writes. Nothing of it counts before `ended` has resolved. */
export interface Saving {
  readonly archive: Readable
  readonly ended: Promise<void>
}

/** @throws EdgeError SHIP_IMAGE_MISSING, COMPOSE_ENGINE_UNREACHABLE */
export function dockerSave(reference: string): Saving {
  const child = spawn('docker', ['save', reference], { stdio: ['ignore', 'pipe', 'pipe'] })
  const patience = patienceWith(child, ['save', reference], savingMs)
  const stderr = gather(child.stderr)
  const whole = patience.ended.then(code => {
    if (code === 0) return
    refuseAbsence(stderr())
    throw new EdgeError('SHIP_IMAGE_MISSING', `docker save ${reference}: ${stderr().trim()}`)
  })
  whole.catch(() => {}) // whoever waits for it hears of it
  // One that fails has not ended its archive: why it failed is what counts, and not what its half lacks.
  const archive = async function* (): AsyncGenerator<Buffer> {
    yield* patience.watched(child.stdout)
    await whole
  }
  return { archive: Readable.from(archive(), { objectMode: false }), ended: whole }
}

interface Patience {
  /** With whatever goes through, its time begins anew. */
  watched(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer>
  /** Its exit code. @throws EdgeError COMPOSE_ENGINE_UNREACHABLE */
  readonly ended: Promise<number>
}

/** An engine that hangs keeps whoever waits for docker waiting too. */
function patienceWith(child: ChildProcess, args: readonly string[], withinMs: number): Patience {
  const { promise: ended, resolve, reject } = Promise.withResolvers<number>()
  const refuse = (said: string, cause?: Error): void => reject(new EdgeError('COMPOSE_ENGINE_UNREACHABLE', said, cause))
  let isOver = false
  const timer = setTimeout(() => {
    refuse(`docker ${args.slice(0, 2).join(' ')}: nothing for ${Math.round(withinMs / 1_000)} s`)
    child.kill('SIGKILL')
    // Whatever it has begun may hold these open.
    for (const stream of child.stdio) stream?.destroy()
  }, withinMs)
  const over = (): void => {
    isOver = true
    clearTimeout(timer)
  }
  child.once('error', cause => refuse(`docker: ${cause.message}`, cause)).once('error', over)
  child.once('close', code => resolve(code ?? 1)).once('close', over)
  return {
    async *watched(content) {
      for await (const chunk of content) {
        if (!isOver) timer.refresh()
        yield chunk
      }
    },
    ended
  }
}

function refuseAbsence(said: string): void {
  if (!/cannot connect to the docker daemon|error during connect|permission denied.*docker/i.test(said)) return
  throw new EdgeError('COMPOSE_ENGINE_UNREACHABLE', said.trim())
}

function gather(stream: Readable | null): () => string {
  const chunks: Buffer[] = []
  stream?.on('data', chunk => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString()
}
