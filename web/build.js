// SPDX-License-Identifier: MIT
//
// Builds the bundle of the page: tools/page/bundle/page.js, page.css and policy.txt, which the
// command embeds. What is inside brings its licence along, at the head of page.js.
//
//   node build.js           writes them
//   node build.js --check   writes nothing; fails if they are not what would be written

import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const folder = here('../tools/page/bundle/')
const read = (path) => readFileSync(here(path), 'utf8').trim()

const version = JSON.parse(read('node_modules/uplot/package.json')).version
const licence = read('node_modules/uplot/LICENSE').replaceAll('*/', '* /')
const banner = `/*! SPDX-License-Identifier: MIT
 * The page of \`cairn report\`, built by scripts/web.sh from web/. It contains uPlot ${version}:
 *
${licence.split('\n').map((line) => ` * ${line}`.trimEnd()).join('\n')}
 */`

const result = await build({
  entryPoints: { page: here('src/main.js') },
  outdir: folder,
  bundle: true,
  write: false,
  minify: true,
  format: 'iife',
  target: ['chrome94', 'firefox93', 'safari15'],
  charset: 'utf8',
  legalComments: 'none',
  banner: { js: banner, css: '/*! SPDX-License-Identifier: MIT; uPlot: see page.js */' },
})

const files = new Map()
for (const file of result.outputFiles) {
  const name = file.path.slice(file.path.lastIndexOf('/') + 1)
  // Inside <script> and <style> nothing may look like their end.
  files.set(name, file.text.replace(/<(\/(?:script|style)|!--)/gi, '\\x3c$1'))
}
const digest = createHash('sha256').update(files.get('page.js')).digest('base64')
files.set('policy.txt',
  `default-src 'none'; script-src 'sha256-${digest}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'`)

let stale = 0
mkdirSync(folder, { recursive: true })
for (const [name, text] of files) {
  if (!process.argv.includes('--check')) {
    writeFileSync(folder + name, text)
    console.log(`${name} ${Buffer.byteLength(text)} bytes`)
    continue
  }
  let present = ''
  try {
    present = readFileSync(folder + name, 'utf8')
  } catch { /* it is missing: not the same */ }
  if (present !== text) {
    console.log(`tools/page/bundle/${name} is not what web/ gives: run scripts/web.sh`)
    stale = 1
  }
}
process.exit(stale)
