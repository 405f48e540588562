/** Without a terminal, both streams come in frames: a byte for which, three unused, four for the length. */
export function linesOf(framed: Buffer): string[] {
  const parts: Buffer[] = []
  for (let at = 0; at + 8 <= framed.length; ) {
    const end = at + 8 + framed.readUInt32BE(at + 4)
    parts.push(framed.subarray(at + 8, end))
    at = end
  }
  const text = Buffer.concat(parts).toString('utf8').trimEnd()
  return text === '' ? [] : text.split(/\r?\n/)
}
