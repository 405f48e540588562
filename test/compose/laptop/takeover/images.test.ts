import { mkdirSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { carryOut } from '../../../../compose/laptop/bootstrap/actions.ts'
import { connectSsh } from '../../../../compose/laptop/ssh/ssh.ts'
import { pullImage, pullImagesOf } from '../../../../compose/laptop/takeover/images.ts'
import { startStandIns } from '../../../doubles/ssh/stand-ins.ts'

/** There is the edge's image, and a registry unless there is a file `away`. */
const docker = `case "$*" in
  'compose config --images edge db') printf 'postgres:17\\nedge:local\\nedge:local\\n' ;;
  'compose config'*) echo 'services.db: no such thing' >&2; exit 15 ;;
  'image inspect edge:local') ;;
  'image inspect'*) exit 1 ;;
  pull*) if [ -e "$STAND/away" ]; then echo 'no route to host' >&2; exit 1; fi ;;
esac
`

t.test('what services lack is pulled; what is there needs no network', async t => {
  const { server, at, calls } = await startStandIns(t, 'backend', { docker })
  mkdirSync(server.plan.folder)
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const pull = (...services: string[]) => carryOut(ssh, pullImagesOf(server.plan.folder, services))
  await pull('edge', 'db')
  t.same(
    calls()
      .split('\n')
      .filter(line => line.startsWith('docker pull')),
    ['docker pull --quiet postgres:17']
  )
  writeFileSync(at('away'), '')
  await t.rejects(pull('edge', 'db'), { code: 'SERVER_IMAGE_MISSING', detail: /no route to host/ })
  await t.rejects(pull('db'), { code: 'SERVER_STEP_FAILED', detail: /no such thing/ }, 'a file of the operator’s own')
  await t.rejects(carryOut(ssh, pullImage('edge:2')), { code: 'SERVER_IMAGE_MISSING' })
  await carryOut(ssh, pullImage('edge:local'))
})
