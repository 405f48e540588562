import t from 'tap'
import type { Line } from '../../../../compose/laptop/ssh/line.ts'
import { otherTools } from '../../../../compose/laptop/tool/own.ts'

const line = (name: string, tool: string): Line =>
  ({ server: { name }, ask: async () => ({ version: '0.7.0', tool, protocol: 1 }) }) as unknown as Line

t.test('a tool that is not this laptop’s is named, with what brings it there', async t => {
  const own = Promise.resolve('tool-aaaaaaaaaaaa')
  const lines = [line('backend', 'tool-bbbbbbbbbbbb'), line('frontend', 'tool-aaaaaaaaaaaa'), line('single', '')]
  const said = await otherTools(lines, own)
  t.equal(said.length, 1)
  t.match(said[0], /^WARNING: backend: its tool \(0\.7\.0, tool-b+\) .*; next: twinedge bootstrap backend$/)
})
