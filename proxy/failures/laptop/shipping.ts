import type { FailureRow } from '../row.ts'

/** What stops a build, or an image on its way to a server. */
export const shippingFailures = {
  SHIP_IMAGE_MISSING: { status: 0, side: 'operator', next: 'build it first, without --skip-build: twinedge deploy' },
  SHIP_ARCH_OTHER: {
    status: 0,
    side: 'operator',
    next: 'build it for the server: twinedge deploy --platform linux/amd64 or linux/arm64, as the server is; one image serves on its standby too, which has to be the same'
  },
  SHIP_DISK_FULL: {
    status: 0,
    side: 'operator',
    next: 'make room: twinedge exec server --server SERVER -- docker system df tells what takes it, docker image prune -f there gives back what nothing uses'
  },
  SHIP_LINE_LOST: {
    status: 0,
    side: 'operator',
    next: 'the same command again, once the server can be reached: it goes on where this one ended'
  },
  SHIP_CORRUPT: {
    status: 0,
    side: 'operator',
    next: 'the same command again; if it is so every time, look at the disks of both sides: dmesg'
  },
  SHIP_REFUSED: { status: 0, side: 'operator', next: 'mend what the server says, then the same command again' },
  SHIP_LOAD_REFUSED: {
    status: 0,
    side: 'operator',
    next: 'mend what the engine of the server says: twinedge exec server --server SERVER -- journalctl -u docker --since -1h'
  },
  SHIP_PUSH_REFUSED: {
    status: 0,
    side: 'operator',
    next: 'log in to the registry on this laptop (docker login), and look at web.image and api.image in deploy.yaml'
  },
  SHIP_PULL_REFUSED: {
    status: 0,
    side: 'operator',
    next: 'log in to the registry on the server, as root: twinedge exec server --server SERVER -- docker login REGISTRY'
  },
  BUILD_DOCKER_MISSING: {
    status: 0,
    side: 'operator',
    next: 'install or start Docker with buildx on this laptop; an app alone can be built on its server: twinedge deploy --cold-build'
  },
  BUILD_SOURCE_MISSING: {
    status: 0,
    side: 'operator',
    next: 'look at web.source and api.source in deploy.yaml, and at --ref or --frontend-artifact'
  },
  BUILD_BUILDX_MISSING: {
    status: 0,
    side: 'operator',
    next: 'install it there: twinedge exec server --server SERVER -- apt-get install -y docker-buildx (docker-buildx-plugin where Docker comes from Docker itself; dnf on RHEL); or build on this laptop: twinedge deploy'
  },
  BUILD_ARTIFACT_UNFIT: {
    status: 0,
    side: 'operator',
    next: "build it for the servers' platform, with output: 'standalone', and pack it in the app's folder: tar -czf frontend-standalone.tar.gz .next/standalone .next/static public"
  },
  BUILD_FAILED: {
    status: 0,
    side: 'operator',
    next: 'mend what the lines above say; the whole of it is in the log that they name'
  }
} as const satisfies Record<string, FailureRow>
