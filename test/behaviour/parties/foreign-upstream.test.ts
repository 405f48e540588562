import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { command, type Outcome } from '../../doubles/command.ts'
import { startEdge, yamlFor } from '../../doubles/edge.ts'
import { until } from '../../doubles/edge-process.ts'

const nginx = '/usr/sbin/nginx'
const missing = [nginx, '/usr/bin/curl'].find(program => !existsSync(program))
const skip = missing === undefined ? '' : `no ${missing} here: apt-get install nginx-light curl`

const big = randomBytes(10 * 1024 * 1024)
const text = 'the quick brown fox '.repeat(5_000)

interface Fronted {
  readonly folder: string
  /** @returns what curl printed, and the file that it wrote the body to */
  get(path: string, ...args: string[]): Promise<Outcome & { readonly body: Buffer }>
}

t.test('nginx as the upstream', { skip }, async t => {
  t.test('a file of 10 MB that it sends by sendfile arrives byte for byte, whole and in ranges', async t => {
    const { get } = await start(t)
    for (const flag of ['--http1.1', '--http2']) {
      const whole = await get('/big.bin', flag, '-w', '%{response_code} %header{content-length}')
      t.equal(whole.out.slice(0, 3), '200')
      t.equal(sha(whole.body), sha(big))
      const range = await get('/big.bin', flag, '-r', '1000000-1999999', '-D', '-')
      t.match(range.out, /^HTTP\/\S+ 206.*content-range: bytes 1000000-1999999\/10485760\r\n/is)
      t.equal(sha(range.body), sha(big.subarray(1_000_000, 2_000_000)))
      const beyond = await get('/big.bin', flag, '-r', '99999999-', '-D', '-')
      t.match(beyond.out, /^HTTP\/\S+ 416.*content-range: bytes \*\/10485760\r\n/is)
    }
  })

  t.test('a download that broke off is resumed where it stopped', async t => {
    const { folder, get } = await start(t)
    await writeFile(join(folder, 'body'), big.subarray(0, 4_000_000))
    const { code, body } = await get('/big.bin', '-C', '-')
    t.equal(code, 0)
    t.equal(sha(body), sha(big))
  })

  t.test('HEAD and 304 keep their Content-Length or validators, and have no body', async t => {
    const { get } = await start(t)
    for (const flag of ['--http1.1', '--http2']) {
      const head = await get('/big.bin', flag, '-I')
      t.match(head.body.toString(), /^HTTP\/\S+ 200.*content-length: 10485760\r\n/is)
      const etag = /etag: (\S+)/i.exec(head.body.toString())![1]!
      const same = await get('/big.bin', flag, '-D', '-', '-H', `If-None-Match: ${etag}`)
      t.match(same.out, new RegExp(`^HTTP/\\S+ 304.*etag: ${etag}\\r\\n`, 'is'))
      t.equal(same.body.length, 0)
    }
  })

  t.test('what it compresses and chunks is passed on as it is', async t => {
    const { get } = await start(t)
    for (const flag of ['--http1.1', '--http2']) {
      const { out, body } = await get('/text.txt', flag, '--compressed', '-D', '-')
      t.match(out, /content-encoding: gzip\r\n/i)
      t.equal(body.toString(), text)
    }
  })

  t.test("its connections are kept and used again, and one that it closes is nobody's error", async t => {
    const { folder, get } = await start(t)
    const urls = Array.from({ length: 40 }, () => '/text.txt')
    const codes: string[] = []
    for (const path of urls) codes.push((await get(path, '-w', '%{response_code}')).out)
    t.ok(codes.every(code => code === '200'))
    await until(async () => (await served(folder)).length === 40, 'forty lines in the log of nginx')
    const connections = new Set(await served(folder))
    t.equal(connections.size, 4, 'keepalive_requests is 10: so many requests, then nginx closes')
  })
})

async function served(folder: string): Promise<string[]> {
  return (await readFile(join(folder, 'access.log'), 'utf8')).trim().split('\n')
}

async function start(t: Test): Promise<Fronted> {
  const folder = await mkdtemp(join(tmpdir(), 'twinedge-'))
  const port = await freePort()
  await mkdir(join(folder, 'www'))
  await writeFile(join(folder, 'www', 'big.bin'), big)
  await writeFile(join(folder, 'www', 'text.txt'), text)
  await writeFile(join(folder, 'nginx.conf'), configOf(folder, port))
  const child = spawn(nginx, ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' })
  const exit = new Promise(resolve => child.on('exit', resolve))
  t.teardown(async () => {
    child.kill('SIGTERM')
    await exit
    await rm(folder, { recursive: true, force: true })
  })
  await until(() => isOpen(port), 'nginx listens')
  const edge = await startEdge(t, yamlFor({ web: `http://127.0.0.1:${port}` }))
  const file = join(folder, 'body')
  return {
    folder,
    async get(path, ...args) {
      const root = join(edge.folder, 'local-ca', 'root.pem')
      const url = `https://localhost:${edge.httpsPort}${path}`
      const outcome = await command('curl', ['-sS', '--max-time', '30', '--cacert', root, '-o', file, ...args, url])
      const body = existsSync(file) ? await readFile(file) : Buffer.alloc(0)
      await rm(file, { force: true })
      return { ...outcome, body }
    }
  }
}

function configOf(folder: string, port: number): string {
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `${user}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  ${temporary.map(name => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  log_format connection '$connection';
  access_log ${folder}/access.log connection;
  sendfile on;
  keepalive_requests 10;
  gzip on;
  gzip_proxied any;
  server {
    listen 127.0.0.1:${port};
    root ${folder}/www;
    default_type text/html;
  }
}
`
}

function sha(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}

function isOpen(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1')
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}
