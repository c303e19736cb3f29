// Bundle each playground into one script that needs no other, so that a page opened as a file works too: node build.mjs [folder]
import {copyFileSync, mkdirSync} from 'node:fs'
import {build} from 'esbuild'
import {loader, workerAsText} from './src/edit/bundle.mjs'

const out = process.argv[2] ?? 'dist'
await build({
  entryPoints: ['open', 'descent', 'learning', 'map', 'edit'].map(kind => `src/${kind}.ts`),
  outdir: out,
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'utf8',
  logLevel: 'warning',
  loader,
  plugins: [workerAsText],
})
mkdirSync(out, {recursive: true})
copyFileSync('src/play.css', `${out}/play.css`)
