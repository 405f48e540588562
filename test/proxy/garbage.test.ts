import t from 'tap'
import { noteGarbage } from '../../proxy/garbage.ts'

const CHUNK_BYTES = 16_384

t.test('buffers that are noted as dead do not pile up, whatever V8 thinks of its few objects', async t => {
  let most = 0
  for (let sent = 0; sent < 100 * 1024 * 1024; sent += CHUNK_BYTES) {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    noteGarbage(chunk.length)
    most = Math.max(most, process.memoryUsage().arrayBuffers)
    // Buffers are freed beside the event loop.
    if (sent % (1024 * 1024) === 0) await new Promise(resolve => setImmediate(resolve))
  }
  t.ok(most < 20 * 1024 * 1024, `at most ${Math.round(most / 1024 / 1024)} MB at once`)
})
