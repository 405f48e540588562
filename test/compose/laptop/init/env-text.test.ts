import fc from 'fast-check'
import t from 'tap'
import { readEnvFile } from '../../../../compose/env/env-file.ts'
import type { Environment } from '../../../../compose/env/environment.ts'
import type { WholeDraft } from '../../../../compose/laptop/init/draft.ts'
import { envText } from '../../../../compose/laptop/init/env-text.ts'

const found = <T>(value: T): { value: T; from: string } => ({ value, from: 'a test' })
const draft: WholeDraft = {
  name: 'twinedge',
  domains: found(['shop.cn']),
  email: null,
  servers: {
    frontend: { ssh: found('a'), address: found('2001:db8::1'), key: null },
    backend: { ssh: found('b'), address: found('8.1.2.3'), key: null }
  },
  web: found('/web'),
  api: found('/api'),
  apiArgs: [],
  hooks: { before: null, after: null }
}
const strong = 'q9R2+aW3eT7uI1oP5sD8fG4hJ6kL0zXcVbNm'
const fill = (before: Environment) => envText('backend', { draft, before, newSecret: () => strong })
const read = (text: string): Environment => readEnvFile(text, '').env

t.test('what the app has had goes on, whatever is in it; what belonged to its machine does not', async t => {
  const own = {
    EXCELMANUS_JWT_SECRET: strong.toUpperCase(),
    OPENAI_PROXY: 'socks5://a b',
    EXCELMANUS_AUTH_ENABLED: 'false'
  }
  const { text, taken, made } = fill({
    ...own,
    PORT: '8000',
    DOMAINS: 'old.cn',
    EXCELMANUS_CORS_ALLOW_ORIGINS: 'http://x'
  })
  t.same([taken.toSorted(), made], [Object.keys(own).toSorted(), []])
  t.match(read(text), { ...own, DOMAINS: '[shop.cn]', EXCELMANUS_CORS_ALLOW_ORIGINS: 'https://shop.cn' })
  t.equal(read(text).PORT, undefined)
  t.equal(read(text).LINK_PEER, '[2001:db8::1]')
  t.notMatch(text, /^[^#\n]*example/m, 'nothing of the example is left')
})

t.test('a secret of any letters is read back as it was', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 }), secret => {
      const { text } = fill({ EXCELMANUS_API_KEY: secret, OTHER: secret })
      const { env, faults } = readEnvFile(text, '')
      return env.EXCELMANUS_API_KEY === secret && env.OTHER === secret && faults.length === 0
    }),
    { numRuns: 300 }
  )
})
