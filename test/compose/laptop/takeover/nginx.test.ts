import t from 'tap'
import { isFor, readNginx } from '../../../../compose/laptop/takeover/nginx.ts'

t.test('names and certificates of every server, wherever they stand', async t => {
  const text = `# configuration file /etc/nginx/nginx.conf:
user nginx;
http {
    ssl_certificate default/fullchain.pem; # for those without one
    ssl_certificate_key default/privkey.pem;
    log_format main '$remote_addr - "$request" {not a block}';
    server { listen 80 default_server; server_name _ ""; return 301 https://$host$request_uri; }
# configuration file /etc/nginx/conf.d/excelmanus.conf:
    server {
        listen 443 ssl http2;
        server_name example.cn www.example.cn *.example.cn ~^(?<sub>.+)\\.example\\.cn$;
        ssl_certificate     "/www/server/panel/vhost/cert/example.cn/fullchain.pem";
        ssl_certificate_key /www/server/panel/vhost/cert/example.cn/privkey.pem;
        location / { proxy_pass http://127.0.0.1:3000; proxy_set_header Connection ''; }
    }
    server { listen 443 ssl; server_name www.example.cn api.example.cn; }
    server { server_name dynamic.cn; ssl_certificate /certs/$ssl_server_name.pem; ssl_certificate_key /k.pem; }
}
`
  t.same(readNginx(text), {
    names: ['example.cn', 'www.example.cn', 'api.example.cn', 'dynamic.cn'],
    certificates: [
      {
        cert: '/etc/nginx/default/fullchain.pem',
        key: '/etc/nginx/default/privkey.pem',
        names: ['_', '', 'www.example.cn', 'api.example.cn']
      },
      {
        cert: '/www/server/panel/vhost/cert/example.cn/fullchain.pem',
        key: '/www/server/panel/vhost/cert/example.cn/privkey.pem',
        names: ['example.cn', 'www.example.cn', '*.example.cn', '~^(?<sub>.+)\\.example\\.cn$']
      }
    ],
    ports: [80, 443]
  })
})

t.test('nothing, and half of something', async t => {
  t.same(readNginx(''), { names: [], certificates: [], ports: [] })
  t.same(readNginx('http { server { server_name a.cn'), { names: [], certificates: [], ports: [80] })
})

t.test('which ports it listens on, however they are written', async t => {
  const listen = (...all: string[]): readonly number[] =>
    readNginx(`http { server { ${all.map(one => `listen ${one};`).join(' ')} } }`).ports
  t.same(listen('8080', '[::]:8080 ipv6only=on', '10.0.0.1:443 ssl', 'a.cn:90'), [8080, 443, 90])
  t.same(listen(), [80])
  t.same(listen('10.0.0.1', '[::1]'), [80])
  t.same(listen('unix:/run/nginx.sock'), [])
})

t.test('which certificates a domain may be shown', async t => {
  const fits = (...names: string[]): boolean => isFor({ cert: '', key: '', names }, 'www.a.cn')
  for (const name of ['www.a.cn', 'WWW.a.cn', '*.a.cn', '.a.cn', '.www.a.cn', 'www.a.*', '~^w']) t.ok(fits(name), name)
  for (const name of ['a.cn', 'b.cn', '*.b.cn', '*.www.a.cn', 'w.a.cn', 'api.*']) t.notOk(fits(name), name)
  t.ok(fits('_', ''), 'of one for whatever comes nobody knows')
  t.notOk(fits('_', 'b.cn'))
})

t.test('a list of half a million addresses holds nothing up', async t => {
  const list = Array.from({ length: 500_000 }, (_, at) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255} 1;\n`).join('')
  const beganMs = performance.now()
  t.same(readNginx(`http { geo $near { ${list} } server { listen 80; server_name a.cn; } }`).names, ['a.cn'])
  t.ok(performance.now() - beganMs < 15_000, 'a lease lasts half a minute')
})
