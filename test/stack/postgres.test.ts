import t from 'tap'
import { ask } from '../doubles/foreign-client.ts'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { upStack } from '../doubles/stack/stack.ts'

// Where nothing is built yet, the images are.
t.setTimeout(600_000)

const password = 'h7Jk2Lm9Qw4Er6Ty8Ui1'
const urlWith = (secret: string): string => `postgresql://app:${secret}@db:5432/app`

/** Python's own sockets are all that the API's container needs to see the database. */
const reach = 'import socket; socket.create_connection(("db", 5432), 3); print("reached")'

async function skip(): Promise<string> {
  if (engineMissing !== '') return engineMissing
  const { code } = await docker(['image', 'inspect', 'postgres:17'])
  return code === 0 ? '' : 'no image postgres:17 here: test/stack/testbed makes one'
}

t.test('PostgreSQL beside the API: there for it, and for nobody else', { skip: await skip() }, async t => {
  const stack = await upStack(t, 'backend', {
    COMPOSE_PROFILES: 'api-blue,postgres',
    POSTGRES_PASSWORD: password,
    EXCELMANUS_DATABASE_URL: urlWith(password)
  })
  const sql = async (secret: string, query: string): Promise<string> => {
    const { out, err } = await stack.compose('exec', '-T', 'db', 'psql', '-tA', urlWith(secret), '-c', query)
    return out.trim() || err.trim()
  }

  t.test('it is healthy, and whoever has the password gets in', async t => {
    const db = await stack.inspect('db')
    t.equal(db.State.Health.Status, 'healthy')
    t.equal(
      await sql(password, 'create table kept (n int); insert into kept values (7); select 1'),
      'CREATE TABLE\nINSERT 0 1\n1'
    )
    t.match(await sql('wrong', 'select 1'), /password authentication failed/)
  })

  t.test('the API reaches it as db, and is told where it is', async t => {
    t.equal((await stack.compose('exec', '-T', 'api-blue', 'python3', '-c', reach)).out, 'reached\n')
    const told = await stack.compose('exec', '-T', 'api-blue', 'printenv', 'EXCELMANUS_DATABASE_URL')
    t.equal(told.out.trim(), urlWith(password))
    const { body } = await ask(t, stack, 'h1', { path: '/api/v1/whoami' })
    t.match(JSON.parse(body), { database: true })
  })

  t.test('it is published nowhere, reaches nothing, and is held to little', async t => {
    const { HostConfig, NetworkSettings } = await stack.inspect('db')
    t.strictSame(HostConfig.PortBindings, {})
    t.strictSame(
      Object.values(NetworkSettings.Ports).filter(bound => bound !== null),
      []
    )
    t.strictSame(Object.keys(NetworkSettings.Networks), [`${stack.project}_data`])
    const { out } = await docker(['network', 'inspect', `${stack.project}_data`])
    t.equal(JSON.parse(out)[0].Internal, true)
    t.match(HostConfig, { ReadonlyRootfs: true, CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges:true'] })
    const main = await stack.compose('exec', '-T', 'db', 'sh', '-c', 'stat -c %U /proc/1; cat /proc/1/status')
    t.match(main.out, /^postgres\n/)
    t.match(main.out, /^CapEff:\t0*$/m)
  })

  t.test('its data outlive down and up', async t => {
    await stack.compose('down', '--timeout', '10')
    const { code, err } = await stack.compose('up', '-d', '--wait')
    t.equal(code, 0, err)
    t.equal(await sql(password, 'select n from kept'), '7')
  })
})
