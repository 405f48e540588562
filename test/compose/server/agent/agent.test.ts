import { spawn } from 'node:child_process'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { type Answers, answer } from '../../../../compose/server/agent.ts'
import { project } from '../../../doubles/command.ts'

const hello = async () => ({ version: '1', tool: '', protocol: 1 })

t.test('an agent goes when its laptop asks nothing any more, but not from what is under way', async t => {
  const [input, output] = [new PassThrough(), new PassThrough()]
  const slow = Promise.withResolvers<null>()
  let isOver = false
  const over = answer(input, output, { hello, free: () => slow.promise } as unknown as Answers, 200).then(() => {
    isOver = true
  })
  input.write('{"id":1,"ask":"free","with":{}}\n')
  await new Promise(resolve => setTimeout(resolve, 700))
  t.equal(isOver, false)
  input.write('{"id":2,"ask":"hello"}\n')
  await new Promise(resolve => setTimeout(resolve, 50))
  t.match(String(output.read()), '{"id":2,"answer"', 'and it hears what else is asked')
  slow.resolve(null)
  await over
  t.match(String(output.read()), '{"id":1,"answer":null}')
})

t.test('its process ends, though its line is never closed', async t => {
  const text = `import { answer } from '${project}/compose/server/agent.ts'
await answer(process.stdin, process.stdout, { hello: async () => 'here' }, 300)`
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
    env,
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const over = new Promise(resolve => child.once('close', resolve))
  child.stdout.resume()
  for (let asked = 0; asked < 3; asked++) child.stdin.write(`{"id":${asked},"ask":"hello"}\n`)
  t.equal(await over, 0)
})
