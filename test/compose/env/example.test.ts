import t from 'tap'
import { faultsOf } from '../../../compose/env/checks.ts'
import { readEnvFile } from '../../../compose/env/env-file.ts'
import { rowsOf, servers } from '../../../compose/env/environment.ts'
import { exampleEnv } from '../../../compose/env/example.ts'
import { filledText } from './filled.ts'

const toFill = {
  frontend: ['DOMAINS', 'ACME_EMAIL', 'LINK_PEER'],
  backend: ['DOMAINS', 'ACME_EMAIL', 'LINK_PEER', 'EXCELMANUS_JWT_SECRET', 'EXCELMANUS_CORS_ALLOW_ORIGINS'],
  single: ['DOMAINS', 'ACME_EMAIL', 'EXCELMANUS_JWT_SECRET', 'EXCELMANUS_CORS_ALLOW_ORIGINS']
}

for (const server of servers) {
  t.test(`${server}: the example as it comes is refused, with the name of each variable that must be set`, async t => {
    const { env, faults } = readEnvFile(exampleEnv(server), '.env')
    t.same(faults, [])
    t.same(
      faultsOf(env, server).map(({ name }) => name),
      toFill[server]
    )
  })

  t.test(`${server}: with these filled in, it passes; with all that it shows switched on as well`, async t => {
    const { env, faults } = readEnvFile(filledText(server), '.env')
    t.same([...faults, ...faultsOf(env, server)], [])
    const on = readEnvFile(filledText(server).replaceAll(/^# ([A-Z_]+=)/gm, '$1'), '.env')
    t.same([...on.faults, ...faultsOf(on.env, server)], [])
  })

  t.test(`${server}: every variable that means something there is in it once, below its meaning`, async t => {
    const lines = exampleEnv(server).split('\n')
    const at = lines.flatMap((line, index) => (/^(?:# )?[A-Z_]+=/.test(line) ? index : []))
    const names = at.map(index => /[A-Z_]+/.exec(lines[index] ?? '')?.[0])
    t.same(
      names,
      rowsOf(server).map(([name]) => name)
    )
    for (const index of at) t.match(lines[index - 1], /^# \S/, `above ${lines[index]}`)
    for (const line of lines) t.ok(line.length <= 120, line)
  })
}

t.test('where both halves are, nothing stands in for another server, though there may be one', async t => {
  t.notMatch(exampleEnv('single'), /^(?:# )?(?:API_ORIGIN|WEB_ORIGIN|\w+_ADDRESS|SAMPLE_API_PORT)=/m)
  t.match(exampleEnv('single'), /^# LINK_PEER=/m)
  t.match(exampleEnv('single'), /^SERVER=single$/m)
})
