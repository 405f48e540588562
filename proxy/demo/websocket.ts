import { createHash } from 'node:crypto'
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'

/** One frame of RFC 6455 §5.2, unmasked. */
interface Frame {
  readonly first: number
  readonly payload: Buffer
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11' // RFC 6455 §1.3
const LARGEST_PAYLOAD = 1024 * 1024
const OP_CLOSE = 0x8
const OP_PING = 0x9
const OP_PONG = 0xa
const FIN = 0x80

/** Accepts an upgrade and sends back every message, frame by frame as it came; answers pings; returns a close. */
export function echo(request: IncomingMessage, socket: Socket, head: Buffer): void {
  const key = request.headers['sec-websocket-key']
  socket.on('error', () => socket.destroy())
  if (key === undefined) {
    refuse(socket, 400, { detail: 'Sec-WebSocket-Key is missing' })
    return
  }
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
  )
  const decode = decoder()
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const frame of decode(chunk)) reply(socket, frame)
    } catch (fault) {
      socket.removeAllListeners('data').resume()
      socket.end(encode(FIN | OP_CLOSE, closePayload(fault instanceof RangeError ? 1009 : 1002)))
    }
    if (socket.writableNeedDrain) socket.pause() // a client that does not read is not read from either
  })
  socket.on('drain', () => socket.resume())
  socket.on('end', () => socket.end())
  if (head.length > 0) socket.unshift(head)
}

/** Answers an upgrade with a plain response, as an app does that asks for a login first. */
export function refuse(socket: Socket, status: number, body: object): void {
  const text = JSON.stringify(body)
  socket.on('error', () => socket.destroy())
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`
  )
}

function reply(socket: Socket, { first, payload }: Frame): void {
  if (!socket.writable) return
  const opcode = first & 0x0f
  if (opcode === OP_CLOSE) socket.end(encode(FIN | OP_CLOSE, payload.subarray(0, 2)))
  else if (opcode === OP_PING) socket.write(encode(FIN | OP_PONG, payload))
  else if (opcode !== OP_PONG) socket.write(encode(first, payload)) // fragments keep their FIN bit, so they stay fragments
}

/** @returns a function that takes bytes as they come and gives the frames that are complete; it throws on a breach */
function decoder(): (chunk: Buffer) => Frame[] {
  let pending: Buffer = Buffer.alloc(0)
  return chunk => {
    pending = pending.length > 0 ? Buffer.concat([pending, chunk]) : chunk
    const frames: Frame[] = []
    for (let size = frameSize(pending); size <= pending.length; size = frameSize(pending)) {
      frames.push(unmask(pending.subarray(0, size)))
      pending = pending.subarray(size)
    }
    return frames
  }
}

/** @returns bytes of the frame that begins here; Infinity while its head is incomplete */
function frameSize(bytes: Buffer): number {
  if (bytes.length < 2) return Infinity
  const [first = 0, second = 0] = bytes
  if ((first & 0x70) !== 0 || (second & 0x80) === 0) throw new TypeError('reserved bits set, or not masked')
  const short = second & 0x7f
  const wide = short === 127 ? 8 : short === 126 ? 2 : 0
  if (bytes.length < 2 + wide) return Infinity
  const length = wide === 8 ? Number(bytes.readBigUInt64BE(2)) : wide === 2 ? bytes.readUInt16BE(2) : short
  if (length > LARGEST_PAYLOAD) throw new RangeError('larger than the demo echoes')
  return 2 + wide + 4 + length
}

function unmask(frame: Buffer): Frame {
  const wide = [126, 127].indexOf(frame[1]! & 0x7f)
  const at = 2 + (wide < 0 ? 0 : wide === 0 ? 2 : 8)
  const payload = Buffer.from(frame.subarray(at + 4))
  for (let i = 0; i < payload.length; i++) payload[i]! ^= frame[at + (i & 3)]!
  return { first: frame[0]!, payload }
}

/** A server's frames are not masked. */
function encode(first: number, payload: Buffer): Buffer {
  const { length } = payload
  if (length < 126) return Buffer.concat([Buffer.from([first, length]), payload])
  const head = Buffer.alloc(length < 65_536 ? 4 : 10)
  head[0] = first
  head[1] = head.length === 4 ? 126 : 127
  if (head.length === 4) head.writeUInt16BE(length, 2)
  else head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, payload])
}

function closePayload(code: number): Buffer {
  return Buffer.from([code >> 8, code & 0xff])
}
