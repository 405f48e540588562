const block = 512

/** @returns a tar archive of one file, root's, that anybody may read: what the engine wants a file to come in */
export function archiveOf(name: string, text: string): Buffer {
  const content = Buffer.from(text)
  const head = Buffer.alloc(block)
  const put = (at: number, value: string): number => head.write(value, at, 'latin1')
  put(0, name)
  put(100, '0000444\0')
  put(108, '0000000\0') // root,
  put(116, '0000000\0') // and its group
  put(124, `${content.length.toString(8).padStart(11, '0')}\0`)
  put(136, '00000000000\0') // long ago
  put(148, ' '.repeat(8)) // the sum counts itself as blanks
  put(156, '0') // an ordinary file
  put(257, 'ustar\x0000')
  put(148, `${sum(head).toString(8).padStart(6, '0')}\0 `)
  const fill = Buffer.alloc((block - (content.length % block)) % block)
  return Buffer.concat([head, content, fill, Buffer.alloc(2 * block)])
}

function sum(bytes: Buffer): number {
  return bytes.reduce((total, byte) => total + byte, 0)
}
