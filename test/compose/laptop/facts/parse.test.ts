import t from 'tap'
import { listenerOn } from '../../../../compose/laptop/facts/facts.ts'
import { parseFacts, parseOs } from '../../../../compose/laptop/facts/parse.ts'
import { answersOf, factsOf, systems } from '../../../fixtures/server-answers.ts'

t.test('each of the systems is known by its own words', async t => {
  t.match(parseOs(systems.debian12), { id: 'debian', family: 'debian', version: '12', codename: 'bookworm' })
  t.match(parseOs(systems.debian13), { family: 'debian', codename: 'trixie', name: 'Debian GNU/Linux 13 (trixie)' })
  t.match(parseOs(systems.ubuntu2204), { id: 'ubuntu', family: 'debian', version: '22.04', codename: 'jammy' })
  t.match(parseOs(systems.ubuntu2404), { family: 'debian', codename: 'noble' })
  t.match(parseOs(systems.alinux3), { id: 'alinux', family: 'rhel', enterprise: 8 })
  t.match(parseOs(systems.rocky9), { id: 'rocky', family: 'rhel', enterprise: 9 })
  t.match(parseOs(systems.alpine), { family: null, enterprise: 0 })
  t.match(parseOs(''), { family: null, name: '' })
})

t.test('a bare server: who logs in, by which port, what there is room for', async t => {
  const facts = factsOf()
  t.match(facts.login, { user: 'root', power: 'root', sshPort: 22, from: '198.51.100.9' })
  t.match(facts, { arch: 'x64', hasSystemd: true, processors: 2, nginx: null, containers: [], tuned: [] })
  t.equal(facts.memory.total, 2_014_468 * 1_024)
  t.match(facts.disks[1], { path: '/var/lib/docker', mount: '/', free: 35_091_620 * 1_024 })
  t.match(facts.engine, { hasDocker: false, version: null, compose: null, isEnabled: false })
  t.same(facts.addresses, ['203.0.113.7'])
  t.match(facts.clock, { aheadMs: 29, unsureMs: 150, isSynchronised: true })
})

t.test('a user with sudo, and one without', async t => {
  t.match(factsOf({ login: '1000 admin', sudo: '' }).login, { user: 'admin', power: 'sudo' })
  t.match(factsOf({ login: '1000 admin', sudo: 1 }).login, { power: 'none' })
})

t.test('engine, Compose and what apt would bring', async t => {
  const facts = factsOf({
    docker: 'Docker version 28.2.2, build e6534b4',
    engine: '26.1.5+dfsg1',
    compose: 'v2.26.1-4',
    enginefolder: '/data/docker',
    enginestarts: 'enabled',
    candidates: `docker.io:
  Installed: (none)
  Candidate: 20.10.24+dfsg1-1+deb12u1+b6
  Version table:
docker-ce:
  Installed: (none)
  Candidate: (none)
  Version table:
docker-compose:
  Installed: 1.29.2-3
  Candidate: 1.29.2-3
  Version table:`
  })
  t.same(facts.engine, {
    hasDocker: true,
    version: '26.1.5+dfsg1',
    compose: '2.26.1-4',
    folder: '/data/docker',
    isEnabled: true
  })
  t.same(facts.packages, {
    program: 'apt-get',
    candidates: { 'docker.io': '20.10.24+dfsg1-1+deb12u1+b6', 'docker-compose': '1.29.2-3' },
    installed: ['docker-compose']
  })
})

t.test('what docker compose run has left behind is not the edge, though it is newer', async t => {
  const run = 'twinedge-edge-run-4f1c\timage\texited\tExited (137) 2 days ago\ttwinedge\tedge\tid-2\tTrue'
  const edge = 'twinedge-edge-1\timage\trunning\tUp 3 hours (healthy)\ttwinedge\tedge\tid-1\tFalse'
  const facts = factsOf({ containers: `${run}\n${edge}\nother\timage\trunning\tUp 3 hours\t\t\tid-3\t` })
  t.match(facts.containers, [
    { service: '' },
    { service: 'edge', id: 'id-1' },
    { project: '', service: '', id: 'id-3' }
  ])
})

t.test('what dpkg and rpm have, whatever they lack', async t => {
  const debs = answersOf({}).concat('@@ debs 1 2\ninstalled docker.io\nnot-installed docker-ce\n')
  t.same(parseFacts(debs, { asked: 0, answered: 0 }).packages.installed, ['docker.io'])
})

t.test('what else served before: no more of a command than its first words', async t => {
  const pm2 = 'node /srv/server.js --token=secret \n/usr/bin/python3 start.py '
  const { former } = factsOf({ pm2, certbot: 'certbot.timer enabled enabled' })
  t.same(former, { pm2: ['node /srv/server.js', '/usr/bin/python3 start.py'], certbot: ['certbot.timer'] })
})

t.test('who listens, with ss and without it', async t => {
  const ss = [
    'tcp   LISTEN 0      511          0.0.0.0:80         0.0.0.0:*    users:(("nginx",pid=801,fd=6),("nginx",pid=800,fd=6))',
    'tcp   LISTEN 0      4096       127.0.0.1:3001       0.0.0.0:*    users:(("docker-proxy",pid=8717,fd=4))',
    'udp   UNCONN 0      0      127.0.0.53%lo:53         0.0.0.0:*',
    'tcp   LISTEN 0      511             [::]:443           [::]:*'
  ].join('\n')
  const facts = factsOf({ listening: ss })
  t.match(listenerOn(facts, 80), { program: 'nginx', pid: 801 })
  t.match(listenerOn(facts, 443), { program: null, address: '::' })
  t.equal(listenerOn(facts, 3001), null, 'on the loopback alone it is in no way')
  t.match(facts.listening[2], { protocol: 'udp', address: '127.0.0.53', port: 53 })
  const kernel = answersOf({
    sockets: '  0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1'
  })
  const without = parseFacts(kernel.replace(/@@ listening.*\n.*\n/, ''), { asked: 0, answered: 0 })
  t.match(listenerOn(without, 80), { address: '*', program: null })
})

t.test('what a file holds cannot pass for an answer, nor a banner', async t => {
  const said = `Welcome!\n@@ nonsense\n${answersOf({ login: '0 root\n@@ machine 0 1\naarch64', record: '{}' })}`
  const facts = parseFacts(said, { asked: 0, answered: 0 })
  t.equal(facts.arch, 'x64')
  t.equal(facts.stack.record, '{}')
})
