// For build.mjs: the options with which esbuild bundles what imports './edit/python'. `worker.ts?text` is the worker, bundled, as a text,
// since a page opened as a file can start no worker from another file. MicroPython's script asks for node where there is a `process`.
import {dirname, resolve} from 'node:path'
import {build} from 'esbuild'

export const loader = {'.wasm': 'binary', '.py': 'text'}

const worker = {
  bundle: true,
  write: false,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'utf8',
  loader,
  logLevel: 'warning',
  define: {process: 'undefined', 'globalThis.process': 'undefined'},
  external: ['module', 'path', 'url', 'fs'],
}

export const workerAsText = {
  name: 'worker-as-text',
  setup(plugins) {
    plugins.onResolve({filter: /\?text$/}, ({path, importer}) => ({
      path: resolve(dirname(importer), path.slice(0, -'?text'.length)),
      namespace: 'worker',
    }))
    plugins.onLoad({filter: /./, namespace: 'worker'}, async ({path}) => {
      const {outputFiles} = await build({...worker, entryPoints: [path]})
      return {contents: outputFiles[0].text, loader: 'text', watchFiles: [path]}
    })
  },
}
