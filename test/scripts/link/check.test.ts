import t from 'tap'
import { lineReport } from '../../../scripts/link/line-report.ts'
import { twinedge } from '../../doubles/command.ts'
import { startEdgePair } from '../../doubles/edge-pair.ts'

const common = `domains: [localhost]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
routes: [{ path: /, upstream: web }]
`

t.test('the line is measured over the link itself, and the host is shown beside it', async t => {
  const { frontend } = await startEdgePair(t, {
    frontend: `server: frontend\n${common}upstreams: { web: { origin: "http://127.0.0.1:9" } }\n`,
    backend: `server: backend\n${common}upstreams: { web: { origin: peer } }\n`
  })
  const socket = frontend.edge.config.control.socket
  const { code, out, err } = await twinedge(['link', 'check', '--size', '1m', '--socket', socket])
  t.equal(err, '')
  t.equal(code, 0)
  t.match(out, /^round trip: \d/m)
  t.match(out, /^messages: \d{3}, of which/m)
  t.match(out, /^throughput on one line: \d+\.\d Mbit\/s there, \d+\.\d Mbit\/s back$/m)
  t.match(out, /^net\.ipv4\.tcp_congestion_control /m)
  const { out: json } = await twinedge(['link', 'check', '--size', '64k', '--json', '--socket', socket])
  t.match(JSON.parse(json), { line: { messages: { sent: Number } }, host: Array })
})

t.test('without a line to measure it says why, and shows the host all the same', async t => {
  const { frontend } = await startEdgePair(t, {
    isPaired: false,
    frontend: `server: frontend\n${common}upstreams: { web: { origin: "http://127.0.0.1:9" } }\n`,
    backend: `server: backend\n${common}upstreams: { web: { origin: peer } }\n`
  })
  await frontend.line(({ message }) => message === 'the link is down')
  const { code, out, err } = await twinedge(['link', 'check', '--socket', frontend.edge.config.control.socket])
  t.equal(code, 1)
  t.match(err, /^LINK_DOWN: LINK_U\w+: .*\nnext: twinedge link/m)
  t.match(out, /^net\.ipv4\.tcp_congestion_control /m)
  const wrong = await twinedge(['link', 'check', '--size', 'big', '--socket', frontend.edge.config.control.socket])
  t.match(wrong, { code: 2, err: /EDGE_USAGE: --size is .*found big/ })
})

t.test('late messages are told as what they mean', async t => {
  const measure = { roundTripMs: { least: 201, median: 202.4, most: 640 }, up: 10e6, down: 12.5e6 }
  const clean = lineReport({ ...measure, messages: { sent: 320, late: 0 } })
  t.match(
    clean,
    /^messages: 320, of which none was late\nthroughput on one line: 80\.0 Mbit\/s there, 100\.0 Mbit\/s back$/m
  )
  t.notMatch(clean, /LINK_SLOW/)
  t.match(lineReport({ ...measure, messages: { sent: 300, late: 6 } }), /6 came late: about 1\.0 % are lost each way/)
  t.match(lineReport({ ...measure, messages: { sent: 300, late: 30 } }), /^LINK_SLOW: a line that loses 5\.1 %/m)
  const far = { ...measure, roundTripMs: { least: 1_400, median: 1_500, most: 1_600 } }
  t.match(lineReport({ ...far, messages: { sent: 300, late: 0 } }), /^LINK_SLOW: 1400 ms/m)
})
