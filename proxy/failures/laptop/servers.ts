import type { FailureRow } from '../row.ts'

/** What a server lacks, or has that stands in the way, when it is set up. */
export const serverFailures = {
  SERVER_UNREADABLE: {
    status: 0,
    side: 'operator',
    next: 'log in and look what the shell of this user says: ssh DESTINATION sh -c true; it needs a POSIX shell and nothing else'
  },
  SERVER_SYSTEM_UNSUPPORTED: {
    status: 0,
    side: 'operator',
    next: 'take a server with Debian 12 or later, Ubuntu 22.04 or later, or one like RHEL 8 or later (Alibaba Cloud Linux 3, Rocky), with systemd'
  },
  SERVER_ARCH_UNSUPPORTED: { status: 0, side: 'operator', next: 'take a server with an x86-64 or an arm64 processor' },
  SERVER_DISK_FULL: {
    status: 0,
    side: 'operator',
    next: 'make room on the server (df -h; docker system df; journalctl --vacuum-size=100M), then: twinedge bootstrap SERVER'
  },
  SERVER_MEMORY_SHORT: { status: 0, side: 'operator', next: 'take a server with 1 GB for one half, 2 GB for both' },
  SERVER_ENGINE_OLD: {
    status: 0,
    side: 'operator',
    next: 'bring Docker up to date by the way in which it was installed (apt-get install --only-upgrade docker-ce docker.io), or remove it: twinedge bootstrap then installs one'
  },
  SERVER_COMPOSE_OLD: {
    status: 0,
    side: 'operator',
    next: 'bring the plugin up to date (apt-get install --only-upgrade docker-compose-plugin), or remove it: twinedge bootstrap then installs one'
  },
  SERVER_FOLDER_OPEN: {
    status: 0,
    side: 'operator',
    next: 'what lies there is run by root: give it to root alone (chown root:root FOLDER; chmod go-w FOLDER), or name another folder: folder of that server in deploy.yaml'
  },
  SERVER_PORT_TAKEN: {
    status: 0,
    side: 'operator',
    next: 'an nginx: twinedge bootstrap SERVER --take-over --dry-run shows what it would take over; anything else: stop it, or give the edge other ports (HTTP_PORT and HTTPS_PORT in .env)'
  },
  SERVER_IMAGE_MISSING: {
    status: 0,
    side: 'operator',
    next: 'nothing was stopped, and what serves goes on; let the server reach the registry (docker login there, or registry-mirrors in /etc/docker/daemon.json), or bring the image (docker save IMAGE | ssh SERVER docker load), then: twinedge bootstrap SERVER'
  },
  SERVER_EDGE_DOWN: {
    status: 0,
    side: 'operator',
    next: 'what served before serves again, if anything did; mend what its last lines complain of, then: twinedge bootstrap SERVER; all its lines are on the server, in site/bring-up/edge.log'
  },
  SERVER_LINK_DOWN: {
    status: 0,
    side: 'operator',
    next: 'open the port of the link (7443) to the other server at the provider as well, then: twinedge bootstrap'
  },
  SERVER_SSH_SHUT: {
    status: 0,
    side: 'operator',
    next: 'on the server, let ssh in where it was refused (firewalld: in the zone that firewall-cmd --get-active-zones shows for its interface; else: ufw status numbered, nft list ruleset), then: twinedge bootstrap SERVER; a firewall that was off stays off without --enable-firewall'
  },
  SERVER_STEP_FAILED: {
    status: 0,
    side: 'operator',
    next: 'mend what it complains of on the server, then: twinedge bootstrap SERVER, which goes on where it stopped'
  }
} as const satisfies Record<string, FailureRow>
