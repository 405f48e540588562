// The panels that move: tokens, an upload, a WebSocket. Each starts by itself, so that the newcomer sees life at once.
import { $, api, failureIn, language, oneDigit, say, show } from './page.js'

// 1. Tokens: POST, read as a stream -----------------------------------------------------------------------------------
let streaming = new AbortController()

async function streamTokens() {
  streaming.abort()
  const mine = new AbortController()
  streaming = mine
  const began = performance.now()
  const arrivals = []
  show('tokens', '')
  $('tokens-stop').disabled = false
  say('tokens-state', 'waiting', 'busy')
  try {
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ session_id: 'demo', message: 'hello' })
    const response = await fetch(`${api}chat/stream?ms=45&lang=${language()}`, {
      method: 'POST',
      headers,
      body,
      signal: mine.signal
    })
    if (!response.ok) throw new Error(`status ${response.status}`)
    for await (const event of serverSentEvents(response.body)) {
      if (event.type === 'token') drawToken(event.content, arrivals, began)
    }
    say('tokens-state', 'complete', 'ok')
  } catch {
    if (mine === streaming) say('tokens-state', ...(mine.signal.aborted ? ['stopped'] : ['cut off', 'bad']))
  }
  if (mine === streaming) $('tokens-stop').disabled = true
}

async function* serverSentEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const events = (text + next.value).split('\n\n')
    text = events.pop()
    for (const event of events) yield JSON.parse(event.slice(event.indexOf('data: ') + 6))
  }
}

function drawToken(content, arrivals, began) {
  arrivals.push(performance.now() - began)
  const [first] = arrivals
  const last = arrivals.at(-1)
  if (arrivals.length === 1) say('tokens-state', 'streaming', 'busy')
  $('tokens').append(content)
  $('tokens').scrollTop = $('tokens').scrollHeight
  show('tokens-first', `${Math.round(first)} ms`)
  show('tokens-count', arrivals.length)
  if (last > first) show('tokens-rate', `${oneDigit(((arrivals.length - 1) * 1000) / (last - first))} /s`)
  $('tokens-ticks').ownerSVGElement.setAttribute('viewBox', `0 0 ${Math.max(5000, last)} 10`)
  $('tokens-ticks').setAttribute('d', arrivals.map(ms => `M${ms.toFixed(0)} 0V10`).join(''))
}

// 2. Upload: XMLHttpRequest, the only one that tells how far a body has gone -------------------------------------------
async function sha256(blob) {
  if (!crypto.subtle) return '' // only a page that came over TLS, or from this machine, may hash
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()))
  return Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('')
}

/** A Blob, not the bytes: given an array, Chromium copies it while the page stands still (0.5 s for 5 MB). */
function randomBlob(megabytes) {
  const bytes = new Uint8Array(megabytes * 1_000_000)
  for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536))
  return new Blob([bytes])
}

async function upload(blob) {
  lockUpload(true)
  for (const id of ['upload-ms', 'upload-api-ms', 'upload-sent', 'upload-received']) show(id, '–')
  drawProgress(0, blob.size, performance.now())
  say('upload-state', 'sending', 'busy')
  const sent = await sha256(blob)
  show('upload-sent', shorten(sent))
  try {
    const { sha256: received, ms } = await send(blob)
    show('upload-received', shorten(received))
    show('upload-api-ms', `${ms} ms`)
    if (sent === '') say('upload-state', 'arrived whole', 'ok')
    else say('upload-state', ...(sent === received ? ['hashes agree', 'ok'] : ['hashes differ', 'bad']))
  } catch (fault) {
    say('upload-state', 'failed', 'bad')
    show('upload-received', fault.message)
  }
  lockUpload(false)
}

function send(blob) {
  const request = new XMLHttpRequest()
  const began = performance.now()
  return new Promise((resolve, reject) => {
    request.upload.onprogress = event => drawProgress(event.loaded, event.total, began)
    request.onerror = () => reject(new Error('–'))
    request.onload = () => {
      if (request.status !== 200) return reject(new Error(`${request.status} ${failureIn(request.responseText)}`))
      drawProgress(blob.size, blob.size, began)
      show('upload-ms', `${Math.round(performance.now() - began)} ms`)
      resolve(JSON.parse(request.responseText))
    }
    request.open('POST', `${api}upload`)
    request.setRequestHeader('content-type', 'application/octet-stream')
    request.send(blob)
  })
}

function drawProgress(done, total, began) {
  const percent = total > 0 ? Math.floor((done / total) * 100) : 100
  $('upload-bar').value = percent
  show('upload-percent', `${percent} %`)
  show('upload-bytes', `${oneDigit(done / 1e6)} / ${oneDigit(total / 1e6)} MB`)
  show(
    'upload-rate',
    done > 0 ? `${oneDigit(done / 1e6 / Math.max(0.001, (performance.now() - began) / 1000))} MB/s` : ''
  )
}

function lockUpload(isBusy) {
  for (const control of document.querySelectorAll('[data-megabytes], #upload-file')) control.disabled = isBusy
}

function shorten(hash) {
  return hash === '' ? '–' : `${hash.slice(0, 12)}…${hash.slice(-6)}`
}

// 3. WebSocket: one message a second, and whatever the reader types ----------------------------------------------------
const SHOWN = 60
const trips = []
let messages = 0
let timer = 0

function openSocket() {
  const socket = new WebSocket(`${location.origin.replace('http', 'ws')}${api}ws`)
  const sentAt = [] // an echo answers in order, so the oldest one is meant
  const send = text => {
    if (socket.readyState !== WebSocket.OPEN) return
    sentAt.push(performance.now())
    socket.send(text)
  }
  socket.onopen = () => {
    say('socket-state', 'open', 'ok')
    send('hello')
    timer = setInterval(() => send(`ping ${messages}`), 1000)
  }
  socket.onmessage = event => drawTrip(performance.now() - sentAt.shift(), event.data)
  socket.onclose = () => {
    clearInterval(timer)
    say('socket-state', 'closed', 'bad')
    setTimeout(openSocket, 2000)
  }
  $('socket-form').onsubmit = event => {
    event.preventDefault()
    send($('socket-text').value)
  }
}

function drawTrip(ms, text) {
  messages++
  trips.push(ms)
  if (trips.length > SHOWN) trips.shift()
  const sorted = trips.toSorted((a, b) => a - b)
  const most = sorted.at(-1)
  show('socket-rtt', `${oneDigit(ms)} ms`)
  show('socket-median', `${oneDigit(sorted[sorted.length >> 1])} ms`)
  show('socket-count', messages)
  show('socket-echo', text)
  const bars = trips.map(
    (trip, i) => `M${SHOWN - trips.length + i + 0.5} 10V${(10 - Math.sqrt(trip / most) * 9).toFixed(1)}`
  )
  $('socket-bars').setAttribute('d', bars.join(''))
}

$('tokens-start').onclick = streamTokens
$('tokens-stop').onclick = () => streaming.abort()
$('upload-file').onchange = event => {
  const [file] = event.target.files
  event.target.value = '' // the same file may be chosen again
  if (file) upload(file)
}
for (const button of document.querySelectorAll('[data-megabytes]')) {
  button.onclick = () => upload(randomBlob(Number(button.dataset.megabytes)))
}
// One after another: making and hashing megabytes would hold up the first tokens, and look like the edge's doing.
streamTokens()
setTimeout(openSocket, 400)
setTimeout(() => upload(randomBlob(5)), 1200)
