import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { EdgeConfig, RouteConfig } from '../../../../proxy/config/config.ts'
import { agreedOf } from '../../../../proxy/link/report/agreed.ts'
import { Router } from '../../../../proxy/routing/route.ts'
import { configOf } from '../../config/written.ts'

const project = join(import.meta.dirname, '../../../..')
const upstreams = 'upstreams: { api: { origin: "http://127.0.0.1:1" }, web: { origin: "http://127.0.0.1:2" } }'

function agreed(settings: string): Record<string, string> {
  return agreedOf(configOf(`server: single\n${upstreams}\n${settings}\n`))
}

const routes = (...all: string[]): string =>
  `domains: [b.test, a.test]\nroutes: [${all.map(one => `{ ${one} }`).join(', ')}]`

t.test('what users would notice is told: domains, hsts and what happens to a request', async t => {
  const hsts = 'hsts: { max-age: 365d, subdomains: true }'
  t.same(
    agreed(
      `${routes('path: /, upstream: web', 'path: /api/, upstream: api, stream: true, idle: 600s, body: 100m')}\n${hsts}`
    ),
    {
      domains: 'a.test, b.test',
      hsts: '31536000s, subdomains',
      'routes[/]': 'web, idle 300s, body 100m',
      'routes[/api/]': 'api, idle 600s, body 100m, stream'
    }
  )
})

t.test('what is a server’s own is not: ports, certificates, slots, limits, the owner of a stream', async t => {
  const plain = agreed(routes('path: /, upstream: api, stream: true'))
  const learning = 'path: /, upstream: api, learn: stream_id, owner: "query:stream_id"'
  const own = 'listen: { https: 8443 }\nlimits: { connections: 9 }\ntls: { mode: acme }\ntrusted-proxies: [10.0.0.0/8]'
  t.same(agreed(`${routes(learning)}\n${own}`), plain)
})

t.test('each setting that users notice makes a difference', async t => {
  const least = 'path: /, upstream: web'
  const plain = JSON.stringify(agreed(routes(least)))
  for (const other of [
    'path: /, upstream: api',
    `${least}, idle: 301s`,
    `${least}, idle: 300001ms`,
    `${least}, body: 2m`,
    `${least}, body: 104857601`,
    `${least}, stream: true`,
    'path: /x, upstream: web'
  ]) {
    t.not(JSON.stringify(agreed(routes(other))), plain, other)
  }
  for (const more of [
    'max-age: 1d',
    'max-age: 2d',
    'max-age: 1d, subdomains: true',
    'max-age: 365d, subdomains: true, preload: true'
  ]) {
    t.not(JSON.stringify(agreed(`${routes(least)}\nhsts: { ${more} }`)), plain, more)
  }
  t.not(
    agreed(`${routes(least)}\nhsts: { max-age: 365d, subdomains: true }`).hsts,
    agreed(`${routes(least)}\nhsts: { max-age: 365d, subdomains: true, preload: true }`).hsts
  )
})

t.test('the files of the two images, and the two examples, agree', async t => {
  for (const folder of ['images/proxy', 'docs/examples']) {
    const [frontend, backend] = await Promise.all(
      ['frontend', 'backend'].map(async name =>
        agreedOf(configOf(await readFile(join(project, folder, `${name}.yaml`), 'utf8')))
      )
    )
    t.same(frontend, backend, folder)
  }
})

t.test('a configuration that has no room in a report is told as one hash, and differs as well as any', async t => {
  const many = (last: string) =>
    agreed(
      routes(
        ...Array.from(
          { length: 900 },
          (_, i) => `path: /route-number-${1000 + i}, upstream: ${i === 899 ? last : 'web'}`
        )
      )
    )
  t.same(Object.keys(many('web')), ['domains, hsts and routes'])
  t.same(many('web'), many('web'))
  t.notSame(many('web'), many('api'))
})

t.test('a domain is named where it has something else, be it less; the order of domains does not count', async t => {
  const all = ['path: /, upstream: web', 'path: /x, upstream: api']
  const less = [...all, 'path: /x, host: a.test, upstream: web']
  const order = (domains: string, ...some: string[]) => agreed(routes(...some).replace('[b.test, a.test]', domains))
  t.same(Object.keys(order('[a.test, b.test, c.test]', ...less)), [
    'domains',
    'hsts',
    'routes[/]',
    'routes[/x]',
    'routes[a.test/]'
  ])
  const some = ['path: /, host: a.test, upstream: web', 'path: /, host: b.test, upstream: web']
  t.equal(order('[a.test, b.test, c.test]', ...some)['routes[c.test]'], 'none')
  t.same(order('[a.test, b.test]', ...less), order('[b.test, a.test]', ...less))
})

t.test('it is worked out once for each configuration', async t => {
  const config = configOf(`server: single\n${upstreams}\n${routes('path: /, upstream: web')}\n`)
  t.equal(agreedOf(config), agreedOf(config))
  t.not(agreedOf({ ...config, hsts: { maxAgeMs: 1_000, subdomains: false, preload: false } }), agreedOf(config))
})

const host = fc.constantFrom(null, 'a.test', 'b.test', 'c.test')
const path = fc.constantFrom('/', '/a', '/a/', '/a/b', '/ab', '/b')
const route = fc.record({ host, path, upstream: fc.constantFrom('api', 'web') })
const list = fc.uniqueArray(route, { maxLength: 6, selector: ({ host, path }) => `${host} ${path}` })
const model = configOf(`server: single\n${upstreams}\n${routes('path: /, upstream: web')}`)

t.test('two configurations give the same exactly if they treat every request the same', async t => {
  const domains = ['a.test', 'b.test', 'c.test']
  const config = (given: readonly Pick<RouteConfig, 'host' | 'path' | 'upstream'>[]): EdgeConfig => {
    return { ...model, domains, routes: given.map(one => ({ ...model.routes[0]!, ...one })) }
  }
  const seen = (one: EdgeConfig): string => {
    const router = new Router(one.domains, one.routes)
    const at = ['/', '/a', '/a/', '/a/b', '/ab', '/b']
    return JSON.stringify(domains.map(name => at.map(target => router.match(name, target)?.upstream ?? null)))
  }
  const same = { found: 0 }
  const holds = (a: EdgeConfig, b: EdgeConfig): boolean => {
    const isSame = seen(a) === seen(b)
    if (isSame) same.found++
    return isSame === (JSON.stringify(agreedOf(a)) === JSON.stringify(agreedOf(b)))
  }
  fc.assert(
    fc.property(list, list, (a, b) => holds(config(a), config(b))),
    { numRuns: 2_000 }
  )
  // The same, written otherwise: in another order, with routes that change nothing, host by host.
  fc.assert(
    fc.property(list, path, (given, extra) => {
      const a = config(given)
      const router = new Router(domains, a.routes)
      const each = domains.flatMap(name =>
        a.routes
          .filter(one => one.host === null || one.host === name)
          .map(one => router.match(name, one.path)!)
          .map(one => ({ ...one, host: name }))
      )
      const byHost = each.filter(
        (one, i) => each.findIndex(other => other.host === one.host && other.path === one.path) === i
      )
      const around = router.match('a.test', extra)
      const more = around === undefined || around.path === extra ? [] : [{ ...around, host: 'a.test', path: extra }]
      return holds(a, { ...a, routes: a.routes.toReversed() }) && holds(a, { ...a, routes: [...byHost, ...more] })
    }),
    { numRuns: 2_000 }
  )
  t.ok(same.found > 2_000, `${same.found} pairs were the same`)
})
