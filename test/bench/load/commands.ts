// The foreign load generators: h2load (package nghttp2-client) and curl.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const longestMs = 120_000
const packages = { h2load: 'nghttp2-client', curl: 'curl' }

export interface Target {
  readonly port: number
  readonly domain: string
  readonly protocol: 'h1' | 'h2'
}
export interface LoadResult {
  readonly requests: number
  readonly perSecond: number
  /** Failed, timed out, or answered with something else than 2xx. */
  readonly errors: number
}

export async function loadWithH2load(target: Target, path: string, requests: number): Promise<LoadResult> {
  const { port, domain, protocol } = target
  const shape = protocol === 'h1' ? ['--h1', '-c', '32'] : ['-c', '32', '-m', '10']
  const url = `https://${domain}:${port}${path}`
  const args = [...shape, '-n', String(requests), `--connect-to=127.0.0.1:${port}`, url]
  const { stdout } = await run('h2load', args)
  const succeeded = Number(/status codes: (\d+) 2xx/.exec(stdout)?.[1] ?? 0)
  return {
    requests: succeeded,
    perSecond: Number(/, ([\d.]+) req\/s/.exec(stdout)?.[1] ?? 0),
    errors: requests - succeeded
  }
}

/**
 * POSTs a file, streamed from the disk.
 * @returns seconds
 * @throws when the answer is not 200, or the upstream did not get all of it
 */
export async function uploadWithCurl(
  target: Target,
  path: string,
  file: { path: string; bytes: number }
): Promise<number> {
  const { port, domain, protocol } = target
  const version = protocol === 'h1' ? '--http1.1' : '--http2'
  const address = ['--noproxy', '*', '--resolve', `${domain}:${port}:127.0.0.1`, `https://${domain}:${port}${path}`]
  const body = ['-X', 'POST', '-T', file.path, '-H', 'Expect:', '-w', '\n%{time_total} %{http_code}']
  const { stdout } = await run('curl', ['-sSk', version, ...body, ...address])
  const [answer = '', result = ''] = stdout.split('\n')
  const [seconds, status] = result.split(' ')
  const taken = Number(/"bytes":(\d+)/.exec(answer)?.[1] ?? 0)
  if (status !== '200' || taken < file.bytes) throw new Error(`status ${status}, ${taken} of ${file.bytes} bytes`)
  return Number(seconds)
}

async function run(command: keyof typeof packages, args: readonly string[]): Promise<{ stdout: string }> {
  try {
    return await execute(command, args, { timeout: longestMs })
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error
    throw new Error(`${command} is not installed: apt install ${packages[command]}`, { cause: error })
  }
}
