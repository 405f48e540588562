import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Side, type Variable, type VariableName, variables } from '../../../compose/env/variables.ts'
import { project } from '../../doubles/command.ts'

const rows = Object.entries(variables) as [VariableName, Variable][]
/** Read by Compose itself, or by the app, and so not to be found in the files. */
const unnamed = /^(?:COMPOSE_|EXCELMANUS_)/

function compose(side: Side): string {
  const text = readFileSync(join(project, `docker-compose.${side}.yml`), 'utf8')
  return text.replaceAll(/^\s*#.*$/gm, '').replaceAll('$$', '')
}

for (const side of ['frontend', 'backend'] as const) {
  t.test(`docker-compose.${side}.yml: every variable has its row, and every row its variable`, async t => {
    const used = new Set([...compose(side).matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name))
    const mine = rows.filter(([name, { on }]) => on.includes(side) && !unnamed.test(name)).map(([name]) => name)
    const named = [...used].filter(name => !unnamed.test(name))
    t.same(named.sort(), mine.sort())
  })

  t.test(`docker-compose.${side}.yml: the defaults are those of the rows`, async t => {
    const found = [...compose(side).matchAll(/\$\{(\w+):-([^${}]*)\}/g)]
    t.ok(found.length > 15)
    for (const [all, name = '', usual] of found) {
      // What runs decides it; and preflight is given what was written, not what it comes to.
      if (name === 'SERVER' || usual === '') continue
      t.equal(usual, variables[name as VariableName]?.default, all)
    }
  })
}

for (const side of ['frontend', 'backend'] as const) {
  t.test(`docker-compose.${side}.yml: an app gets nothing of .env that is meant for Compose`, async t => {
    const kept = /^x-stack: &stack\n((?: .*\n)+)/m.exec(compose(side))?.[1] ?? ''
    const names = [...kept.matchAll(/(\w+): ""/g)].map(([, name]) => name)
    t.same(
      names,
      rows.map(([name]) => name).filter(name => !name.startsWith('EXCELMANUS_'))
    )
    t.match(compose(side), /^ {2}environment:\n {4}<<: \*stack\n/m)
  })
}

t.test('what a row has as its default or its example is what its check takes', async t => {
  for (const [name, { kind, default: usual, example }] of rows) {
    for (const text of [usual, example]) if (text != null && kind) t.not(kind.read(text), undefined, `${name}=${text}`)
  }
})

t.test('what is called a secret, a key or a password is one', async t => {
  for (const [name, { isSecret }] of rows)
    t.equal(isSecret ?? false, /SECRET|_KEY|PASSWORD|DATABASE_URL/.test(name), name)
})
