import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { EdgeError } from '../../../proxy/errors.ts'
import type { Channel, Ssh } from '../ssh/ssh.ts'
import { Line } from './persistence.ts'
import type { Progress } from './transfer.ts'

export interface FileShipping {
  readonly asRoot?: boolean
  say?(line: string): void
  progress?(progress: Progress): void
  readonly patienceMs?: number
  readonly signal?: AbortSignal | undefined
}

export interface ShippedFile {
  readonly bytes: number
  readonly sentBytes: number
}

/**
 * Each try writes to a file of its own, `$1.part.RUN.TRY`, which begins with a copy of what another has brought: a line
 * that is thought dead may still deliver, and another laptop may send the same. Says of each file: its length, its hash.
 */
const look = `
for file in "$1" "$1".part.*; do
  [ -f "$file" ] || continue
  bytes=$(wc -c < "$file")
  echo "$(head -c "$bytes" "$file" | sha256sum | cut -c 1-64) $bytes \${file#"$1"}"
done`
/** `$2` of `$3` is how it begins, `$4` is where it goes. Only what nobody has written to for a minute is removed. */
const take = `
set -e; umask 077
find "$(dirname "$1")" -maxdepth 1 -name '*.part.*' -mtime +2 -exec rm -f {} + 2>/dev/null || true
: > "$1$4"
if [ "$2" -gt 0 ]; then head -c "$2" "$1$3" > "$1$4"; fi
exec cat >> "$1$4"`
/** What was hashed is what gets the name: nobody else writes to `$3`. */
const finish = `
[ "$(sha256sum < "$1$3" | cut -c 1-64)" = "$2" ] || { rm -f "$1$3"; exit 3; }
mv "$1$3" "$1" && rm -f "$1\${3%.*}".*
find "$(dirname "$1")" -maxdepth 1 -name "$(basename "$1").part.*" -mmin +1 -exec rm -f {} + 2>/dev/null || true`

/**
 * Brings a file to a server that has nothing but a shell; goes on where it was cut, in this run or an earlier one.
 * @param remotePath in a folder that is there; it has the file when, and only when, all of it has come
 * @throws EdgeError SHIP_REFUSED, SHIP_CORRUPT, SHIP_DISK_FULL, SHIP_LINE_LOST, SSH_*
 */
export async function shipFile(
  ssh: Ssh,
  file: string,
  remotePath: string,
  shipping: FileShipping = {}
): Promise<ShippedFile> {
  const { size } = await stat(file)
  const state: State = { file, remotePath, shipping, size, hash: await hashOf(file, size), ...fresh() }
  const line = new Line(ssh)
  const { say = () => {}, patienceMs, signal } = shipping
  const terms = { say, patienceMs, signal, there: () => state.there }
  try {
    for (let tries = 0; tries < mostTries; tries++) {
      if (await line.persist(terms, ssh => overOneLine(ssh, state))) return { bytes: size, sentBytes: state.sentBytes }
    }
  } finally {
    await line.close()
  }
  throw new EdgeError('SHIP_CORRUPT', `${remotePath} on ${ssh.server.name} is not what was sent, time after time`)
}

const mostTries = 3

interface State {
  readonly file: string
  readonly remotePath: string
  readonly shipping: FileShipping
  readonly size: number
  readonly hash: string
  /** Of this call, by which its files are known. */
  readonly run: string
  tries: number
  there: number
  sentBytes: number
}

function fresh(): Pick<State, 'run' | 'tries' | 'there' | 'sentBytes'> {
  return { run: randomBytes(6).toString('hex'), tries: 0, there: 0, sentBytes: 0 }
}

/** @returns whether it is there, and what it should be */
async function overOneLine(ssh: Ssh, state: State): Promise<boolean> {
  const { remotePath, size, hash, shipping } = state
  const asRoot = shipping.asRoot ?? false
  const script = (text: string, ...args: string[]): string[] => ['sh', '-c', text, 'ship', remotePath, ...args]
  const { stdout } = await ssh.run(script(look), { asRoot })
  const found = [...stdout.matchAll(/^([0-9a-f]{64}) +(\d+) (.*)$/gm)].map(([, hash = '', bytes = '', name = '']) => {
    return { hash, name, bytes: Number(bytes) }
  })
  if (found.some(one => one.name === '' && one.hash === hash && one.bytes === size)) return true
  const part = await beginningOf(state, found)
  const own = `.part.${state.run}.${++state.tries}`
  state.there = part.bytes
  await send(ssh, ssh.open(script(take, `${part.bytes}`, part.name, own), { asRoot }), state)
  return (await ssh.run(script(finish, hash, own), { asRoot })).code === 0
}

interface Part {
  readonly hash: string
  /** What stands behind the file's own name. */
  readonly name: string
  readonly bytes: number
}

/** The longest of those parts that are how the file begins. */
async function beginningOf({ file, size }: State, parts: readonly Part[]): Promise<Omit<Part, 'hash'>> {
  for (const part of parts.toSorted((one, other) => other.bytes - one.bytes)) {
    if (part.name === '' || part.bytes === 0 || part.bytes > size) continue
    if (part.hash === (await hashOf(file, part.bytes))) return part
  }
  return { name: '', bytes: 0 }
}

async function send({ server }: Ssh, { stdin, ended, stop }: Channel, state: State): Promise<void> {
  const { file, size, shipping, there: from } = state
  const beganMs = performance.now()
  const content = createReadStream(file, { start: from })
  content.on('data', chunk => {
    state.sentBytes += chunk.length
    state.there += chunk.length
    const rate = ((state.there - from) * 1_000) / (performance.now() - beganMs)
    shipping.progress?.({ sent: state.there, total: size, rate })
  })
  shipping.signal?.addEventListener('abort', stop, { once: true })
  // Should it break, the program's end tells why.
  const [{ code, stderr }] = await Promise.all([ended, pipeline(content, stdin).catch(() => {})])
  const said = `${server.name}: ${stderr.trim()}`
  if (/no space left/i.test(stderr)) throw new EdgeError('SHIP_DISK_FULL', said)
  if (code !== 0) throw new EdgeError('SHIP_REFUSED', said)
}

async function hashOf(file: string, bytes: number): Promise<string> {
  const hash = createHash('sha256')
  if (bytes > 0) for await (const chunk of createReadStream(file, { end: bytes - 1 })) hash.update(chunk)
  return hash.digest('hex')
}
