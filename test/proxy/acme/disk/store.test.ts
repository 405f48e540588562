import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { blankRecord } from '../../../../proxy/acme/disk/record.ts'
import { CertificateStore } from '../../../../proxy/acme/disk/store.ts'

const now = new Date()

t.test('a sweep takes away what a killed write left, and never a certificate or its record', async t => {
  const folder = t.testdir()
  const store = new CertificateStore(folder)
  await store.write('a.test', { cert: 'a chain', key: 'a key' })
  await store.writeRecord('a.test', blankRecord)
  const left = `${store.pathOf('a.test')}.00.tmp`
  writeFileSync(left, 'half a key')
  const certificates = join(folder, 'acme', 'certificates')
  for (const name of readdirSync(certificates)) utimesSync(join(certificates, name), 0, 0)
  await store.sweep(now)
  t.same(readdirSync(certificates).sort(), ['a.test.json', 'a.test.pem'])
})

t.test('an account key of another kind is set aside: the thumbprint is of a P-256 one', async t => {
  const folder = t.testdir()
  mkdirSync(join(folder, 'acme'))
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  writeFileSync(join(folder, 'acme', 'account.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const told: string[] = []
  const key = await new CertificateStore(folder).accountKey(now, message => told.push(message))
  t.match(told, [/made anew/])
  t.equal(await new CertificateStore(folder).accountKey(now, () => t.fail('again')), key)
  t.ok(existsSync(join(folder, 'acme', 'account.key')))
})
