import { readFile, writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import type { StackStatus } from '../../compose/status/stack-status.ts'
import { type Outcome, twinedge } from '../doubles/command.ts'
import { ask } from '../doubles/foreign-client.ts'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { type Stack, upStack } from '../doubles/stack/stack.ts'

// Where nothing is built yet, the images are.
t.setTimeout(600_000)

t.test(
  'a slot that was brought up behind the back of the edge is swapped in, and users are served',
  { skip: engineMissing },
  async t => {
    const stack = await upStack(t, 'frontend')
    t.teardown(() => docker(['rmi', `${stack.project}/web:release-1`]))
    const run = (...args: string[]): Promise<Outcome> => twinedge([...args, '--project', stack.project])
    const status = async (): Promise<StackStatus> => JSON.parse((await run('status', '--json')).out).stack
    t.equal(await seen(t, stack), 200)
    t.match(await status(), { disagreements: [], slots: [{ isActive: true, edge: { health: 'up' } }, {}] })
    t.match(
      (await run('status')).out,
      /^web-blue +- +localhost\/twinedge\/web:sample +running +healthy +\d+ s ago +\d+ of 384 MB/m
    )

    await writeFile(stack.file, `${await readFile(stack.file, 'utf8')}COMPOSE_PROFILES=web-green\n`)
    t.equal((await stack.compose('rm', '-fs', 'web-blue')).code, 0)
    t.equal((await stack.compose('up', '-d', '--wait')).code, 0)
    t.not(await seen(t, stack), 200, 'the edge goes on with the slot that it was told of')
    const { disagreements } = await status()
    t.match(disagreements, [{ said: /^the edge sends requests to web-blue, .*, while web-green runs$/ }])
    const [, image = ''] = /^twinedge swap web (\S+); /.exec(disagreements[0]!.next) ?? []
    const { code, err } = await run('swap', 'web', image)
    t.equal(code, 0, err)
    t.equal(await seen(t, stack), 200)
    t.match(await status(), {
      disagreements: [],
      slots: [{ container: null }, { isActive: true, edge: { health: 'up' } }]
    })

    t.equal((await stack.compose('kill', 'edge')).code, 0)
    const dead = await run('status')
    t.equal(dead.code, 1)
    t.match(dead.err, /^EDGE_NOT_RUNNING: /)
    t.match(dead.out, /^web-green +1 .* running +healthy /m)
  }
)

/** The status that a user gets. */
async function seen(t: Test, stack: Stack): Promise<number> {
  return (await ask(t, stack, 'h1')).status
}
