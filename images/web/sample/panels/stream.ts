import { api } from './whoami'

export interface ChatEvent {
  type: string
  stream_id: string
  seq: number
  content?: string
}

const LAST = ['completed', 'aborted']

const MOST_TRIES = 60
const PAUSE_MS = 500

/**
 * Asks, and gives each event of the answer once, in order. A stream that ends without its last event was cut, however
 * cleanly: then it subscribes to the rest, and calls `onCut` each time.
 */
export async function* chat(message: string, signal: AbortSignal, onCut: () => void): AsyncGenerator<ChatEvent> {
  const session_id = `s-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`
  let path = `chat/stream${location.search}` // /?n=500&ms=20 asks for 500 tokens, one each 20 ms
  let body: object = { session_id, message }
  let seen = 0
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    try {
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(api + path, { method: 'POST', headers, body: JSON.stringify(body), signal })
      if (!response.ok || response.body === null) throw new Error(`status ${response.status}`)
      for await (const event of events(response.body)) {
        const isLast = LAST.includes(event.type)
        if (event.seq > seen || isLast) yield event
        if (isLast) return
        seen = Math.max(seen, event.seq)
        path = 'chat/subscribe'
        body = { session_id, stream_id: event.stream_id, after_seq: seen }
        tries = 0
      }
      if (seen === 0) throw new Error('ended before its first event')
    } catch (fault) {
      // Before its first event there is nothing to come back to, and to ask twice would be to be charged twice.
      if (signal.aborted || seen === 0) throw fault
    }
    onCut()
    await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
  }
  throw new Error('gave up')
}

async function* events(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<ChatEvent> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const blocks = (text + next.value).split(/\r?\n\r?\n/)
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const data = block.split(/\r?\n/).flatMap(line => (line.startsWith('data:') ? [line.slice(5)] : []))
      if (data.length > 0) yield JSON.parse(data.join('\n')) // a block without data is a heartbeat
    }
  }
}
