import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { compareEnvironments, differences } from '../../../../compose/laptop/look/comparison.ts'
import { seeEnvironment } from '../../../../compose/server/look/environment.ts'

function file(t: Test, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'te-env-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, '.env'), text, { mode: 0o600 })
  return join(folder, '.env')
}

const secret = 'uS8vPq2ZrX5yLm0aWe7nTk4dJh1cGb6f'

t.test('no secret leaves the machine, not even one of the app that nobody here knows', async t => {
  const path = file(t, `DOMAINS=localhost\nEXCELMANUS_JWT_SECRET=${secret}\nTELEGRAM_TOKEN=12345:abc\n`)
  const seen = await seeEnvironment(path, 'backend', 'salt')
  t.same(seen.values, { DOMAINS: 'localhost' })
  t.same(Object.keys(seen.marks), ['EXCELMANUS_JWT_SECRET', 'TELEGRAM_TOKEN'])
  t.notMatch(JSON.stringify(seen), new RegExp(`${secret}|12345`))
  const again = await seeEnvironment(path, 'backend', 'another salt')
  t.not(again.marks.TELEGRAM_TOKEN, seen.marks.TELEGRAM_TOKEN, 'and a mark of one look says nothing in the next')
})

t.test('two files are compared name by name; what swaps write is no difference', async t => {
  const common = `DOMAINS=localhost\nEXCELMANUS_JWT_SECRET=${secret}\n`
  const here = await seeEnvironment(file(t, `${common}A_KEY=1\nHTTP_PORT=80\nOLD=1\n`), 'backend', 's')
  const changed = `${common}A_KEY=2\nHTTP_PORT=8080\nNEW=1\nAPI_GREEN_IMAGE=x:2\nSERVER=single\n`
  const there = await seeEnvironment(file(t, changed), 'backend', 's')
  t.same(compareEnvironments(here, there), [
    { name: 'HTTP_PORT', here: '80', there: '8080', isKept: false },
    { name: 'API_GREEN_IMAGE', here: null, there: 'x:2', isKept: true },
    { name: 'SERVER', here: null, there: 'single', isKept: true },
    { name: 'A_KEY', here: '(secret)', there: '(another secret)', isKept: false },
    { name: 'OLD', here: '(secret)', there: null, isKept: false },
    { name: 'NEW', here: null, there: '(secret)', isKept: false }
  ])
  t.same(compareEnvironments(here, here), [])
  t.same(differences({ a: '1', b: '' }, { a: '1' }), [], 'an empty value is none')
})

t.test('its faults are told there, and that it is not there', async t => {
  const path = file(t, 'DOMAINS=site.cn\nTLS_MODE=acme\nEXCELMANUS_CORS_ALLOW_ORIGINS=*\n')
  chmodSync(path, 0o644)
  const { faults } = await seeEnvironment(path, 'backend', 's')
  t.ok(
    ['.env', 'EXCELMANUS_CORS_ALLOW_ORIGINS', 'EXCELMANUS_JWT_SECRET'].every(name =>
      faults.some(one => one.name === name)
    )
  )
  t.match(await seeEnvironment('/nonexistent/.env', 'backend', 's'), { isThere: false, values: {} })
})

t.test('what a bootstrap changes on a standby is no difference', async t => {
  const seen = (values: Record<string, string>) => ({ isThere: true, faults: [], marks: {}, values })
  const here = seen({ WEB_ORIGIN: 'peer' })
  const there = { SERVER: 'single', COMPOSE_FILE: 'both', WEB_ENV_FILE: 'web.env' }
  const kept = (values: Record<string, string>) => compareEnvironments(here, seen(values)).every(({ isKept }) => isKept)
  t.equal(kept({ ...there, WEB_ORIGIN: '' }), true)
  t.equal(kept({ ...there, WEB_ORIGIN: 'https://x.test' }), false)
  t.equal(kept({ WEB_ORIGIN: '' }), false)
  const files = (value: string) =>
    compareEnvironments(seen({ COMPOSE_FILE: 'docker-compose.backend.yml' }), seen({ ...there, COMPOSE_FILE: value }))
  const [both, other] = ['docker-compose.frontend.yml:docker-compose.backend.yml', 'docker-compose.frontend.yml']
  t.equal(
    files(both).every(one => one.isKept),
    true
  )
  t.equal(
    files(other).every(one => one.isKept),
    false
  )
})
