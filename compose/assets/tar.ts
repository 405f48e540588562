import { PassThrough, type Readable } from 'node:stream'
import { EdgeError } from '../../proxy/errors.ts'

/** An archive that the engine is sending: what breaks off is told as the engine's, and who leaves it ends the call. */
export function tarOf(answer: Readable): Readable {
  const tar = new PassThrough()
  answer.on('error', cause => tar.destroy(new EdgeError('COMPOSE_ENGINE_UNREACHABLE', cause.message, cause)))
  tar.on('close', () => answer.destroy())
  return answer.pipe(tar)
}
