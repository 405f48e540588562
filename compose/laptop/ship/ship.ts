import { EdgeError } from '../../../proxy/errors.ts'
import { type HeldImage, inspectImages } from '../../image/inspect.ts'
import type { Bundle, Found } from '../../server/ship/protocol.ts'
import type { Ssh } from '../ssh/ssh.ts'
import { Packing, type Save } from './packing.ts'
import { Line } from './persistence.ts'
import { openReceiver, type Receiver } from './receiver.ts'
import { type Progress, Transfer } from './transfer.ts'

/** An engine that has images. */
export interface Stock {
  /** What it is called in an error. */
  readonly name: string
  /** @returns undefined: it has none of this name */
  inspect(reference: string): Promise<HeldImage | undefined>
  readonly save?: Save
}

const own: Stock = { name: 'this laptop', inspect: async reference => (await inspectImages([reference]))[0] }

export interface Shipping {
  /** By which the engine that has it knows it, and the server's will. */
  readonly reference: string
  /** Which has it: this laptop's own, unless told. */
  readonly stock?: Stock
  /** Lines for the operator. */
  say(line: string): void
  progress?(progress: Progress): void
  /** How long a line may bring nothing forward before it is given up, ms. */
  readonly patienceMs?: number
  /** Of an operator who wants it no longer: what has come is gone on with another time. */
  readonly signal?: AbortSignal | undefined
}

export interface Shipped {
  /** Of the image, as the server's engine knows it. */
  readonly id: string
  /** Of all that had to go, compressed. */
  readonly bytes: number
  /** That went: more when the line was cut. */
  readonly sentBytes: number
  readonly resentBytes: number
}

/** The server may find that it lacks layers that it believed it had; more often than this it is not right. */
const mostLoads = 3

/**
 * Brings an image to a server's engine: of its layers, those that it lacks; in the middle of one if the line was cut
 * there, in this ship or an earlier one. Lines that are lost are made anew; the connection given is lost with the first.
 * @throws EdgeError SHIP_*, SSH_*, SERVER_TOOL_*, COMPOSE_ENGINE_UNREACHABLE; the signal's reason
 */
export async function shipImage(ssh: Ssh, shipping: Shipping): Promise<Shipped> {
  const { reference, stock = own } = shipping
  const image = await stock.inspect(reference)
  if (image === undefined) throw new EdgeError('SHIP_IMAGE_MISSING', `${stock.name} has no ${reference}`)
  const packing = await Packing.open(reference, image.diffIds, stock.save)
  const transfer = new Transfer(shipping.progress ?? (() => {}))
  const line = new Line(ssh)
  const { say, patienceMs, signal } = shipping
  const terms = { say, patienceMs, signal, there: () => transfer.there, cut: () => transfer.cut() }
  try {
    const id = await line.persist(terms, ssh => overOneLine(ssh, image, { packing, transfer, shipping }))
    return { id, bytes: transfer.total, sentBytes: transfer.sentBytes, resentBytes: transfer.resentBytes }
  } finally {
    await line.close()
    await packing.close()
  }
}

/**
 * What a ship would send now, compressed; nothing is sent.
 * @throws EdgeError SHIP_IMAGE_MISSING, SSH_*, SERVER_TOOL_*, COMPOSE_ENGINE_UNREACHABLE
 */
export async function foreseeShip(ssh: Ssh, reference: string): Promise<number> {
  const [image] = await inspectImages([reference])
  if (image === undefined) throw new EdgeError('SHIP_IMAGE_MISSING', `this laptop has no ${reference}`)
  const packing = await Packing.open(reference, image.diffIds)
  const receiver = openReceiver(ssh)
  try {
    // By no fingerprint: an image that is there would get another name by being found.
    const { diffIds } = await look(receiver, { ...image, fingerprint: '' }, reference)
    return bytesOf(await packing.bundle(image.diffIds.filter(diffId => !diffIds.includes(diffId))))
  } finally {
    receiver.close()
    await packing.close()
  }
}

interface Load {
  readonly packing: Packing
  readonly transfer: Transfer
  readonly shipping: Shipping
}

async function overOneLine(ssh: Ssh, image: HeldImage, load: Load): Promise<string> {
  // Of one that is over already there is no word: all of it would go on, for nobody.
  load.shipping.signal?.throwIfAborted()
  const receiver = openReceiver(ssh)
  load.shipping.signal?.addEventListener('abort', receiver.close)
  try {
    const found = await look(receiver, image, load.shipping.reference)
    if (found.platform !== image.platform) {
      const both = `${load.shipping.reference} is for ${image.platform}, and ${ssh.server.name} is ${found.platform}`
      throw new EdgeError('SHIP_ARCH_OTHER', both)
    }
    return found.id ?? (await bring(receiver, image, found, load))
  } finally {
    load.shipping.signal?.removeEventListener('abort', receiver.close)
    receiver.close()
  }
}

async function look(receiver: Receiver, { fingerprint, diffIds }: HeldImage, reference: string): Promise<Found> {
  receiver.say({ look: { reference, fingerprint, diffIds } })
  const heard = await receiver.next()
  if (!('found' in heard)) throw new EdgeError('SERVER_TOOL_OTHER', 'the server did not say what it has')
  return heard.found
}

async function bring(receiver: Receiver, image: HeldImage, found: Found, load: Load): Promise<string> {
  const { packing, transfer, shipping } = load
  const wanted = new Set(image.diffIds.filter(diffId => !found.diffIds.includes(diffId)))
  for (let loads = 0; loads < mostLoads; loads++) {
    const bundle = await packing.bundle([...wanted])
    const megabytes = (bytesOf(bundle) / 1e6).toFixed(1)
    shipping.say(`${wanted.size} of ${new Set(image.diffIds).size} layers are to go: ${megabytes} MB`)
    const loaded = await transfer.send(packing, bundle, receiver)
    if (loaded !== null) return loaded
    receiver.say({ load: true })
    const heard = await receiver.next()
    if ('loaded' in heard) return heard.loaded
    for (const diffId of 'lacking' in heard ? heard.lacking : []) wanted.add(diffId)
  }
  throw new EdgeError(
    'SHIP_CORRUPT',
    `${shipping.reference}: its layers have not come as they were sent, time after time`
  )
}

function bytesOf({ layers }: Bundle): number {
  return layers.flatMap(({ pieces }) => pieces).reduce((sum, { bytes }) => sum + bytes, 0)
}
