import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { nameOf } from '../../../../compose/laptop/bootstrap/actions.ts'
import type { Write } from '../../../../compose/laptop/bootstrap/step.ts'
import type { ServerName } from '../../../../compose/laptop/plan/site.ts'
import { connectSsh } from '../../../../compose/laptop/ssh/ssh.ts'
import { bringStackFiles, readEnv } from '../../../../compose/laptop/steps/stack-files.ts'
import { startSshServer } from '../../../doubles/ssh/server.ts'
import { workOn } from '../../../fixtures/bootstrap-work.ts'
import { factsOf } from '../../../fixtures/server-answers.ts'

async function world(t: Test, name: ServerName, here: string, there?: string) {
  const server = await startSshServer(t, name)
  mkdirSync(join(server.plan.folder), { recursive: true })
  writeFileSync(server.plan.envFile, here)
  if (there !== undefined) writeFileSync(join(server.plan.folder, '.env'), there)
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const work = workOn(ssh)
  return { ...work, env: await readEnv(work.site, server.plan) }
}

const frontend = 'DOMAINS=[site.test]\nTLS_MODE=local\nLINK_PEER=10.0.0.2\nAPI_ORIGIN=peer\n'

t.test('the .env of the laptop is brought, and what swaps have written there stays', async t => {
  const there = `${frontend}OLD=1\nCOMPOSE_PROFILES=web-green\nWEB_GREEN_IMAGE=localhost/twinedge/web:deploy-7\nWEB_BLUE_IMAGE=\n`
  const work = await world(t, 'frontend', `${frontend}COMPOSE_PROFILES=web-blue,postgres\n# mine\n`, there)
  const { actions } = await bringStackFiles.plan(work)
  const env = actions.find(one => 'write' in one && one.write.endsWith('/.env')) as Write
  t.match(env, { mode: 0o600, isSecret: true, before: there })
  t.equal(
    env.text,
    `${frontend}COMPOSE_PROFILES=web-green,postgres\n# mine\nCOMPOSE_FILE=docker-compose.frontend.yml\nWEB_GREEN_IMAGE=localhost/twinedge/web:deploy-7\n`
  )
})

t.test('what follows from deploy.yaml need not be written', async t => {
  const single = await world(t, 'single', 'DOMAINS=[site.test]\n')
  t.match(single.env, /^COMPOSE_FILE=docker-compose\.frontend\.yml:docker-compose\.backend\.yml\nSERVER=single$/m)
  t.match(await readEnv({ ...single.site, name: 'shop' }, single.server), /^COMPOSE_PROJECT_NAME=shop$/m)
  const { actions } = await bringStackFiles.plan(single)
  t.match(
    actions.flatMap(one => ('write' in one ? [one.write.split('/').at(-1)] : [])),
    ['docker-compose.frontend.yml', 'docker-compose.backend.yml', '.env']
  )
})

t.test('one that is missing, or does not hold together, is refused before anything is sent', async t => {
  const work = await world(t, 'frontend', frontend)
  await t.rejects(readEnv(work.site, { ...work.server, envFile: '/nowhere.env' }), { code: 'SITE_ENV_MISSING' })
  writeFileSync(work.server.envFile, 'DOMAINS=[site.cn]\nAPI_ORIGIN=peer\nEXCELMANUS_JWT_SECRET=short\n')
  await t.rejects(readEnv(work.site, work.server), {
    code: 'SITE_ENV_REFUSED',
    detail: /LINK_PEER: found .*; expected/
  })
  writeFileSync(work.server.envFile, frontend)
  const more = { ...work.site, domains: ['site.test', 'www.site.test'] }
  await t.rejects(readEnv(more, work.server), {
    code: 'SITE_ENV_REFUSED',
    detail: /DOMAINS: found "\[site\.test\]"; expected www\.site\.test as well: deploy\.yaml has it/
  })
  writeFileSync(work.server.envFile, `${frontend}OTHER="never closed\n`)
  await t.rejects(readEnv(work.site, work.server), { code: 'SITE_ENV_REFUSED', detail: /found one "/ })
})

t.test('what serves is kept before the first of its files is changed', async t => {
  const work = await world(t, 'frontend', frontend, `${frontend}OLD=1\n`)
  const containers = 'twinedge-edge-1\timage\trunning\tUp 3 hours (healthy)\ttwinedge\tedge'
  const { actions } = await bringStackFiles.plan({ ...work, facts: factsOf({ containers, modes: '700 site' }) })
  t.match(actions.map(nameOf), [/^keep \.env, the compose files and the image/, /file/, /file .*\.env/])
})

t.test('nothing remains once it is there', async t => {
  const work = await world(t, 'frontend', frontend)
  const { actions } = await bringStackFiles.plan(work)
  for (const one of actions) if ('write' in one) writeFileSync(one.write, one.text)
  chmodSync(join(work.server.folder, '.env'), 0o600)
  const modes = { '.env': '600', site: '700' }
  const facts = { ...work.facts, stack: { ...work.facts.stack, modes } }
  t.same((await bringStackFiles.plan({ ...work, facts })).actions, [])
  const open = { ...facts, stack: { ...facts.stack, modes: { ...modes, '.env': '644' } } }
  t.match((await bringStackFiles.plan({ ...work, facts: open })).actions, [{ mode: 0o600 }], 'for nobody else to read')
})

t.test('a standby gets both halves, and for the pages what the frontend has for them', async t => {
  const here = `DOMAINS=[site.test]\nTLS_MODE=local\nLINK_PEER=10.0.0.2\nWEB_ORIGIN=peer\n`
  const work = await world(t, 'backend', here, `${here}COMPOSE_PROFILES=api-green\n`)
  const server = { ...work.server, standby: true as const }
  const front = { ...work.server, name: 'frontend' as const, envFile: `${work.server.envFile}.front` }
  writeFileSync(front.envFile, `${frontend}NEXT_FLAG=on\n`)
  const site = { ...work.site, servers: [front, server] }
  const { actions } = await bringStackFiles.plan({ ...work, site, server, env: await readEnv(site, server) })
  const files = new Map(actions.flatMap(one => ('write' in one ? [[one.write.split('/').at(-1), one] as const] : [])))
  t.same([...files.keys()], ['docker-compose.frontend.yml', 'docker-compose.backend.yml', '.env', 'web.env'])
  const env = files.get('.env')!.text
  t.match(env, /^WEB_ORIGIN=$/m, "its pages are not the other server's")
  t.match(env, /^COMPOSE_FILE=docker-compose\.frontend\.yml:.*\nSERVER=single\nWEB_ENV_FILE=web\.env$/m)
  t.match(env, /^COMPOSE_PROFILES=api-green,web-blue$/m, 'a slot for them')
  t.match(files.get('web.env'), { text: /NEXT_FLAG=on/, mode: 0o600 })
  for (const own of ['', ':override.yml']) {
    writeFileSync(server.envFile, `${here}COMPOSE_FILE=docker-compose.backend.yml${own}\n`)
    const both = `COMPOSE_FILE=docker-compose.frontend.yml:docker-compose.backend.yml${own}\n`
    t.match(await readEnv(site, server), both, 'init has written the backend alone')
    writeFileSync(server.envFile, `${here}${both}`)
    t.match(await readEnv(site, server), both)
  }
})
