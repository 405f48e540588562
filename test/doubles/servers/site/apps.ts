import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFileSync, copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { project } from '../../command.ts'

/** `sample`: those of images/, which take their time; `small`: of the edge's own image, which every server has. */
export type Apps = 'sample' | 'small'

export const parts = ['web', 'api'] as const
export type Half = (typeof parts)[number]

/**
 * Node is started by its loader: the edge's has a capability that a slot bars. Nobody looks in on it more than once a
 * second, and often until it is there.
 */
const dockerfile = `FROM localhost/twinedge/proxy:local
COPY . /small/
USER 10003
WORKDIR /tmp
HEALTHCHECK --interval=1s --retries=3 --start-period=30s --start-interval=200ms \\
  CMD ["bash", "-c", "< /dev/tcp/127.0.0.1/\${UVICORN_PORT:-$PORT}"]
ENTRYPOINT []
CMD ["sh", "-c", "exec /lib*/ld-linux-*.so.* /usr/local/bin/node /small/app.mjs"]
`

/** A repository with both apps, their first commit done. */
export function writeApps(folder: string, apps: Apps): void {
  if (apps === 'sample') writeSamples(folder)
  else writeSmall(folder)
  const commit = 'git init -q && git add web api && git -c user.name=x -c user.email=x@example.com commit -qm first'
  execFileSync('sh', ['-c', commit], { cwd: folder })
}

function writeSamples(folder: string): void {
  const isSource = (file: string): boolean => !/\/(?:node_modules|\.next|__pycache__)/.test(file)
  for (const part of parts) {
    cpSync(join(project, 'images', part, 'sample'), join(folder, part), { recursive: true, filter: isSource })
  }
}

function writeSmall(folder: string): void {
  writeFileSync(join(folder, 'Dockerfile'), dockerfile)
  for (const part of parts) {
    mkdirSync(join(folder, part))
    copyFileSync(join(import.meta.dirname, 'app.mjs'), join(folder, part, 'app.mjs'))
  }
  // What tells `init` which is which.
  writeFileSync(join(folder, 'web/next.config.ts'), '')
  writeFileSync(join(folder, 'api/requirements.txt'), '')
  release(folder, 'one')
}

/** Once `init` has written it. */
export function nameDockerfile(folder: string): void {
  const file = join(folder, 'deploy.yaml')
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('# dockerfile:', 'dockerfile:'))
}

/** What the small apps say they are, from the next deploy of the working tree on. */
export function release(folder: string, name: string, halves: readonly Half[] = parts): void {
  const text = `export const release = ${JSON.stringify(name)}\n`
  for (const part of halves) writeFileSync(join(folder, part, 'release.mjs'), text)
}

/** One that ends as soon as it starts, and says why. */
export function releaseBad(folder: string, part: Half, why: string): void {
  release(folder, 'bad', [part])
  appendFileSync(join(folder, part, 'release.mjs'), `throw new Error(${JSON.stringify(why)})\n`)
}

/** Makes it heavier by so many bytes that no packing makes less; 0: as light as before. */
export function loadWith(folder: string, part: Half, bytes: number): void {
  writeFileSync(join(folder, part, 'load'), randomBytes(bytes))
}
