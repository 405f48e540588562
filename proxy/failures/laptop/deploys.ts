import type { FailureRow } from '../row.ts'

/** What stops a deploy, or was left of one. */
export const deployFailures = {
  DEPLOY_LOCKED: {
    status: 0,
    side: 'operator',
    next: 'wait for it: twinedge status shows how far it is; of a laptop that has died the lock lapses after 45 s'
  },
  DEPLOY_UNFINISHED: {
    status: 0,
    side: 'operator',
    next: 'finish it: twinedge deploy --finish; or undo it: twinedge rollback'
  },
  DEPLOY_SERVER_AWAY: {
    status: 0,
    side: 'operator',
    next: 'do without it, as it says above; or bring it back: twinedge doctor; one that is gone for good: twinedge bootstrap SERVER, on a new one'
  },
  DEPLOY_ORDER_LOST: {
    status: 0,
    side: 'operator',
    next: 'look why the process on the server ended (a reboot? memory?): twinedge status; then deploy again'
  },
  DEPLOY_NOT_VERIFIED: {
    status: 0,
    side: 'operator',
    next: 'what served before serves again; look at what the new release said: twinedge logs --since 10m; or ask for another path: verify in deploy.yaml'
  },
  DEPLOY_HOOK_FAILED: {
    status: 0,
    side: 'operator',
    next: 'mend what the hook complains of, or the hook in deploy.yaml'
  },
  DEPLOY_NO_IMAGE: { status: 0, side: 'operator', next: 'without --skip-build: twinedge deploy builds it' },
  DEPLOY_NO_RELEASE: { status: 0, side: 'operator', next: 'twinedge history lists the deploys that there are' },
  DEPLOY_INTERRUPTED: { status: 0, side: 'operator', next: 'nothing new serves; deploy again when you like' }
} as const satisfies Record<string, FailureRow>
