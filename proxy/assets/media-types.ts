interface MediaType {
  readonly type: string
  /** Whether compressing it again gains anything: pictures, films and fonts of the web are compressed already. */
  readonly isCompressible: boolean
}

/** As Next.js 16 sends them. */
const texts: Record<string, string> = {
  js: 'application/javascript; charset=UTF-8',
  mjs: 'application/javascript; charset=UTF-8',
  css: 'text/css; charset=UTF-8',
  json: 'application/json; charset=UTF-8',
  map: 'application/json; charset=UTF-8',
  txt: 'text/plain; charset=UTF-8',
  html: 'text/html; charset=UTF-8',
  svg: 'image/svg+xml',
  xml: 'application/xml',
  webmanifest: 'application/manifest+json',
  wasm: 'application/wasm'
}

const others: Record<string, string> = {
  woff2: 'font/woff2',
  woff: 'font/woff',
  ttf: 'font/ttf',
  otf: 'font/otf',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
  ico: 'image/x-icon',
  mp4: 'video/mp4',
  webm: 'video/webm',
  mp3: 'audio/mpeg',
  pdf: 'application/pdf'
}

const known = new Map<string, MediaType>([
  ...Object.entries(texts).map(([extension, type]) => [extension, { type, isCompressible: true }] as const),
  ...Object.entries(others).map(([extension, type]) => [extension, { type, isCompressible: false }] as const)
])
const unknown: MediaType = { type: 'application/octet-stream', isCompressible: false }

/** By the extension of a path. */
export function mediaTypeOf(path: string): MediaType {
  return known.get(path.slice(path.lastIndexOf('.') + 1).toLowerCase()) ?? unknown
}
