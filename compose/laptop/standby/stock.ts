import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { EdgeError } from '../../../proxy/errors.ts'
import type { Saving } from '../../image/docker.ts'
import { inspecting, readImages } from '../../image/inspect.ts'
import type { Stock } from '../ship/ship.ts'
import type { Line } from '../ssh/line.ts'
import type { Channel } from '../ssh/ssh.ts'

/** Whole, and compressed by what every server has. It ends as docker does: gzip would end well whatever comes to it. */
const save = `exec 3>&1
exit "$({ { docker save "$1"; echo $? >&4; } | gzip -1 >&3; } 4>&1)"`

/** The images of a server's engine: what was built there and is wanted on the other server passes through this laptop. */
export function stockOn({ server, ssh }: Pick<Line, 'server' | 'ssh'>): Stock {
  return {
    name: server.name,
    async inspect(reference) {
      const { stdout } = await (await ssh()).run(['docker', ...inspecting, reference], { asRoot: true })
      return readImages(stdout)[0]
    },
    async save(reference) {
      return savingOf(server.name, (await ssh()).open(['sh', '-c', save, 'save', reference], { asRoot: true }))
    }
  }
}

function savingOf(name: string, { stdin, stdout, ended }: Channel): Saving {
  stdin.end()
  const whole = ended.then(({ code, stderr }) => {
    if (code !== 0) throw new EdgeError('SHIP_CORRUPT', `${name}: docker save: ${stderr.trim()}`)
  })
  whole.catch(() => {}) // whoever waits for it hears of it
  return { archive: Readable.from(plain(stdout, whole), { objectMode: false }), ended: whole }
}

/** A line that is lost breaks the archive off, as a docker that fails does, and is the reason that counts. */
async function* plain(packed: Readable, whole: Promise<void>): AsyncGenerator<Buffer> {
  try {
    yield* packed.compose(createGunzip()) as AsyncIterable<Buffer>
  } catch (cause) {
    await whole
    throw cause
  }
  await whole
}
