import t from 'tap'
import { readFingerprint } from '../../../../proxy/link/keys/fingerprint.ts'

const hash = 'n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg'
const whole = `SHA256:${hash}`

t.test('what a person carries from one terminal to another is taken as it was meant', async t => {
  const written = [
    whole,
    hash,
    `${whole}=`,
    ` ${whole}\n`,
    `"${whole}"`,
    `'${whole}'`,
    `\`${whole}\``,
    `sha256:${hash}`,
    `SHA-256:${hash}`,
    `${whole.slice(0, 20)}\r\n  ${whole.slice(20)}`
  ]
  for (const text of written) t.equal(readFingerprint(text), whole, JSON.stringify(text))
})

t.test('what is no fingerprint is told with what is wrong about it and what is expected', async t => {
  const wrong: [string, RegExp][] = [
    ['', /^"" is no fingerprint: it has 0 characters; expected is SHA256: and 43 characters/],
    [whole.slice(0, -1), /it has 42 characters/],
    [`${whole}A`, /it has 44 characters/],
    [whole.replace('+', '-'), /"-" is in none/],
    [whole.replace('/', '…'), /"…" is in none/],
    [`MD5:${hash}`, /":" is in none/],
    [`${whole.slice(0, -1)}h`, /its last character is wrong/],
    ['9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', /it has 64 characters/],
    ['\u001b[2J', /"\\u001b" is in none/],
    ['x'.repeat(5_000), /^.{80,90} is no fingerprint: it has 5000 characters/]
  ]
  for (const [text, detail] of wrong) {
    t.throws(() => readFingerprint(text), { code: 'EDGE_USAGE', detail }, text.slice(0, 80))
    t.throws(() => readFingerprint(text), {
      code: 'EDGE_USAGE',
      detail: /twinedge link pair shows on the other server$/
    })
  }
})
