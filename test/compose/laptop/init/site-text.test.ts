import fc from 'fast-check'
import t from 'tap'
import type { Found, WholeDraft } from '../../../../compose/laptop/init/draft.ts'
import { siteText } from '../../../../compose/laptop/init/site-text.ts'
import { parseSite } from '../../../../compose/laptop/plan/parse.ts'
import { rows } from '../../../../compose/laptop/plan/rows.ts'

const found = <T>(value: T): Found<T> => ({ value, from: 'a test' })

const two: WholeDraft = {
  name: 'shop',
  domains: found(['shop.cn', 'www.shop.cn']),
  email: null,
  servers: {
    backend: { ssh: found('ssh://ops@b:22'), address: found('2001:db8::1'), key: null },
    frontend: { ssh: found('front'), address: found('8.1.2.3'), key: '/home/me/id: 1.pem' }
  },
  web: found('/home/me/app/web'),
  api: found('/home/me/app'),
  apiArgs: ['API_APP=excelmanus.api:app'],
  hooks: { before: null, after: './tell "them" # now' }
}

t.test('every setting of deploy.yaml is in it, explained in one line, and what was found is read back', async t => {
  const text = siteText(two, '/home/me/ops')
  for (const [path, { meaning }] of Object.entries(rows)) {
    t.match(text, new RegExp(`^ *(?:# )?${path.split('.').at(-1)}: `, 'm'), path)
    t.ok(
      text.split('\n').some(line => line.endsWith(`# ${meaning}`)),
      path
    )
  }
  t.equal(text.match(/What ssh connects to/g)?.length, 1, 'the second server repeats nothing')
  const read = parseSite(text, '/home/me/ops/deploy.yaml')
  t.match(read, {
    site: {
      name: 'shop',
      domains: ['shop.cn', 'www.shop.cn'],
      servers: [
        { name: 'frontend', ssh: 'front', address: '8.1.2.3', key: '/home/me/id: 1.pem' },
        { name: 'backend', ssh: 'ssh://ops@b:22', address: '2001:db8::1', key: null }
      ],
      parts: {
        web: { source: '/home/me/app/web' },
        api: { source: '/home/me/app', args: { API_APP: 'excelmanus.api:app' } }
      },
      hooks: { before: null, after: './tell "them" # now', failed: null }
    }
  })
})

t.test('with every row that is off turned on, it is still a deploy.yaml', async t => {
  const text = siteText({ ...two, hooks: { before: null, after: null } }, '/home/me/ops')
  const on = text.replace(/^( *)# ((?: {2})?[a-z-]+:(?: |$).*)$/gm, '$1$2').replace(/^ship: ssh$/m, 'ship: registry')
  const names = on.replace(/\s+env: frontend\.env/, '').replace(/\s+ssh-config: .*/, '')
  t.match(parseSite(names, '/home/me/ops/deploy.yaml'), {
    site: { ship: 'registry', hooks: { failed: './tell-the-team' } }
  })
})

t.test('whatever a path or a hook is called, it comes back', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), word => {
      const hook = `x${word}x`
      const text = siteText(
        { ...two, api: found(`/srv/${hook.replaceAll('/', '-')}`), hooks: { before: hook, after: null } },
        '/tmp'
      )
      const read = parseSite(text, '/tmp/deploy.yaml')
      if ('faults' in read) return false
      return read.site.hooks.before === hook && read.site.parts.api.source === `/srv/${hook.replaceAll('/', '-')}`
    }),
    { numRuns: 200 }
  )
})
