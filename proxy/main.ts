import { join, resolve } from 'node:path'
import manifest from '../package.json' with { type: 'json' }
import type { EdgeConfig } from './config/config.ts'
import { loadConfig, readConfig } from './config/load.ts'
import { Edge } from './edge.ts'
import { createLog, type Log } from './record/log.ts'

/** npm passes on the Ctrl-C that the terminal has sent to everybody already: two signals, one press. */
const SAME_PRESS_MS = 500

export interface MainOptions {
  /** Null: the demo on this machine. */
  readonly config: string | null
}

/** The process of an edge, from its arguments to its exit code. @throws EdgeError when it cannot start */
export async function main({ config }: MainOptions): Promise<number> {
  return config === null ? await runDemo() : await runFile(resolve(config))
}

async function runFile(file: string): Promise<number> {
  const load = (): Promise<EdgeConfig> => loadConfig(file, process.env)
  const log = createLog({ level: (await load()).log.level, pretty: process.stdout.isTTY })
  return await serve(log, () => Edge.start({ load, log, configFile: file, version: manifest.version }))
}

async function runDemo(): Promise<number> {
  const { startDemo } = await import('./demo/demo.ts')
  const demo = await startDemo(resolve(import.meta.dirname, '..', '.twinedge'))
  try {
    const load = async (): Promise<EdgeConfig> => readConfig(demo.yaml, 'the demo', process.env)
    const log = createLog({ level: (await load()).log.level, pretty: process.stdout.isTTY })
    const start = (): Promise<Edge> => Edge.start({ load, log, configFile: null, version: manifest.version })
    return await serve(log, start, edge => process.stdout.write(welcome(edge)))
  } finally {
    await demo.close()
  }
}

function welcome(edge: Edge): string {
  const root = join(edge.config.stateFolder, 'local-ca', 'root.pem')
  return `
  twinedge is up, on a demo page and a demo API:

    https://localhost:${edge.port('https')}/

  The browser warns once: the certificate comes from an authority that was made here (${root}).
  Ctrl-C stops it. Next step: put your names, addresses and certificates into a copy of
  docs/examples/frontend.yaml, then: twinedge run --config FILE

`
}

/** Starts, then serves until a signal says stop. @returns 0 */
async function serve(log: Log, start: () => Promise<Edge>, onUp: (edge: Edge) => void = () => {}): Promise<number> {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
  let askedMs = 0
  const onStop = (): void => {
    // Asked twice, somebody means it.
    if (askedMs !== 0 && performance.now() - askedMs > SAME_PRESS_MS) process.exit(130)
    askedMs ||= performance.now()
    stop()
  }
  process.on('SIGTERM', onStop)
  process.on('SIGINT', onStop)
  // The edge logs what came of it, refusals too.
  const starting = Promise.withResolvers<Edge>()
  process.on('SIGHUP', () => void starting.promise.then(edge => edge.reload()).catch(() => {}))
  process.on('SIGUSR2', () => void starting.promise.then(edge => toggleDebug(edge, log)))
  // Listened to before the start: a signal that comes meanwhile is heard when it is done, instead of killing it.
  const edge = await start()
  onUp(edge)
  starting.resolve(edge)
  // One request's bug must not cut every other user's stream.
  process.on('uncaughtException', error => log.error('EDGE_INTERNAL', { error: error.stack ?? String(error) }))
  process.on('exit', () => log.flushSync())
  const { server, domains } = edge.config
  log.info('serving', { server, domains, http: edge.port('http'), https: edge.port('https') })
  await stopped
  const cut = await edge.stop()
  log.info('stopped', { cut })
  await log.flush()
  return 0
}

function toggleDebug({ config }: Edge, log: Log): void {
  log.setLevel(log.getLevel() === 'debug' ? config.log.level : 'debug')
}
