'use client'

import { type ChangeEvent, useState } from 'react'
import { api } from './whoami'

/** Sends a file, shows how far it has gone, and whether what arrived has the same SHA-256. */
export function Upload() {
  const [state, setState] = useState('idle')
  const [percent, setPercent] = useState(0)
  const [hash, setHash] = useState('')

  async function choose(event: ChangeEvent<HTMLInputElement>) {
    const file = event.target.files?.[0]
    if (file === undefined) return
    setPercent(0)
    setHash('')
    setState('sending')
    try {
      const [mine, { bytes, sha256 }] = await Promise.all([digest(file), send(file, setPercent)])
      setHash(sha256)
      if (bytes !== file.size) setState(`failed: ${bytes} of ${file.size} bytes`)
      else setState(mine === '' ? 'arrived whole' : mine === sha256 ? 'hashes agree' : 'hashes differ')
    } catch (fault) {
      setState(`failed: ${(fault as Error).message}`)
    }
  }

  return (
    <section>
      <h2>Upload</h2>
      <input type="file" onChange={choose} aria-label="File" data-testid="file" />
      <progress max={100} value={percent} data-testid="upload-progress" />
      <p className="facts">
        <span data-testid="upload-state">{state}</span> <code data-testid="upload-sha256">{hash}</code>
      </p>
    </section>
  )
}

async function digest(file: File): Promise<string> {
  if (!globalThis.crypto.subtle) return '' // only a page that came over TLS, or from this machine, may hash
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()))
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}

/** XMLHttpRequest: fetch does not say how far a body has gone. */
function send(file: File, onPercent: (percent: number) => void): Promise<{ bytes: number; sha256: string }> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const body = new FormData()
    body.append('file', file)
    request.upload.onprogress = ({ loaded, total }) => onPercent(Math.floor((loaded / total) * 100))
    request.onerror = () => reject(new Error('no answer'))
    request.onload = () =>
      request.status === 200 ? resolve(JSON.parse(request.responseText)) : reject(new Error(`status ${request.status}`))
    request.open('POST', `${api}upload`)
    request.send(body)
  })
}
