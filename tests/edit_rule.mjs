// Runs rules on MicroPython as the page does, without its worker: node tests/edit_rule.mjs < {cases, tries}
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { rules } from '../play/src/generated/rules.js'
import { ruleCase } from './parity.mjs'

const play = new URL('../play/', import.meta.url), from = createRequire(new URL('package.json', play)), at = name => pathToFileURL(from.resolve(name)).href
const { build } = await import(at('esbuild'))
const { loadMicroPython } = await import(at('@micropython/micropython-webassembly-pyscript/micropython.mjs'))
const { outputFiles } = await build({ entryPoints: [fileURLToPath(new URL('src/edit/engine.ts', play))], bundle: true, write: false, format: 'esm' })
const { Engine } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`)
const engine = new Engine(await loadMicroPython(), readFileSync(new URL('src/edit/tensor.py', play), 'utf8'), rules.map(rule => rule.python))

let text = ''
for await (const part of process.stdin) text += part
const { cases, tries } = JSON.parse(text)

const differences = cases.map(c => {
  engine.compile(rules.find(rule => rule.name === c.rule).python, c.rule)
  return ruleCase(c, (p, g, s, t, h) => engine.step(p, g, s, t, h))
})

// Each try: a source, its name, and what comes of it: where p = [1, -2] is after a step, or the fault
const found = tries.map(({ source, name }) => {
  try {
    const { state, hypers } = engine.compile(source, name), p = Float64Array.of(1, -2), s = Object.fromEntries(state.map(n => [n, new Float64Array(2)]))
    engine.step(p, p.map(x => 2*x), s, 1, Object.fromEntries(hypers.map(h => [h.name, h.value])))
    return { p: [...p], state, hypers: hypers.map(h => h.name) }
  } catch (error) {
    return { fault: error.fault ?? String(error) }
  }
})
console.log(JSON.stringify({ differences, found }))
