import { EdgeError } from '../../../proxy/errors.ts'
import { readEnvFile } from '../../env/env-file.ts'
import type { Step, Work } from '../bootstrap/step.ts'
import { edgeImage } from '../image/build.ts'
import { keepWhatServes } from '../takeover/before.ts'
import { pullImage } from '../takeover/images.ts'

/** On the image that is built here: of which files it is. */
export const toolLabel = 'twinedge.tool'
/** Unless EDGE_IMAGE says otherwise. */
export const ownImage = edgeImage

export const bringEdgeImage: Step = {
  name: 'edge image',
  remains: 'what has arrived of the image is kept, and not sent again',
  async plan(work) {
    const image = edgeImageOf(work)
    const found = await labelThere(work, image)
    if (image !== ownImage) return { actions: found === null ? [pullImage(image)] : [] }
    if (found === work.edge.hash) return { actions: [] }
    const bring = { says: `build ${image} here and send it`, act: () => work.edge.deliver(work) }
    return { actions: [...keepWhatServes(work), bring] }
  }
}

export function edgeImageOf({ env, server }: Work): string {
  return readEnvFile(env, server.envFile).env.EDGE_IMAGE || ownImage
}

/** @returns the label's value, '' for an image without it, null where there is no such image, or no engine yet */
async function labelThere({ ssh, facts }: Work, image: string): Promise<string | null> {
  if (facts.engine.version === null) return null
  const format = `{{with .Config.Labels}}{{index . "${toolLabel}"}}{{end}}`
  const { code, stdout, stderr } = await ssh.run(['docker', 'image', 'inspect', '--format', format, image], {
    asRoot: true
  })
  if (code === 0) return stdout.trim()
  if (/No such image/i.test(stderr)) return null
  throw new EdgeError('SERVER_STEP_FAILED', `docker image inspect ${image}: ${stderr.trim()}`)
}
