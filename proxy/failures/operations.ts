import type { FailureRow } from './row.ts'

/** What stops a start, a reload or a command of an operator. */
export const operationFailures = {
  EDGE_PORT_TAKEN: {
    status: 0,
    side: 'operator',
    next: 'stop what listens there (ss -ltnp), or change listen (EDGE_LISTEN_HTTPS=PORT) or link.listen (LINK_PORT)'
  },
  EDGE_PORT_FORBIDDEN: {
    status: 0,
    side: 'operator',
    next: 'use a port above 1023, or setcap cap_net_bind_service=+ep on node'
  },
  EDGE_ADDRESS_MISSING: { status: 0, side: 'operator', next: 'use an address of this machine (ip addr) in listen' },
  EDGE_STATE_UNWRITABLE: {
    status: 0,
    side: 'operator',
    next: 'give this user the folder, or set state to another one'
  },
  EDGE_ALREADY_RUNNING: { status: 0, side: 'operator', next: 'stop the other one, or give this one its own state' },
  EDGE_NOT_RUNNING: {
    status: 0,
    side: 'operator',
    next: 'start it: twinedge run, or docker compose up -d edge; on a laptop: go to the folder of deploy.yaml, or name it: --site FILE'
  },
  EDGE_SLOT_UNHEALTHY: {
    status: 0,
    side: 'operator',
    next: 'read what its container said: docker compose logs SERVICE'
  },
  EDGE_SLOT_ACTIVE: { status: 0, side: 'operator', next: 'promote the other slot first: twinedge status' },
  EDGE_ASSETS_OFF: { status: 0, side: 'operator', next: 'set assets.upstream, then: twinedge reload' },
  EDGE_ASSETS_REFUSED: {
    status: 0,
    side: 'operator',
    next: 'mend the build, or raise assets.size: nothing of it was kept, what was kept before is served'
  },
  EDGE_USAGE: { status: 0, side: 'operator', next: 'twinedge VERB --help' },
  CONFIG_MISSING: { status: 0, side: 'operator', next: 'twinedge run --config FILE; examples are in docs/examples' },
  CONFIG_INVALID: { status: 0, side: 'operator', next: 'mend the lines above, then: twinedge check FILE' },
  EDGE_DISK_FULL: {
    status: 0,
    side: 'operator',
    next: 'free some space (df -h); what the edge does by itself it tries again'
  }
} as const satisfies Record<string, FailureRow>
