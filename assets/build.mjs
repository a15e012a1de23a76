// Makes ponytracker/static/ of what lies in this folder: one style sheet, one script, one sprite of
// icons and the favicon, each under a name that carries the hash of its content, and manifest.json,
// in which Pyramid's ManifestCacheBuster looks up which name that is today.

import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import esbuild from 'esbuild'
import * as sass from 'sass'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = name => join(root, 'assets', name)
const output = join(root, 'ponytracker', 'static')
const browsers = ['chrome109', 'firefox115', 'safari16']

async function style() {
  // Not compileAsync, which takes twice as long.
  const { css } = sass.compile(source('ponytracker.scss'), {
    loadPaths: [join(root, 'node_modules')],
    // Bootstrap 5.3 is written in a Sass of before modules; that is not ours to change.
    quietDeps: true,
    silenceDeprecations: ['import'],
  })
  return (await esbuild.transform(css, { loader: 'css', minify: true, target: browsers })).code
}

async function script() {
  const { outputFiles } = await esbuild.build({
    entryPoints: [source('ponytracker.js')],
    bundle: true,
    format: 'esm',
    legalComments: 'none',
    minify: true,
    target: browsers,
    write: false,
  })
  return outputFiles[0].text
}

// Each icon is a <symbol>, shown by <svg class="octicon"><use href="…/icons.svg#NAME"/></svg>.
async function icons() {
  const names = JSON.parse(await readFile(source('icons.json'), 'utf8'))
  const octicons = createRequire(import.meta.url)('@primer/octicons/build/data.json')
  const symbols = names.map(name => {
    const { width, path } = octicons[name].heights['16']
    return `<symbol id="${name}" viewBox="0 0 ${width} 16">${path}</symbol>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join('')}</svg>\n`
}

// A page sees the new name only when everything is written, and no name that the manifest of the
// moment holds is ever absent or half there: so the order of these steps matters.
async function publish(files) {
  const manifest = {}
  await mkdir(output, { recursive: true })
  for (const [name, content] of Object.entries(files)) {
    const extension = extname(name)
    const hash = createHash('sha256').update(content).digest('hex').slice(0, 12)
    manifest[name] = `${name.slice(0, -extension.length)}-${hash}${extension}`
    await write(manifest[name], content)
  }
  await write('manifest.json', JSON.stringify(manifest, null, 2) + '\n')

  const current = new Set(['manifest.json', ...Object.values(manifest)])
  for (const name of await readdir(output)) {
    if (!current.has(name)) await rm(join(output, name), { recursive: true })
  }
}

async function write(name, content) {
  const unfinished = join(output, `${name}.unfinished`)
  await writeFile(unfinished, content)
  await rename(unfinished, join(output, name))
}

const [css, js, sprite, favicon] = await Promise.all([
  style(), script(), icons(), readFile(source('favicon.svg'), 'utf8'),
])
await publish({
  'ponytracker.css': css,
  'ponytracker.js': js,
  'icons.svg': sprite,
  'favicon.svg': favicon,
})
