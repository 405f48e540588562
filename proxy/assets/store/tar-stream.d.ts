/** What is used of tar-stream, which brings no types. */
declare module 'tar-stream' {
  interface Header {
    readonly name: string
    readonly type: string | null
  }
  interface Extract extends NodeJS.WritableStream {
    on(
      event: 'entry',
      take: (header: Header, body: NodeJS.ReadableStream, next: (error?: unknown) => void) => void
    ): this
    on(event: string, listener: (...args: never[]) => void): this
    destroy(error?: Error): void
  }
  function extract(): Extract
}
