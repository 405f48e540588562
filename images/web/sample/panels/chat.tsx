'use client'

import { type FormEvent, useEffect, useRef, useState } from 'react'
import { chat } from './stream'

/** A prompt, its tokens as they come, and how the stream fared: `missed` counts numbers that were skipped. */
export function Chat() {
  const [state, setState] = useState('idle')
  const [tokens, setTokens] = useState<{ seq: number; content: string }[]>([])
  const [cuts, setCuts] = useState(0)
  const [missed, setMissed] = useState(0)
  const asked = useRef(new AbortController())
  useEffect(() => () => asked.current.abort(), [])

  async function ask(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const prompt = String(new FormData(event.currentTarget).get('prompt'))
    asked.current.abort()
    const { signal } = (asked.current = new AbortController())
    setTokens([])
    setCuts(0)
    setMissed(0)
    setState('waiting')
    try {
      let last = 0
      for await (const { type, seq, content } of chat(prompt, signal, () => setCuts(count => count + 1))) {
        setMissed(count => count + Math.max(0, seq - last - 1))
        setState(content !== undefined ? 'streaming' : seq > last ? type : 'lost')
        last = seq
        if (content !== undefined) setTokens(before => [...before, { seq, content }])
      }
    } catch (fault) {
      if (asked.current.signal === signal) setState(signal.aborted ? 'stopped' : `failed: ${(fault as Error).message}`)
    }
  }

  return (
    <section>
      <h2>Chat</h2>
      <form onSubmit={ask}>
        <input name="prompt" defaultValue="What does an edge do?" aria-label="Prompt" data-testid="prompt" />
        <button type="submit" data-testid="send">
          Send
        </button>
        <button type="button" onClick={() => asked.current.abort()} data-testid="stop">
          Stop
        </button>
      </form>
      <p className="facts">
        <span data-testid="chat-state">{state}</span>, <span data-testid="chat-seq">{tokens.at(-1)?.seq ?? 0}</span>{' '}
        seen, <span data-testid="chat-cuts">{cuts}</span> cuts, <span data-testid="chat-missed">{missed}</span> missed
      </p>
      <p className="tokens" data-testid="tokens">
        {tokens.map(({ seq, content }) => (
          <span key={seq} data-seq={seq} title={`seq ${seq}`}>
            {content}{' '}
          </span>
        ))}
      </p>
    </section>
  )
}
