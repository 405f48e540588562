import type { Action } from '../bootstrap/step.ts'

/** An exit code that Docker has not. */
const unpulled = 44

/** IMAGE...: by the network only what is not here. */
const pull = `for image in "$@"; do
  docker image inspect "$image" >/dev/null 2>&1 || docker pull --quiet "$image" || exit ${unpulled}
done`
const codes = { [unpulled]: 'SERVER_IMAGE_MISSING' } as const

/** FOLDER SERVICE...: what they and all that they wait for are made of. */
const pullForServices = `cd "$1" && shift && images=$(docker compose config --images "$@") && set -- $images && ${pull}`

export function pullImage(image: string): Action {
  return { run: ['sh', '-c', pull, 'pull', image], says: `$ docker pull ${image}`, codes }
}

/** Before anything is stopped for them. */
export function pullImagesOf(folder: string, services: readonly string[]): Action {
  const says = `pull whatever images ${services.join(' and ')} lack here`
  return { run: ['sh', '-c', pullForServices, 'pull', folder, ...services], says, codes }
}
