// Runs the cases of tools/play_cases.py on the JavaScript of the page: `parity(cases)` gives for each the largest difference from Python,
// relative to Python's largest number. In node: `node tests/parity.mjs < cases.json`. In a browser: bundled, then `parity(cases)`.
import { rules } from '../play/src/generated/rules.js'
import { surfaces } from '../play/src/generated/surfaces.js'
import { lossAndGrad, measure, nets, random, shuffled, start } from '../play/src/net.js'
import { loadDigits } from '../play/src/digits.js'

const named = (list, name) => list.find(x => x.name === name)
const largest = numbers => numbers.reduce((most, x) => Math.abs(x) > most || Number.isNaN(x) ? Math.abs(x) : most, 0)

function difference(ours, pythons) {
  if (ours.length !== pythons.length) return Infinity
  const most = largest(ours.map((x, k) => x - pythons[k]))
  return Number.isNaN(most) ? Infinity : most/(largest(pythons) || 1)
}

export function ruleCase({ rule: name, hypers, seed, size, steps, seen, state }, step = named(rules, name).step) {
  const rule = named(rules, name), draw = random(seed), p = Float64Array.from({ length: size }, () => 4*draw() - 2), found = []
  const s = Object.fromEntries(rule.state.map(n => [n, new Float64Array(size)]))
  for (let t = 1; t <= steps; t++) {
    step(p, p.map(x => 0.5*x + (2*draw() - 1)), s, t, hypers)
    if (seen[t]) found.push(difference([...p], seen[t]))
  }
  return Math.max(...found, ...Object.entries(state).map(([n, x]) => difference([...s[n]], x)))
}

export function surfaceCase({ surface: name, points, values, grads }) {
  const surface = named(surfaces, name)
  const slopes = points.flatMap(([x, y]) => surface.grad(x, y))
  return Math.max(difference(points.map(([x, y]) => surface.value(x, y)), values), difference(slopes, grads.flat()))
}

export function trainingCase({ net: name, rule: ruleName, hypers, sort, keep_grad, flat, seed, bs, epochs, curve }) {
  const net = named(nets, name), rule = named(rules, ruleName), { train, valid } = loadDigits(), w = start(net, seed), next = random(seed + 1)
  const grad = new Float64Array(net.size), s = Object.fromEntries(rule.state.map(n => [n, new Float64Array(net.size)]))
  const now = () => { const { loss, accuracy } = measure(net, w, valid.x, valid.y); return [loss, accuracy] }
  const ours = [now()]
  let t = 0
  const began = performance.now()
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = sort ? Int32Array.from({ length: train.n }, (_, k) => k) : shuffled(train.n, next)
    for (let k = 0; k < train.n; k += bs) {
      lossAndGrad(net, w, train.x, train.y, order.subarray(k, k + bs), grad, flat)
      rule.step(w, grad, s, ++t, hypers)
      if (!keep_grad) grad.fill(0)
    }
    ours.push(now())
  }
  return { difference: largest(ours.flat().map((x, k) => x - curve.flat()[k])), ms: (performance.now() - began)/epochs }
}

export const parity = ({ rules: r, surfaces: s, trainings: t }) =>
  ({ rules: r.map(c => ruleCase(c)), surfaces: s.map(c => surfaceCase(c)), trainings: t.map(c => trainingCase(c)) })

async function answer() {
  let text = ''
  for await (const part of process.stdin) text += part
  console.log(JSON.stringify(parity(JSON.parse(text))))
}

if (globalThis.process?.argv?.[1]?.endsWith('parity.mjs')) answer()
else globalThis.parity = parity
