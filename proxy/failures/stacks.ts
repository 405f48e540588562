import type { FailureRow } from './row.ts'

/** Stacks and what changes them. */
export const stackFailures = {
  COMPOSE_ENV_REFUSED: {
    status: 0,
    side: 'operator',
    next: 'mend these in the file that is named (docs/examples explains them all), then the same command again'
  },
  COMPOSE_NO_STACK: {
    status: 0,
    side: 'operator',
    next: 'on a laptop: go to the folder of deploy.yaml, or name it: --site FILE; on a server: docker compose up -d, or name another stack: --project NAME'
  },
  COMPOSE_HOST_ONLY: { status: 0, side: 'operator', next: 'run it on the server itself, outside its containers' },
  COMPOSE_ENGINE_UNREACHABLE: {
    status: 0,
    side: 'operator',
    next: 'start Docker (systemctl start docker), or become a user who may use it (sudo); then the same command again'
  },
  COMPOSE_REFUSED: { status: 0, side: 'operator', next: 'mend what it says, then the same command again' },
  COMPOSE_LOCKED: {
    status: 0,
    side: 'operator',
    next: 'wait for it to end (twinedge status); one that hangs is taken over: twinedge slots settle --break-lock WHO'
  },
  COMPOSE_IMAGE_MISSING: {
    status: 0,
    side: 'operator',
    next: 'build it or load it here (docker load), or check its name and docker login'
  },
  COMPOSE_MEMORY_SHORT: {
    status: 0,
    side: 'operator',
    next: 'free some memory; or let requests wait while one slot stops and the other starts: --hold'
  },
  COMPOSE_CANDIDATE_FAILED: {
    status: 0,
    side: 'operator',
    next: 'mend the image, then swap or deploy again: it was removed, and what served goes on serving'
  },
  COMPOSE_NO_RELEASE: { status: 0, side: 'operator', next: 'twinedge history; or swap to an image' },
  COMPOSE_INTERRUPTED: { status: 0, side: 'operator', next: 'nothing to do: what had been begun was undone' },
  COMPOSE_UNFINISHED: {
    status: 0,
    side: 'operator',
    next: 'mend what it says; then: twinedge slots settle, which finishes it or undoes it, as the next swap or rollback does'
  }
} as const satisfies Record<string, FailureRow>
