import t from 'tap'
import { checkServer, isDeployed } from '../../../../compose/laptop/bootstrap/checks.ts'
import { parseFacts } from '../../../../compose/laptop/facts/parse.ts'
import { partsOn } from '../../../../compose/laptop/plan/site.ts'
import { answersOf, factsOf, systems } from '../../../fixtures/server-answers.ts'

const needs = { ports: [80, 443], project: 'twinedge', takeOver: false }
const check = (changed: Record<string, string | number>, more = {}): (() => void) => {
  return () => checkServer(factsOf(changed), { ...needs, ...more })
}
const nginx = (port: number): string => `tcp LISTEN 0 511 0.0.0.0:${port} 0.0.0.0:* users:(("nginx",pid=80,fd=6))`

t.test('a bare server will do', async t => {
  for (const os of Object.values(systems).filter(text => text !== systems.alpine)) t.doesNotThrow(check({ os }))
  t.doesNotThrow(check({ machine: 'aarch64' }))
})

t.test('what it cannot be set up on is told with what it is', async t => {
  t.throws(check({ login: '1000 admin', sudo: 1 }), { code: 'SSH_SUDO_REFUSED', detail: /admin is not root/ })
  t.throws(check({ os: systems.alpine }), { code: 'SERVER_SYSTEM_UNSUPPORTED', detail: /Alpine Linux v3\.20/ })
  t.throws(check({ systemd: 1 }), { code: 'SERVER_SYSTEM_UNSUPPORTED', detail: /without systemd/ })
  t.throws(check({ machine: 'armv7l' }), { code: 'SERVER_ARCH_UNSUPPORTED', detail: /armv7l/ })
  t.throws(check({ meminfo: 'MemTotal: 480000 kB' }), { code: 'SERVER_MEMORY_SHORT', detail: /0\.5 GB/ })
})

t.test('an engine or a plugin that is too old is somebody’s: it is not replaced', async t => {
  const old = { docker: 'Docker version 20.10.24', engine: '20.10.24+dfsg1', compose: '2.39.1' }
  t.throws(check(old), { code: 'SERVER_ENGINE_OLD', detail: /Docker 20\.10\.24\+dfsg1; 25 is the least/ })
  t.throws(check({ ...old, engine: '26.1.5', compose: '2.20.0' }), { code: 'SERVER_COMPOSE_OLD', detail: /2\.20\.0/ })
})

t.test('a disk is full when there is no room, or no inode', async t => {
  const full =
    (disk: string): (() => void) =>
    () =>
      checkServer(
        parseFacts(answersOf().replace(/\/dev\/vda1 .*\n\/dev\/vda1 .*\n/, `${disk}\n`), { asked: 0, answered: 0 }),
        needs
      )
  const inodes = '/dev/vda1 2621440 71390 2550050 3% /'
  t.throws(full(`/dev/vda1 41152812 40152812 1000000 98% /\n${inodes}`), {
    code: 'SERVER_DISK_FULL',
    detail: /\/opt\/twinedge \(on \/\) has 1\.0 GB/
  })
  const blocks = '/dev/vda1 41152812 4147528 35091620 11% /'
  t.throws(full(`${blocks}\n/dev/vda1 2621440 2621000 440 100% /`), { code: 'SERVER_DISK_FULL', detail: /free inode/ })
})

t.test('ports that somebody has: who it is, and when it may be', async t => {
  const both = { listening: `${nginx(80)}\n${nginx(443)}` }
  t.throws(check(both), {
    code: 'SERVER_PORT_TAKEN',
    detail: /^nginx \(process 80\) listens on :80, nginx .* on :443$/
  })
  t.doesNotThrow(check(both, { takeOver: true }))
  t.doesNotThrow(check(both, { ports: [8080, 8443] }))
  const caddy = { listening: nginx(443).replace('nginx', 'caddy') }
  t.throws(check(caddy, { takeOver: true }), { code: 'SERVER_PORT_TAKEN', detail: /caddy/ }, 'that is not taken over')
  const own = { ...both, containers: 'twinedge-edge-1\timage\trunning\tUp 3 hours (healthy)\ttwinedge\tedge' }
  t.doesNotThrow(check({ ...own, listening: nginx(443).replace('nginx', 'node') }), 'our own edge')
  t.throws(check(own), { code: 'SERVER_PORT_TAKEN' }, 'an nginx that has come back at a boot, beside our edge')
  t.doesNotThrow(check(own, { takeOver: true }))
})

t.test('a folder that others than root can change is none that root may run things from', async t => {
  const owners = '0 0 755 /opt/twinedge\n0 0 755 /opt\n0 0 1777 /tmp\n0 0 775 /srv\n0 0 755 /'
  t.doesNotThrow(check({ owners }))
  t.throws(check({ owners: `1000 1000 755 /home/deploy/app\n${owners}` }), {
    code: 'SERVER_FOLDER_OPEN',
    detail: /\/home\/deploy\/app \(of user 1000\)$/
  })
  t.throws(check({ owners: `${owners}\n0 50 775 /data` }), { code: 'SERVER_FOLDER_OPEN', detail: /data \(mode 775\)/ })
  t.throws(check({ owners: '0 0 757 /opt/twinedge' }), { code: 'SERVER_FOLDER_OPEN', detail: /mode 757/ })
})

t.test('deployed is a server on which each half that it is there for runs', async t => {
  const running = (...slots: string[]) =>
    factsOf({ containers: slots.map(slot => `n\timage\t${slot.replace(' ', '\tUp\ttwinedge\t')}`).join('\n') })
  t.ok(isDeployed(running('running api-green'), partsOn({ name: 'backend' })))
  t.notOk(isDeployed(running('exited api-green'), partsOn({ name: 'backend' })))
  t.notOk(isDeployed(running('running api-green'), partsOn({ name: 'frontend' })))
  const standby = partsOn({ name: 'backend', standby: true })
  t.notOk(isDeployed(running('running api-green'), standby), 'one that has become a standby lacks the web app')
  t.ok(isDeployed(running('running api-green', 'running web-blue'), standby))
  t.notOk(isDeployed(running('running web-blue'), partsOn({ name: 'single' })))
})
