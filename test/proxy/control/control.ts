import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import type { Address } from '../../../proxy/config/config.ts'
import { startControl } from '../../../proxy/control/server.ts'
import { StubActions } from '../../doubles/control-actions.ts'

interface Scope {
  teardown(undo: () => unknown): void
}

/** A control listener with stubs behind it, gone when the test is. */
export async function control(t: Scope, listen: Address | null = null) {
  const socket = join(await folder(t), 'state', 'control.sock')
  const actions = new StubActions()
  const running = await startControl({ socket, listen, actions })
  t.teardown(() => running.close())
  return { socket, actions, port: running.port, close: running.close }
}

/** A folder of its own, short enough for a socket's path. */
export async function folder(t: Scope): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'te-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

/** One request over a unix socket. */
export async function ask(socket: string, method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: string) {
  const dispatcher = new Agent({ connect: { socketPath: socket } })
  try {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const answer = await request(`http://edge${path}`, { dispatcher, method, headers, body: body ?? null })
    const text = await answer.body.text()
    return { status: answer.statusCode, type: String(answer.headers['content-type']), text }
  } finally {
    await dispatcher.destroy()
  }
}
