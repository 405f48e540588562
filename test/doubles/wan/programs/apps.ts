import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { project } from '../../command.ts'
import { docker } from '../../stack/engine.ts'
import type { Place } from '../place.ts'
import { unpackedImage } from './unpacked-image.ts'

export interface App {
  readonly port: number
  /** uvicorn and Next.js from our sample images, or, where no engine has them, the demo in Node. */
  readonly isReal: boolean
  readonly child: ChildProcess
  /** SIGKILL: as a container that dies. */
  kill(): Promise<void>
}

export interface AppWanted {
  /** `127.0.0.1`: for this server's edge alone. Usually all can reach it, as a port that Docker has published. */
  readonly host?: string
  readonly port?: number
}

const ports = { api: 8001, web: 3001 }
const names = { api: { host: 'UVICORN_HOST', port: 'UVICORN_PORT' }, web: { host: 'HOSTNAME', port: 'PORT' } }
const STARTS_WITHIN_MS = 30_000

/**
 * An upstream of a server, as it is in production but for the container around it: the image's own files and command.
 * @throws when it does not answer within half a minute
 */
export async function startApp(place: Place, kind: 'api' | 'web', wanted: AppWanted = {}): Promise<App> {
  const { host = '0.0.0.0', port = ports[kind] } = wanted
  const folder = await unpackedImage(`localhost/twinedge/${kind}:sample`)
  const [program = '', ...args] =
    folder === null ? demo(kind, host, port) : await boxed(kind, folder, [host, `${port}`])
  const child = place.spawn(program, args, ['ignore', 'ignore', 'pipe'])
  let said = ''
  child.stderr?.on('data', chunk => {
    said = `${said}${chunk}`.slice(-2_000)
  })
  const isUp = async (): Promise<boolean> => {
    const path = kind === 'api' ? '/api/v1/health' : '/login'
    return (
      (await place.run('curl', ['-sf', '-o', '/dev/null', '-m', '2', `http://127.0.0.1:${port}${path}`])).code === 0
    )
  }
  for (const lateMs = performance.now() + STARTS_WITHIN_MS; !(await isUp()); await pause(50)) {
    if (child.exitCode !== null) throw new Error(`the ${kind} app ended with ${child.exitCode}:\n${said}`)
    if (performance.now() > lateMs) throw new Error(`the ${kind} app does not answer on :${port}:\n${said}`)
  }
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  return { port, isReal: folder !== null, child, kill }
}

/** What the engine would do with the image, as far as an app can see: its files, user, environment, command, and a /tmp. */
async function boxed(kind: 'api' | 'web', folder: string, [host, port]: [string, string]): Promise<string[]> {
  const { out } = await docker(['image', 'inspect', '-f', '{{json .Config}}', `localhost/twinedge/${kind}:sample`])
  const {
    User: user,
    Env,
    Cmd,
    WorkingDir
  } = JSON.parse(out) as Record<'User' | 'WorkingDir', string> & Record<'Env' | 'Cmd', string[]>
  const { host: hostName, port: portName } = names[kind]
  const script = `set -e; cd "$0"; user=$1; mount --rbind /dev dev; mount -t proc proc proc
mount -t tmpfs -o mode=1777 tmpfs tmp; [ ! -d data ] || mount -t tmpfs -o mode=1777 tmpfs data; shift
exec chroot --userspec="$user:$user" . env -i "$@"`
  const environment = [...Env, `${hostName}=${host}`, `${portName}=${port}`]
  const start = ['sh', '-c', 'cd "$0" && exec "$@"', WorkingDir, ...Cmd]
  // Mounts of its own: they end with it.
  return ['unshare', '--mount', '/bin/sh', '-c', script, folder, user, ...environment, ...start]
}

function demo(kind: 'api' | 'web', host: string, port: number): string[] {
  const [file, start] = kind === 'api' ? ['api.ts', 'startDemoApi'] : ['web.ts', 'startDemoWeb']
  const script = `import { ${start} } from '${project}/proxy/demo/${file}'; await ${start}({ host: '${host}', port: ${port} })`
  return [process.execPath, '--input-type=module', '-e', script]
}
