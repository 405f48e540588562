// Claims: a one-line change to the web app ships at most 10 % of the image's bytes; a ship that is cut ten times sends less
// than 5 % again. Not claimed: that a first, whole image on a line that holds is faster than a pipe. It is not, for it is
// packed before it goes, and no more of it is on its way than a cut may cost.
//
// Measured: the sample web app, built as a deploy builds it, and again with one line of its page changed. From this
// machine's engine to another one, empty at first, behind a real sshd, over a line of 200 ms round trip that loses 1 % of
// all packets (test/doubles/wan), with BBR on both ends: with the usual CUBIC nothing gets over such a line. First the
// whole image, then the change, by `twinedge` and by `docker save | ssh docker load`, plain, gzipped and with zstd. Then
// the whole image with ten cuts, at every eleventh of it. A pipe begins anew at every cut: its bytes are reckoned.
//
// To read: MB and seconds; `× ours` is how much of both a pipe takes. `overrun` must be 0, or the emulator was the limit.
// Needs root and a Docker engine.
import { shipImage } from '../../compose/laptop/ship/ship.ts'
import { layShipGround, type ShipGround } from '../doubles/ship/ground.ts'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { layGround } from '../doubles/wan/ground.ts'
import { whyNoWan } from '../doubles/wan/missing.ts'
import { figure, printTable, ratio } from './report.ts'
import type { Race } from './run.ts'
import { buildPages } from './ship/pages.ts'
import { pipes, type Sent, sendByPipe } from './ship/pipes.ts'

export const hasExtras = false
export const own = []

const delayMs = 100
const loss = 0.01
const cuts = 10

interface Row extends Sent {
  readonly name: string
  readonly resentBytes: number
}

export async function measure(race: Race): Promise<void> {
  const missing = engineMissing || whyNoWan()
  if (missing !== '') throw new Error(missing)
  const { one, two } = await buildPages(race)
  const wan = await layGround(race, { delayMs, loss, kernel: 'tuned' })
  const { frontend: laptop, backend } = wan
  const place = { address: backend.address, command: backend.command, client: laptop.command }
  const ground = await layShipGround(race, { place })
  const rows: Record<string, Row[]> = { 'the whole image': [], 'a line changed': [] }
  const record = (title: string, row: Row): void => {
    rows[title]?.push(row)
    console.log(`  ${row.name}, ${title}: ${figure(row.bytes / 1e6, 2)} MB, ${figure(row.seconds, 1)} s`)
  }
  record('the whole image', await ours(ground, one))
  record('a line changed', await ours(ground, two))
  for (const pipe of pipes) {
    await clear(ground, [one, two])
    record('the whole image', { name: pipe.name, ...(await sendByPipe(ground, pipe, one)), resentBytes: 0 })
    record('a line changed', { name: pipe.name, ...(await sendByPipe(ground, pipe, two)), resentBytes: 0 })
  }
  await clear(ground, [one, two])
  const cut = await ours(ground, one, cuts)
  for (const [title, all] of Object.entries(rows)) print(title, all)
  const whole = rows['the whole image']!
  const again = whole.slice(1).map(({ name, bytes }) => ({
    name,
    bytes: bytes * (1 + cuts / 2),
    seconds: Number.NaN,
    resentBytes: bytes * (cuts / 2)
  }))
  print(`the whole image, ${cuts} cuts`, [cut, ...again])
  const share = (100 * (rows['a line changed']?.[0]?.bytes ?? 0)) / (whole[0]?.bytes ?? 1)
  console.log(
    `\n  A line changed is ${figure(share, 2)} % of the image; ten cuts sent ${figure((100 * cut.resentBytes) / whole[0]!.bytes, 2)} % again.`
  )
  const stats = await wan.wan.stats()
  console.log(`  overrun: ${stats['from-frontend'].overrun + stats['from-backend'].overrun}`)
}

async function ours({ connect, server }: ShipGround, reference: string, cuts = 0): Promise<Row> {
  const ssh = await connect()
  let done = 0
  const progress = ({ sent, total }: { sent: number; total: number }): void => {
    if (done === cuts || sent < ((done + 1) * total) / (cuts + 1)) return
    done++
    server.cut()
    void server.start()
  }
  const beganMs = performance.now()
  const { sentBytes, resentBytes } = await shipImage(ssh, { reference, say: () => {}, progress })
  return { name: 'twinedge', bytes: sentBytes, seconds: (performance.now() - beganMs) / 1_000, resentBytes }
}

async function clear({ engine }: ShipGround, images: readonly string[]): Promise<void> {
  await engine.docker(['image', 'rm', '--force', ...images])
  const left = (await engine.docker(['image', 'ls', '--quiet'])).out
  if (left !== '') throw new Error('images are left in the second engine')
  await docker(['image', 'inspect', ...images])
}

function print(title: string, rows: readonly Row[]): void {
  const [first] = rows
  const cells = rows.map(({ name, bytes, seconds, resentBytes }) => [
    name,
    figure(bytes / 1e6, 2),
    ratio(bytes, first?.bytes),
    figure(seconds, 1),
    ratio(seconds, first?.seconds),
    figure(resentBytes / 1e6, 2)
  ])
  printTable(`ship: ${title}`, ['', 'MB', '× ours', 's', '× ours', 'MB again'], cells)
}
