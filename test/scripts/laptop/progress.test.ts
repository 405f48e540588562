import t from 'tap'
import { type Paper, printerOn } from '../../../scripts/laptop/progress.ts'

function onPaper(isTTY: boolean, columns = 80) {
  let text = ''
  let nowMs = 0
  const write = (more: string): void => {
    text += more
  }
  const paper: Paper = { isTTY, columns, write }
  const tick = (ms: number): void => {
    nowMs += ms
  }
  return { printer: printerOn(paper, () => nowMs + 1_000_000), tick, text: () => text }
}

const half = { sent: 10_000_000, total: 20_000_000, rate: 2_000_000 }

t.test('a terminal has one line that is drawn over, with the rate and the time left', async t => {
  const { printer, tick, text } = onPaper(true)
  printer.progress('web to frontend', half)
  t.equal(
    text(),
    '\r\x1b[Kweb to frontend [############............] 50 %, 10.0 of 20.0 MB, 2.0 MB/s, 5 s left'.slice(0, 4 + 79)
  )
  printer.progress('web to frontend', { ...half, sent: 11_000_000 })
  t.notMatch(text(), '11.0', 'not more often than an eye can see')
  tick(100)
  printer.progress('web to frontend', { ...half, sent: 12_000_000 })
  t.match(text(), /\r\x1b\[Kweb to frontend \[#+\.+\] 60 %/)
  printer.say('a line')
  t.ok(text().endsWith('\r\x1b[Ka line\n'), 'what is said takes its place')
  tick(100)
  printer.progress('web to frontend', { ...half, sent: 20_000_000 })
  t.ok(text().endsWith('\r\x1b[K'), 'and its end leaves nothing')
})

t.test('no line is wider than the terminal', async t => {
  const { printer, text } = onPaper(true, 30)
  printer.progress('web to frontend', half)
  t.equal(text(), '\r\x1b[Kweb to frontend [############')
})

t.test('elsewhere there are plain lines, now and then, and always the last', async t => {
  const { printer, tick, text } = onPaper(false)
  printer.progress('web to frontend', half)
  tick(4_000)
  printer.progress('web to frontend', { ...half, sent: 12_000_000 })
  tick(1_000)
  printer.progress('web to frontend', { ...half, sent: 14_000_000 })
  printer.progress('web to frontend', { ...half, sent: 20_000_000 })
  t.strictSame(text().split('\n'), [
    'web to frontend 50 %, 10.0 of 20.0 MB, 2.0 MB/s, 5 s left',
    'web to frontend 70 %, 14.0 of 20.0 MB, 2.0 MB/s, 3 s left',
    'web to frontend 100 %, 20.0 of 20.0 MB, 2.0 MB/s, 0 s left',
    ''
  ])
})

t.test('what a server says cannot play with the terminal', async t => {
  const { printer, text } = onPaper(true)
  printer.say('a\x1b[2Jb\nc')
  t.notMatch(text(), '\x1b[2J')
  t.equal(text().split('\n').length, 3)
})
