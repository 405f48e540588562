import { meant, shown } from '../faults.ts'
import type { Check } from './check.ts'

export const tls: Check = function* (settings) {
  const mode = settings.get('tls.mode')
  const pairs = settings.keys('tls.certificates')
  const hasPairs = settings.has('tls.certificates')
  if (mode !== undefined && mode !== 'files' && hasPairs)
    yield { path: 'tls.certificates', found: `certificates with tls.mode ${mode}`, expected: 'tls.mode: files' }
  if (mode === 'files' && settings.isEmpty('tls.certificates'))
    yield {
      path: 'tls.certificates',
      found: 'none',
      expected: 'at least one, such as { cert: fullchain.pem, key: privkey.pem }'
    }
  const served = settings.get('domains')
  for (const pair of pairs) {
    for (const [index, name] of (settings.get('tls.certificates[].domains', pair) ?? []).entries()) {
      if (served === undefined || served.includes(name)) continue
      yield {
        path: `tls.certificates[${pair}].domains[${index}]`,
        found: shown(name),
        expected: 'one of domains',
        ...meant(name, served)
      }
    }
  }
}

const ofAcme = ['email', 'directory', 'directory-ca', 'profile', 'grouping', 'key-type', 'challenges', 'eab']

export const acme: Check = function* (settings) {
  const mode = settings.get('tls.mode')
  if (mode === undefined) return
  const written = ofAcme.map(key => `tls.${key}`).filter(path => settings.has(path))
  if (mode !== 'acme') {
    for (const path of written) yield { path, found: `it with tls.mode ${mode}`, expected: 'tls.mode: acme' }
    return
  }
  const challenges = settings.get('tls.challenges')
  if (challenges?.length === 0)
    yield { path: 'tls.challenges', found: 'none', expected: 'http-01, tls-alpn-01 or both' }
  if (challenges?.includes('http-01') && settings.get('listen.http')?.length === 0) {
    yield {
      path: 'tls.challenges',
      found: 'http-01 without a port for it',
      expected: 'listen.http: 80, or tls-alpn-01 alone'
    }
  }
}
