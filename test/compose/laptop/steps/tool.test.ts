import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { connectSsh } from '../../../../compose/laptop/ssh/ssh.ts'
import { installTool } from '../../../../compose/laptop/steps/tool.ts'
import { manifestFile, manifestOf } from '../../../../compose/laptop/tool/files.ts'
import { startSshServer } from '../../../doubles/ssh/server.ts'
import { workOn } from '../../../fixtures/bootstrap-work.ts'

t.test('a tool of the right name is there when all of it is, and runs', async t => {
  const server = await startSshServer(t)
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const folder = join(server.plan.folder, 'tool')
  const program = { path: 'scripts/twinedge', mode: 0o755, content: Buffer.from('#!/bin/sh\n[ -s node ]\n') }
  const files = [program, { path: 'proxy/edge.ts', mode: 0o644, content: Buffer.from('edge') }]
  const manifest = manifestOf(files)
  for (const { path, mode, content } of [...files, manifestFile(manifest)]) {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), content, { mode })
  }
  writeFileSync(join(folder, 'node'), 'not on the list: it comes out of the image')
  const made = workOn(ssh)
  const stack = { ...made.facts.stack, tool: 'tool-a1b2c3d4e5f6', command: `${folder}/scripts/twinedge` }
  const work = { ...made, facts: { ...made.facts, stack }, edge: { ...made.edge, manifest } }
  const count = async (): Promise<number> => (await installTool.plan(work)).actions.length
  t.equal(await count(), 0)
  for (const [path, text] of [
    ['proxy/edge.ts', 'edge'],
    ['files.sha256', manifest],
    ['node', 'node']
  ] as const) {
    // As a power cut leaves what was written just before.
    writeFileSync(join(folder, path), '')
    t.equal(await count(), 1, path)
    writeFileSync(join(folder, path), text)
  }
  writeFileSync(join(folder, 'files.sha256'), manifest.split('\n')[0]!)
  t.equal(await count(), 1, 'half a list')
})
