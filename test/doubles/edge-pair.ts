import type { Test } from 'tap'
import { type RunningEdge, startEdge } from './edge.ts'
import { freePorts } from './ports.ts'

/** Two edges on this machine that are each other's peer, paired unless told otherwise. */
export interface EdgePair {
  readonly frontend: RunningEdge
  readonly backend: RunningEdge
  /** Of the links: the frontend's, the backend's. */
  readonly ports: readonly [number, number]
}

/** Each a whole configuration without its link. */
export interface PairYaml {
  readonly frontend: string
  readonly backend: string
  /** false: nobody has taken the other's key. */
  readonly isPaired?: boolean
}

/** @returns once the link is up in both directions, if they are paired */
export async function startEdgePair(t: Test, { frontend, backend, isPaired = true }: PairYaml): Promise<EdgePair> {
  const [one, two] = (await freePorts(2)) as [number, number]
  const link = (listen: number, peer: number): string =>
    `link: { listen: "127.0.0.1:${listen}", peer: "127.0.0.1:${peer}" }\n`
  const front = await startEdge(t, `${frontend}${link(one, two)}`)
  const back = await startEdge(t, `${backend}${link(two, one)}`)
  if (isPaired) {
    await pair(front, back)
    for (const edge of [front, back]) await edge.line(({ message }) => message === 'the link is up')
  }
  return { frontend: front, backend: back, ports: [one, two] }
}

/** Each takes the other's key. */
export async function pair(one: RunningEdge, two: RunningEdge): Promise<void> {
  const keyOf = ({ edge }: RunningEdge): string => edge.link.status().keys.own.fingerprint
  await one.edge.link.pair({ fingerprint: keyOf(two), forget: false })
  await two.edge.link.pair({ fingerprint: keyOf(one), forget: false })
}
