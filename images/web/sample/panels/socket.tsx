'use client'

import { type FormEvent, useEffect, useRef, useState } from 'react'
import { api } from './whoami'

/** A WebSocket that echoes. It is opened on demand, and says when it is closed. */
export function Socket() {
  const [state, setState] = useState('closed')
  const [echo, setEcho] = useState('')
  const socket = useRef<WebSocket>(null)
  useEffect(() => () => socket.current?.close(), [])

  function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const text = String(new FormData(event.currentTarget).get('text'))
    if (socket.current?.readyState === WebSocket.OPEN) return socket.current.send(text)
    setState('connecting')
    const opened = new WebSocket(`${location.origin.replace('http', 'ws')}${api}ws`)
    opened.onopen = () => {
      setState('open')
      opened.send(text)
    }
    opened.onmessage = ({ data }) => setEcho(String(data))
    opened.onclose = ({ code }) => setState(`closed ${code}`)
    socket.current = opened
  }

  return (
    <section>
      <h2>WebSocket</h2>
      <form onSubmit={send}>
        <input name="text" defaultValue="hello" aria-label="Message" data-testid="ws-text" />
        <button type="submit" data-testid="ws-send">
          Send
        </button>
      </form>
      <p className="facts">
        <span data-testid="ws-state">{state}</span> <code data-testid="ws-echo">{echo}</code>
      </p>
    </section>
  )
}
