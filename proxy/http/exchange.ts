/** Header fields as they came, in order: name, value, name, value… Names in lower case, one latin1 character per byte. */
export type RawHeaders = string[]

/** The head of a request after every check that needs no configuration (RFC 9112 §3, RFC 9113 §8.3). */
export interface RequestHead {
  readonly method: string
  /** Host name, lower case, without port; IPv6 in brackets. */
  readonly host: string
  /** What the client wrote as Host or `:authority`, port included. */
  readonly authority: string
  /** Path and query, byte for byte. */
  readonly target: string
  /** Without Host and pseudo header fields. */
  readonly headers: RawHeaders
  /** Bytes of the body; 0: none; -1: known only at its end. */
  readonly bodyLength: number
  readonly expectsContinue: boolean
  readonly isWebSocketUpgrade: boolean
}

/** Stands for a head that could not be read, so that its request is answered and recorded like any other. */
export const unreadableHead: RequestHead = {
  method: '-',
  host: '',
  authority: '',
  target: '-',
  headers: [],
  bodyLength: 0,
  expectsContinue: false,
  isWebSocketUpgrade: false
}

/** Who receives a request's body. */
export interface BodyReceiver {
  /** @returns false to be sent no more until `resumeBody()` */
  takeBody(chunk: Buffer): boolean
  endBody(trailers: RawHeaders): void
}

/** One request of a client and the answer to it, whatever the protocol. The listeners make these; forward/ answers them. */
export interface Exchange {
  /** Ours, or a trusted proxy's own once it is known. */
  id: string
  readonly protocol: 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2'
  /** Address of the socket's other end, IPv4-mapped IPv6 as IPv4. */
  readonly clientAddress: string
  /** As it came; the other edge's probe of an upstream gets its path once that is known. */
  head: RequestHead
  /** `performance.now()` when its first byte came. */
  readonly beganMs: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** 0 until `respond()`. */
  readonly status: number
  /** True once the answer is complete, aborted, or has nobody to go to. */
  readonly isOver: boolean

  /** Called once, when the client goes away (or breaks a rule in its body) before the answer is complete. */
  onGone: (cause: ClientFailure) => void
  /** Called when a `write()` that answered false has been taken. */
  onDrain: () => void

  /** Starts the body; a client that waits for 100 (Continue) gets it now. */
  readBody(receiver: BodyReceiver): void
  resumeBody(): void

  /** An interim answer: 103 and other 1xx, but not 100 or 101. */
  inform(status: number, headers: RawHeaders): void
  /**
   * The head of the answer. It waits for the first `write()`, `end()` or `flush()`, so that head and body share a packet.
   * @param bodyLength as announced by the upstream (a Content-Length is in `headers` then); -1: until `end()`
   */
  respond(status: number, headers: RawHeaders, bodyLength: number): void
  flush(): void
  /** Takes the bytes at once or copies them: the caller may reuse `chunk`. @returns false: wait for `onDrain` */
  write(chunk: Uint8Array): boolean
  end(trailers?: RawHeaders): void
  /** Ends the answer so that the client knows it is incomplete. */
  abort(): void
  /** 101: sends the head and hands over the raw connection, with what the client had sent already. */
  upgrade(headers: RawHeaders): UpgradedClient
}

export interface UpgradedClient {
  readonly socket: import('node:stream').Duplex
  readonly head: Buffer
}

export type ClientFailure = 'EDGE_CLIENT_CLOSED' | 'EDGE_CLIENT_STALLED' | 'EDGE_BODY_TOO_SLOW' | 'EDGE_BODY_MALFORMED'
