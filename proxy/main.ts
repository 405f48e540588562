import { join, resolve } from 'node:path'
import manifest from '../package.json' with { type: 'json' }
import type { EdgeConfig } from './config/config.ts'
import { loadConfig, readConfig } from './config/load.ts'
import { Edge } from './edge.ts'
import { EdgeError } from './errors.ts'
import { createLog, type Log } from './log.ts'

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
  const edge = await Edge.start({ load, log, configFile: file, version: manifest.version })
  log.info('serving', { server: edge.config.server, domains: edge.config.domains, https: edge.port('https') })
  return await serve(edge, log)
}

async function runDemo(): Promise<number> {
  const { startDemo } = await import('./demo/demo.ts')
  const demo = await startDemo(resolve(import.meta.dirname, '..', '.twinedge'))
  try {
    const load = async (): Promise<EdgeConfig> => readConfig(demo.yaml, 'the demo', process.env)
    const log = createLog({ level: (await load()).log.level, pretty: process.stdout.isTTY })
    const edge = await Edge.start({ load, log, configFile: null, version: manifest.version })
    process.stdout.write(welcome(edge))
    return await serve(edge, log)
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
  Ctrl-C stops it. Next step: twinedge run --config FILE, with an example from docs/examples.

`
}

/** Serves until a signal says stop. @returns 0 */
async function serve(edge: Edge, log: Log): Promise<number> {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
  let isStopping = false
  const onStop = (): void => {
    // Asked twice, somebody means it.
    if (isStopping) process.exit(130)
    isStopping = true
    stop()
  }
  process.on('SIGTERM', onStop)
  process.on('SIGINT', onStop)
  process.on('SIGHUP', () => void edge.reload().catch(error => tellRefused(error, log)))
  process.on('SIGUSR2', () => log.setLevel(log.getLevel() === 'debug' ? edge.config.log.level : 'debug'))
  // One request's bug must not cut every other user's stream.
  process.on('uncaughtException', error => log.error('EDGE_INTERNAL', { error: error.stack ?? String(error) }))
  process.on('exit', () => log.flushSync())
  await stopped
  await edge.stop()
  log.info('stopped')
  await log.flush()
  return 0
}

function tellRefused(error: unknown, log: Log): void {
  const { code, detail, next } = error instanceof EdgeError ? error : new EdgeError('EDGE_INTERNAL', String(error))
  log.error('reload refused: what ran goes on running', { code, detail, next })
}
