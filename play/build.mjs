// Bundle each playground into one script that needs no other, so that a page opened as a file works too: node build.mjs [folder]
import {copyFileSync, existsSync, mkdirSync} from 'node:fs'
import {build} from 'esbuild'

const out = process.argv[2] ?? 'dist'
const KINDS = ['open', 'descent', 'learning', 'map', 'edit'].filter(kind => existsSync(`src/${kind}.ts`))
await build({
  entryPoints: KINDS.map(kind => `src/${kind}.ts`),
  outdir: out,
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'utf8',
  logLevel: 'warning',
  loader: {'.wasm': 'binary'},
})
mkdirSync(out, {recursive: true})
copyFileSync('src/play.css', `${out}/play.css`)
