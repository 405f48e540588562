import { median } from '../report.ts'
import type { Field } from './field.ts'

export interface Calls {
  /** The first request that the contestant has ever carried, and the median of those after it. From sent to done. */
  readonly firstMs: number
  readonly laterMs: number
  /** From a stream's request to its first event. */
  readonly eventMs: number
}

export interface Uploads {
  /** Of each run, in its order. */
  readonly seconds: readonly number[]
}

const laterCalls = 10
const openedStreams = 5

export async function measureCalls({ visitor, target }: Field): Promise<Calls> {
  // A visitor has been here before, as one has who has loaded the page: its own connection is not the link's matter.
  const call = async (): Promise<number> => {
    const { doneMs, status } = await visitor.ask('request', { target, path: '/api/v1/models' })
    if (status !== 200) throw new Error(`an API call was answered with ${status}`)
    return doneMs
  }
  const firstMs = await call()
  const later: number[] = []
  for (let count = 0; count < laterCalls; count++) later.push(await call())
  const events: number[] = []
  for (let count = 0; count < openedStreams; count++) events.push(await firstEvent({ visitor, target }))
  return { firstMs, laterMs: median(later), eventMs: median(events) }
}

async function firstEvent({ visitor, target }: Pick<Field, 'visitor' | 'target'>): Promise<number> {
  const id = await visitor.ask('openStream', { target, path: '/api/v1/chat/stream' })
  const { events, failure } = await visitor.ask('readStream', { id, count: 1 })
  await visitor.ask('closeStream', id)
  if (events[0] === undefined) throw new Error(`a stream brought no event: ${failure}`)
  return events[0].atMs
}

/** Up to `most` runs of 10 MB, one after the other; none begins when they have taken `longestMs`. */
export async function measureUploads(
  { visitor, target }: Field,
  { bytes, most, longestMs }: { bytes: number; most: number; longestMs: number }
): Promise<Uploads> {
  const seconds: number[] = []
  const beganMs = performance.now()
  while (seconds.length < most && performance.now() - beganMs < longestMs) {
    const upload = { target, path: '/api/v1/upload', method: 'POST', body: bytes }
    const { doneMs, status } = await visitor.ask('request', upload)
    if (status !== 200) throw new Error(`an upload was answered with ${status}`)
    seconds.push(doneMs / 1000)
  }
  return { seconds }
}
