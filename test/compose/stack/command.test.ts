import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { dockerCommand } from '../../../compose/stack/command.ts'
import type { Stack } from '../../../compose/stack/stack.ts'
import { findStack, recordsOf } from '../../../compose/stack/stack.ts'
import { World } from '../../doubles/swap-world.ts'

t.test('a candidate is made with all that its stack was brought up with, and nothing else is touched', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'te-command-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const at = (name: string): string => join(folder, name)
  for (const name of ['a.env', '.env']) await writeFile(at(name), '')
  // What it is called with becomes what it refuses with.
  await writeFile(at('docker'), '#!/bin/sh\nprintf "%s\\n" "$WEB_GREEN_IMAGE" "$*"\nexit 1\n')
  await chmod(at('docker'), 0o755)
  const envFiles = [at('a.env'), at('gone.env'), at('.env')]
  const stack: Stack = {
    project: 'p',
    folder,
    files: ['one.yml', 'two.yml'],
    envFile: at('.env'),
    envFiles,
    socket: ''
  }
  const docker = dockerCommand(stack, { PATH: `${folder}:${process.env.PATH}` }, new AbortController().signal)
  const place = `compose -p p --project-directory ${folder} --env-file ${at('a.env')} --env-file ${at('.env')}`
  const how = 'up --no-start --no-recreate --no-build --pull never --quiet-pull web-green'
  await t.rejects(docker.create('web-green', { WEB_GREEN_IMAGE: 'app:2' }), {
    code: 'COMPOSE_REFUSED',
    detail: `docker compose:\napp:2\n${place} -f one.yml -f two.yml ${how}`
  })
})

t.test('a stack is where its edge was brought up', async t => {
  const world = await World.make(t)
  const labels: Record<string, string> = {
    'com.docker.compose.project.working_dir': '/srv/p',
    'com.docker.compose.project.config_files': '/srv/p/one.yml,/srv/p/two.yml'
  }
  const edge = {
    ...world.containers.get('web-blue')!,
    service: 'edge',
    labels,
    mounts: { '/run/twinedge': '/srv/run' }
  }
  world.containers.set('edge', edge)
  const found = await findStack(world.engine(), 'p')
  t.same(found, {
    ...{ project: 'p', folder: '/srv/p', files: ['/srv/p/one.yml', '/srv/p/two.yml'] },
    ...{ envFile: '/srv/p/.env', envFiles: ['/srv/p/.env'], socket: '/srv/run/control.sock' }
  })
  t.equal(recordsOf(found), '/srv/p/.twinedge/stack/p')
  labels['com.docker.compose.project.environment_file'] = '/srv/a.env,/srv/b.env'
  t.match(await findStack(world.engine(), 'p'), { envFile: '/srv/b.env', envFiles: ['/srv/a.env', '/srv/b.env'] })
})

t.test("Ctrl-C at the terminal does not reach Docker's command, which is ended by whoever clears up", async t => {
  const folder = await mkdtemp(join(tmpdir(), 'te-command-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const program = `#!/bin/sh\nread -r line < /proc/$$/stat\nset -- $line\necho "$1 $5"\nexit 1\n`
  await writeFile(join(folder, 'docker'), program)
  await chmod(join(folder, 'docker'), 0o755)
  const place = { project: 'p', folder, files: [], envFile: '', envFiles: [], socket: '' }
  const docker = dockerCommand(place, { PATH: `${folder}:${process.env.PATH}` }, new AbortController().signal)
  await t.rejects(docker.pull('app:2'), { code: 'COMPOSE_IMAGE_MISSING', detail: /: (\d+) \1$/ }, 'a group of its own')
})
