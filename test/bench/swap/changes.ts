import type { Owner } from '../../doubles/stack/image.ts'
import { buildFault, buildRelease, type Upstream } from '../../doubles/stack/releases.ts'

export interface Planned {
  readonly upstream: Upstream
  /** Of `twinedge`. */
  readonly args: readonly string[]
  readonly name: string
  readonly isGood: boolean
}

/** Two builds of an app, and what is none. */
export type Images = Record<'one' | 'two' | 'ends' | 'wrong' | 'deaf' | 'missing', string>

const swapTo = (image: keyof Images) => ({ verb: 'swap', image, isGood: image === 'one' || image === 'two' }) as const
const rollback = { verb: 'rollback', image: null, isGood: true } as const
/** Ten for each upstream; a shorter run takes the first of them. */
const course = [
  swapTo('two'),
  swapTo('ends'),
  rollback,
  swapTo('wrong'),
  swapTo('two'),
  swapTo('deaf'),
  rollback,
  swapTo('missing'),
  swapTo('two'),
  swapTo('one')
]

export async function buildImages(owner: Owner, upstream: Upstream): Promise<Images> {
  const [one, two] = [await buildRelease(owner, upstream, 'one'), await buildRelease(owner, upstream, 'two')]
  const [ends, wrong, deaf] = [
    await buildFault(owner, 'ends'),
    await buildFault(owner, 'wrong'),
    await buildFault(owner, 'deaf')
  ]
  return { one, two, ends, wrong, deaf, missing: 'nowhere.invalid/app:1' }
}

/** @param each how many for each upstream, 10 at most; web and API by turns */
export function plan(images: Readonly<Record<Upstream, Images>>, each: number): Planned[] {
  return course.slice(0, each).flatMap(({ verb, image, isGood }) =>
    (['web', 'api'] as const).map(upstream => {
      const what = image === null ? [] : [images[upstream][image]]
      // No candidate here takes longer to become healthy, and nothing runs for longer.
      const args = [verb, upstream, ...what, '--within', '12s', '--drain', '2m', '--json']
      return { upstream, args, isGood, name: image === null ? verb : isGood ? 'swap' : `swap, image ${faultOf[image]}` }
    })
  )
}

const faultOf: Record<string, string> = {
  ends: 'ends at once',
  wrong: 'answers wrongly',
  deaf: 'never healthy',
  missing: 'missing'
}
