import fc from 'fast-check'
import t from 'tap'
import { FrameTrail } from '../../../proxy/forward/frames.ts'

/** A frame, with a head as RFC 6455 §5.2 wants it. @param key 32 bits when it is masked */
function frame(opcode: number, length: number, key: number | null): Buffer {
  const mask = key === null ? 0 : 0x80
  const size =
    length < 126
      ? Buffer.of(mask | length)
      : length < 65_536
        ? Buffer.of(mask | 126, length >> 8, length & 0xff)
        : Buffer.concat([Buffer.of(mask | 127, 0, 0, 0, 0), uint32(length)])
  const keyBytes = key === null ? Buffer.alloc(0) : uint32(key)
  // Bytes that would pass for heads.
  return Buffer.concat([Buffer.of(0x80 | opcode), size, keyBytes, Buffer.alloc(length, 0x88)])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const anyFrame = fc.record({
  opcode: fc.constantFrom(0, 1, 2, 9, 10),
  length: fc.oneof(fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536, 70_000), fc.nat(300)),
  key: fc.option(fc.nat(), { nil: null })
})

t.test('the end of every frame is found, however its bytes are split', async t => {
  const property = fc.property(
    fc.array(anyFrame, { minLength: 1, maxLength: 6 }),
    fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1 }),
    (frames, sizes) => {
      const all = frames.map(({ opcode, length, key }) => frame(opcode, length, key))
      const ends = all.map((_, i) => Buffer.concat(all.slice(0, i + 1)).length)
      const bytes = Buffer.concat(all)
      const trail = new FrameTrail()
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const to = Math.min(bytes.length, at + sizes[turn % sizes.length]!)
        trail.follow(bytes.subarray(at, to))
        if (trail.isBetween !== ends.includes(to)) return false
        at = to
      }
      return true
    }
  )
  t.doesNotThrow(() => fc.assert(property, { numRuns: 200 }))
})

t.test('from any place in a frame, its end is found in what follows', async t => {
  const bytes = Buffer.concat([frame(2, 300, null), frame(1, 5, null)])
  const end = frame(2, 300, null).length
  for (let at = 1; at < end; at++) {
    const trail = new FrameTrail()
    trail.follow(bytes.subarray(0, at))
    t.equal(trail.endOfFrame(bytes.subarray(at)), end - at)
  }
  const trail = new FrameTrail()
  trail.follow(bytes.subarray(0, 10))
  t.equal(trail.endOfFrame(bytes.subarray(10, 20)), -1)
})

t.test('a close frame is noticed, its look-alikes in a payload are not', async t => {
  const trail = new FrameTrail()
  trail.follow(frame(2, 200, null))
  t.notOk(trail.hasClosed)
  trail.follow(frame(8, 2, null))
  t.ok(trail.hasClosed)
})
