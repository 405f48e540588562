// Engines that are slow, or want more than they need: a program in front of docker on the server.
import { chmodSync, createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import t from 'tap'
import { dockerSave } from '../../../../compose/image/docker.ts'
import { inspectImages } from '../../../../compose/image/inspect.ts'
import { openReceiver } from '../../../../compose/laptop/ship/receiver.ts'
import { shipImage } from '../../../../compose/laptop/ship/ship.ts'
import { layShipGround } from '../../../doubles/ship/ground.ts'
import { layerOf, makeImage } from '../../../doubles/ship/image.ts'
import { engineMissing } from '../../../doubles/stack/engine.ts'

const say = (): void => {}
const options = { skip: engineMissing }
const programs = mkdtempSync(join(tmpdir(), 'te-programs-'))
t.teardown(() => rmSync(programs, { recursive: true }))
const ground = engineMissing === '' ? await layShipGround(t, { programs }) : null
const { engine, connect, pieces, server } = ground ?? ({} as NonNullable<typeof ground>)

/** Of docker's commands, by a shell. */
function inPlaceOf(command: 'load' | 'ls', script: string): void {
  const file = join(programs, 'docker')
  const isIt = command === 'load' ? '[ "$1" = load ]' : '[ "$1 $2" = "image ls" ]'
  writeFileSync(file, `#!/bin/sh\nif ${isIt}; then ${script}\nelse exec /usr/bin/docker "$@"; fi\n`)
  chmodSync(file, 0o755)
}

/** The archive is in $f. */
function insteadOfLoad(script: string): void {
  const rest = '/usr/bin/docker load --quiet --input "$f"'
  inPlaceOf('load', `f=$(mktemp); trap 'rm -f "$f"' EXIT; cat >"$f"; ${script}; ${rest}`)
}

t.test('an engine that takes no part of an image gets all of it, of which only a part is sent', options, async t => {
  insteadOfLoad(`want=$(tar -x -O -f "$f" manifest.json | grep -o layer.tar | wc -l)
  if [ "$(tar -t -f "$f" | grep -c layer.tar)" -lt "$want" ]; then echo no such layer >&2; exit 1; fi`)
  const [base, one, other] = [layerOf(2_000_000), layerOf(30_000), layerOf(30_000)]
  const ssh = await connect()
  await shipImage(ssh, { reference: await makeImage(t, [base, one]), say })
  const reference = await makeImage(t, [base, other])
  const { id, sentBytes } = await shipImage(ssh, { reference, say })
  t.match(await engine.docker(['image', 'inspect', '--format', '{{.Id}}', reference]), { out: `${id}\n` })
  t.ok(sentBytes < 35_000, `${sentBytes} bytes were sent`)
  t.same(pieces(), [])
})

t.test('an engine that takes none is heard in its own words', options, async t => {
  insteadOfLoad('echo read-only file system >&2; exit 1')
  const shipping = shipImage(await connect(), { reference: await makeImage(t, [layerOf(30_000)]), say })
  await t.rejects(shipping, { code: 'SHIP_LOAD_REFUSED', detail: /read-only file system/ })
  insteadOfLoad('echo write /var/lib: no space left on device >&2; exit 1')
  const full = shipImage(await connect(), { reference: await makeImage(t, [layerOf(30_000)]), say })
  await t.rejects(full, { code: 'SHIP_DISK_FULL', detail: /^single: .*no space left/ })
})

t.test('an image that another receiver has loaded meanwhile is not asked for again', options, async t => {
  const reference = await makeImage(t, [layerOf(30_000)])
  const [image] = await inspectImages([reference])
  const { fingerprint, diffIds } = image!
  const { archive, ended } = dockerSave(reference)
  const file = join(t.testdir({}), 'image.tar')
  await Promise.all([pipeline(archive, createWriteStream(file)), ended])
  inPlaceOf('ls', '/usr/bin/docker "$@"')
  const receiver = openReceiver(await connect())
  t.teardown(() => receiver.close())
  receiver.say({ look: { reference, fingerprint, diffIds } })
  t.match(await receiver.next(), { found: { id: null } })
  // Its piece has gone, and its engine had not had it when it was asked.
  const layers = [{ diffId: diffIds[0]!, bytes: 1, pieces: [{ hash: 'a'.repeat(64), bytes: 1 }] }]
  receiver.say({ begin: { config: '', layers }, by: 'test' })
  t.same(await receiver.next(), { kept: {} })
  inPlaceOf('ls', `/usr/bin/docker "$@"; /usr/bin/docker load --quiet --input ${file} >/dev/null`)
  receiver.say({ load: true })
  t.match(await receiver.next(), { loaded: /^sha256:/ })
})

for (const [when, waitMs] of [
  ['before it is loaded', 0],
  ['while it is loaded', 400]
] as const) {
  t.test(`a line that is cut when all is there, ${when}, has nothing sent again`, options, async t => {
    insteadOfLoad('sleep 1')
    const reference = await makeImage(t, [layerOf(3_000_000), layerOf(10_000)])
    let cuts = 0
    const cut = (): void => {
      server.cut()
      void server.start()
    }
    const progress = ({ sent, total }: { sent: number; total: number }): void => {
      if (sent === total && cuts++ === 0) setTimeout(cut, waitMs)
    }
    const { id, resentBytes } = await shipImage(await connect(), { reference, say, progress })
    t.equal(resentBytes, 0)
    t.match(await engine.docker(['image', 'inspect', '--format', '{{.Id}}', reference]), { out: `${id}\n` })
  })
}
