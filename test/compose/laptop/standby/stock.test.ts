// What a server's engine has, as far as its docker is concerned: a program of that name here.
import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import t from 'tap'
import { Packing } from '../../../../compose/laptop/ship/packing.ts'
import type { Ssh } from '../../../../compose/laptop/ssh/ssh.ts'
import { stockOn } from '../../../../compose/laptop/standby/stock.ts'
import { EdgeError } from '../../../../proxy/errors.ts'
import { siteOf } from '../../../doubles/deploy-servers.ts'
import { archiveOf, diffIdOf, layerOf } from '../../../doubles/ship/image.ts'

const [server] = siteOf('frontend').servers

/** @param docker what its docker does @param lost what is said of its line, of which no more than the beginning comes */
function stockWith(docker: string, lost?: EdgeError): ReturnType<typeof stockOn> {
  const open: Ssh['open'] = ([program = '', , script = '', ...args]) => {
    const child = spawn(program, ['-c', `docker() { ${docker}; }; ${script}`, ...args])
    let stderr = ''
    child.stderr.on('data', chunk => {
      stderr += chunk
    })
    const ended = new Promise<{ code: number; stderr: string }>((resolve, reject) => {
      child.once('close', code => {
        // ssh tells of its line once it has looked for it.
        if (lost === undefined) resolve({ code: code ?? 1, stderr })
        else setTimeout(reject, 20, lost)
      })
    })
    ended.catch(() => {})
    const stdout = lost === undefined ? child.stdout : child.stdout.take(1)
    return { stdin: child.stdin, stdout, ended, stop: () => child.kill() }
  }
  return stockOn({ server: server!, ssh: async () => ({ server, open }) as unknown as Ssh })
}

t.test('an image comes out of the engine of a server as it would out of the laptop’s', async t => {
  const layers = [layerOf(100_000), layerOf(5_000)]
  const file = join(t.testdir({}), 'image.tar')
  await pipeline(archiveOf('x:one', layers), createWriteStream(file))
  const diffIds = layers.map(diffIdOf)
  const { save } = stockWith(`cat '${file}'`)
  const packing = await Packing.open('x:one', diffIds, save)
  t.teardown(() => packing.close())
  const bundle = await packing.bundle(diffIds)
  t.strictSame(
    bundle.layers.map(({ diffId }) => diffId),
    diffIds
  )
})

t.test('of a docker that fails, what it has said is told', async t => {
  const full = 'no space left on device'
  for (const begun of [':', 'head -c 300000 /dev/zero']) {
    const packing = await Packing.open('x:one', [], stockWith(`${begun}; echo ${full} >&2; return 1`).save)
    await t.rejects(packing.bundle([]), { code: 'SHIP_CORRUPT', detail: new RegExp(`^frontend: docker save: ${full}`) })
    await packing.close()
  }
})

t.test('of an archive that breaks off, the line that was lost is the reason', async t => {
  const packed = async (lost?: EdgeError): Promise<unknown> => {
    const packing = await Packing.open('x:one', [], stockWith('head -c 300000 /dev/urandom', lost).save)
    return packing
      .bundle([])
      .catch(cause => cause)
      .finally(() => packing.close())
  }
  t.match(await packed(new EdgeError('SSH_UNREACHABLE', 'closed')), { code: 'SSH_UNREACHABLE' })
  t.ok((await packed()) instanceof Error)
})
