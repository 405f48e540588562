import { createWriteStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { pack } from 'tar-stream'
import { refuseUnfit } from '../../../../compose/laptop/image/artifact.ts'

/** The first bytes of what a compiler has made for a machine, by its number in ELF. */
function moduleFor(machine: number): Buffer {
  const head = Buffer.alloc(64)
  head.writeUInt32BE(0x7f454c46)
  head.writeUInt16LE(machine, 18)
  return head
}
const [amd64, arm64, riscv, mach] = [
  moduleFor(62),
  moduleFor(183),
  moduleFor(243),
  Buffer.from('cffaedfe0c000001', 'hex')
]

function artifactOf(t: Test, files: Readonly<Record<string, Buffer>>): string {
  const tar = pack()
  for (const [name, content] of Object.entries(files)) tar.entry({ name, mode: 0o644 }, content)
  tar.finalize()
  const chunks: Buffer[] = []
  for (let chunk = tar.read() as Buffer | null; chunk !== null; chunk = tar.read() as Buffer | null) chunks.push(chunk)
  const file = join(t.testdir({}), 'out.tar.gz')
  writeFileSync(file, gzipSync(Buffer.concat(chunks)))
  return file
}

const server = Buffer.from('server')
const sharp = '.next/standalone/node_modules/sharp.node'

t.test('a build of another machine is no web app for this server', async t => {
  const refuse = (files: Record<string, Buffer>) =>
    refuseUnfit(artifactOf(t, { '.next/standalone/server.js': server, ...files }), 'linux/amd64', true)
  await refuse({})
  await refuse({ [sharp]: amd64 })
  await refuse({ 'prebuilds/darwin/a.node': mach, 'prebuilds/linux/a.node': amd64 })
  const unfit = (platform: string) => ({
    code: 'BUILD_ARTIFACT_UNFIT',
    detail: new RegExp(`its native modules are for ${platform}, and the server is linux/amd64$`)
  })
  await t.rejects(refuse({ [sharp]: arm64 }), unfit('linux/arm64'))
  await t.rejects(refuse({ [sharp]: mach }), unfit('another system'))
  await t.rejects(refuse({ [sharp]: riscv }), unfit('another machine'))
  await refuseUnfit(artifactOf(t, { './.next/standalone/server.js': server, [sharp]: arm64 }), null, true)
})

t.test('what is no archive, or one of something else, is told at once', async t => {
  const text = join(t.testdir({ 'out.tar.gz': 'an image, perhaps' }), 'out.tar.gz')
  await t.rejects(refuseUnfit(text, null, false), {
    code: 'BUILD_ARTIFACT_UNFIT',
    detail: /out\.tar\.gz is no tar\.gz/
  })
  await t.rejects(refuseUnfit(artifactOf(t, {}), null, false), {
    code: 'BUILD_ARTIFACT_UNFIT',
    detail: /nothing is in it/
  })
  const image = { 'manifest.json': Buffer.from('[]') }
  await t.rejects(refuseUnfit(artifactOf(t, image), null, true), {
    code: 'BUILD_ARTIFACT_UNFIT',
    detail: /has no \.next\/standalone in it$/
  })
  await refuseUnfit(artifactOf(t, image), null, false)
})

t.test('an archive that is all header is no reason to fill this laptop’s memory', async t => {
  const tar = pack()
  const pax = { comment: 'x'.repeat(100_000_000) }
  tar.entry({ name: 'x', mode: 0o644, pax } as { name: string; mode: number }, 'x')
  tar.finalize()
  const file = join(t.testdir({}), 'out.tar.gz')
  await pipeline(tar, createGzip({ level: 1 }), createWriteStream(file))
  await t.rejects(refuseUnfit(file, null, false), { code: 'BUILD_ARTIFACT_UNFIT', detail: /headers has no end$/ })
  const large = { '.next/standalone/a': Buffer.alloc(20_000_000), '.next/standalone/b': Buffer.alloc(20_000_000) }
  await refuseUnfit(artifactOf(t, large), null, true)
})
