/** What is used of tar-stream, which brings no types. */
declare module 'tar-stream' {
  import type { Readable, Writable } from 'node:stream'

  interface Header {
    readonly name: string
    readonly type: string | null
    readonly linkname: string | null
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
  interface Pack extends Readable {
    entry(
      header: { readonly name: string; readonly mode: number; readonly mtime?: Date },
      content: string | Buffer
    ): void
    entry(header: { readonly name: string; readonly mode: number; readonly size: number }): Writable
    finalize(): void
  }
  function pack(): Pack
}
