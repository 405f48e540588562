// The page itself: its language, the path of a request, and the panel of answers. English is in the markup with its
// Chinese beside it in data-zh; what is said later has its Chinese here.
const chinese = {
  live: '在线',
  connecting: '连接中',
  reconnecting: '重连中',
  waiting: '等待中',
  streaming: '接收中',
  complete: '已完成',
  stopped: '已停止',
  sending: '上传中',
  'arrived whole': '完整到达',
  'hashes agree': '指纹一致',
  'hashes differ': '指纹不一致',
  failed: '失败',
  open: '已连接',
  closed: '已断开',
  answered: '已回答',
  'cut off': '被切断',
  'no answer': '没有回答',
  'TLS, ends at the edge': 'TLS，止于边缘代理',
  'not encrypted': '未加密'
}

export const api = '/api/v1/'
export const $ = id => document.getElementById(id)
export const oneDigit = number => (number < 10 ? number.toFixed(1) : Math.round(number).toString())
export const show = (id, text) => {
  $(id).textContent = text
}

let lang = localStorage.getItem('lang') ?? (navigator.language.startsWith('zh') ? 'zh' : 'en')
/** When the latest question was asked: the answer to an earlier one, coming late, is not drawn. */
let latest = 0
export const language = () => lang

/** Says `text` in the reader's language, and again when the language changes; `state` (ok, busy, bad) colours it. */
export function say(id, text, state = '') {
  Object.assign($(id).dataset, { en: text, zh: chinese[text] ?? text, state })
  translate($(id))
}

/** The code of the edge's own failures, whether they came as a page or as JSON. */
export function failureIn(text) {
  return /\b(?:EDGE|LINK)_[A-Z_]+\b/.exec(text)?.[0] ?? ''
}

function translate(element) {
  element.dataset.en ??= element.textContent
  element.textContent = lang === 'zh' ? element.dataset.zh : element.dataset.en
}

function speak(next) {
  lang = next
  document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en'
  $('lang').lang = lang === 'zh' ? 'en' : 'zh-CN'
  show('lang', lang === 'zh' ? 'English' : '中文')
  document.querySelectorAll('[data-zh]').forEach(translate)
}

async function drawPath() {
  const isTls = location.protocol === 'https:'
  show('edge', location.host)
  say('tls', isTls ? 'TLS, ends at the edge' : 'not encrypted')
  const [page, echo] = await Promise.all([fetch('/login'), fetch(`${api}echo`)])
  const seen = await echo.json()
  const from = seen.headers.find(([name]) => name.toLowerCase() === 'x-forwarded-for')?.[1]
  show('client', from ?? seen.from)
  show('inner', seen.protocol)
  show('web', page.headers.get('x-demo-server') ?? '–')
  show('api', `${seen.server}, pid ${seen.pid}`)
  show('protocol', protocolOf('/api/v1/echo'))
}

/** What the browser spoke to whoever stands in front: h2 → HTTP/2. */
function protocolOf(path) {
  const entries = performance.getEntriesByType('resource').filter(entry => entry.name.endsWith(path))
  const spoken = (entries.at(-1) ?? performance.getEntriesByType('navigation')[0])?.nextHopProtocol
  return { h3: 'HTTP/3', h2: 'HTTP/2', 'http/1.1': 'HTTP/1.1' }[spoken] ?? spoken ?? '–'
}

async function ask(path) {
  const began = performance.now()
  latest = began
  say('answer-state', 'waiting', 'busy')
  for (const id of ['answer-status', 'request-id']) show(id, '–')
  for (const id of ['answer-code', 'answer-ms']) show(id, '')
  $('answer-page').hidden = true
  let response
  try {
    response = await fetch(api + path, { headers: { accept: 'application/json' } })
    if (latest === began) drawHead(response)
    const text = await response.text()
    if (latest !== began) return
    drawBody(path, text)
    say('answer-state', ...(response.ok ? ['answered', 'ok'] : ['failed', 'bad']))
  } catch {
    if (latest !== began) return
    say('answer-state', response ? 'cut off' : 'no answer', 'bad')
  }
  show('answer-ms', `${Math.round(performance.now() - began)} ms`)
}

function drawHead({ status, ok, headers }) {
  show('answer-status', status)
  $('answer-status').dataset.state = ok ? 'ok' : 'bad'
  show('request-id', headers.get('x-request-id') ?? '–')
}

function drawBody(path, text) {
  show('answer-code', failureIn(text))
  $('answer-page').hidden = failureIn(text) === ''
  $('answer-page').href = api + path
  if (path !== 'echo') return
  const { headers } = JSON.parse(text)
  for (const wanted of ['host', 'x-forwarded-for', 'x-forwarded-proto']) {
    show(`saw-${wanted}`, headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? '–')
  }
}

/** An EventSource for as long as the page is open: it shows at once when the edge is away, and when it is back. */
function follow() {
  let began = 0
  const source = new EventSource(`${api}jobs/page/events`)
  source.onopen = () => {
    began = performance.now()
    say('live-text', 'live', 'ok')
  }
  source.onmessage = event => {
    const seconds = Math.round((performance.now() - began) / 1000)
    show('live-age', seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`)
    if (JSON.parse(event.data).status === 'completed') source.close()
  }
  source.onerror = () => {
    show('live-age', '')
    say('live-text', 'reconnecting', 'busy')
  }
}

$('lang').onclick = () => {
  speak(lang === 'zh' ? 'en' : 'zh')
  localStorage.setItem('lang', lang)
}
for (const button of document.querySelectorAll('[data-ask]')) button.onclick = () => ask(button.dataset.ask)
speak(lang)
drawPath().then(() => ask('echo'))
follow()
