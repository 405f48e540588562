import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { Site } from './client.ts'
import type { Ledger } from './ledger.ts'

const sayMs = 200
/** Without an echo for this long it is as good as cut. */
const silentMs = 20_000
const restart = 1012

/** Talks over a WebSocket until it is stopped. A close frame that says 1012 is no failure, if coming back works at once. */
export async function talk(site: Site, ledger: () => Ledger, signal: AbortSignal): Promise<void> {
  for (let isBack = false; !signal.aborted; ) {
    const why = await converse(site, ledger, signal)
    if (why === 'moved') {
      ledger().count('moved')
      isBack = true
    } else if (why !== '') {
      ledger().count('socketsFailed')
      ledger().blame(`WebSocket${isBack ? ', come back' : ''}: ${why}`)
      await pause(500)
      isBack = false
    }
  }
}

/** @returns `moved`, why it failed, or '' when it was stopped */
function converse({ httpsPort, ca }: Site, ledger: () => Ledger, signal: AbortSignal): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = new WebSocket(`wss://localhost:${httpsPort}/api/v1/ws`, { ca, headers: { host: 'localhost' } })
  let [said, heard, why] = [0, 0, '']
  let heardMs = performance.now()
  const timer = setInterval(() => {
    if (performance.now() - heardMs > silentMs) why ||= 'no echo'
    if (why !== '') socket.terminate()
    else if (signal.aborted) socket.close(1000)
    else if (socket.readyState === WebSocket.OPEN) socket.send(String(++said))
  }, sayMs)
  socket.on('message', data => {
    heardMs = performance.now()
    ledger().count('echoes')
    if (Number(String(data)) !== ++heard) why ||= `heard ${data} in place of ${heard}`
  })
  socket.on('unexpected-response', (_, response) => (why ||= `${response.statusCode}`))
  socket.on('error', cause => (why ||= cause.message))
  socket.on('close', code => {
    clearInterval(timer)
    if (why !== '') resolve(why)
    else if (code === restart) resolve('moved')
    else resolve(signal.aborted ? '' : `closed with ${code}`)
  })
  return promise
}
