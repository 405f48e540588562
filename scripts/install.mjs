// Runs on whatever Node the machine has (20 is enough), before `npm start` and `npm test`: installs what is missing.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const stamp = 'node_modules/.twinedge-installed'
const wanted = createHash('sha256').update(readFileSync('package-lock.json')).update(declared()).digest('hex')
if (read(stamp) !== wanted) install()

function install() {
  if (!isInstalled()) {
    console.log('twinedge: installing packages, once (npm ci, about half a minute)')
    step(['npm', 'ci', '--loglevel=error'], 'read what npm said, mend that')
  }
  const brought = 'node_modules/.bin/node'
  const node = existsSync(brought) ? brought : process.execPath
  if (isTapUnbuilt()) step([node, 'node_modules/.bin/tap', 'build'], 'delete node_modules')
  writeFileSync(stamp, wanted)
}

/** The part of package.json that decides what is installed: a new script is no reason to install again. */
function declared() {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  return JSON.stringify([dependencies, devDependencies, optionalDependencies])
}

/** After an `npm install` by hand: what npm noted of node_modules agrees with the lock file. */
function isInstalled() {
  const noted = read('node_modules/.package-lock.json')
  if (noted === null || !existsSync('node_modules/.bin/tap')) return false
  const installed = JSON.parse(noted).packages
  const locked = Object.entries(JSON.parse(readFileSync('package-lock.json', 'utf8')).packages)
  return locked.every(([path, { version, optional }]) => {
    const found = installed[path]
    return path === '' || (found === undefined ? optional === true : found.version === version)
  })
}

/** .taprc leaves out tap's TypeScript plugin, but the class of tests that tap comes with has it built in. */
function isTapUnbuilt() {
  return read('node_modules/@tapjs/test/test-built/dist/esm/index.js')?.includes('@tapjs/typescript') !== false
}

function step([command, ...args], next) {
  const env = { ...process.env, PATH: outerPath() }
  const { status, signal, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env })
  if (status === 0) return
  const why = error?.code === 'ENOENT' ? 'there is no such command' : (error?.message ?? signal ?? `exit ${status}`)
  console.error(`twinedge: ${[command, ...args].join(' ')} failed: ${why}\nnext: ${next}, then run this again`)
  process.exit(1)
}

/** npm puts node_modules/.bin first, and would run on the Node there, which `npm ci` deletes under its feet. */
function outerPath() {
  const folders = process.env.PATH.split(delimiter)
  return folders.filter(folder => !folder.endsWith('node_modules/.bin')).join(delimiter)
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : null
}
