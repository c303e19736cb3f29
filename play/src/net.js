// The nets of the lessons, their loss and its gradient. torch's matrix products are loops here; the loss of a row and the hidden unit
// are recorded from Python, as the rules are: generated/loss.js.
import {hidden_unit, hidden_unit_grad, row_loss, row_loss_grad} from './generated/loss.js'

// A net's parameters lie one after another in one array, as torch lists them, so that a rule takes all of them in one call:
// the linear layer 784 weights and a bias; the hidden one 30×784 weights and 30 biases, then 30 weights and a bias.
const PIXELS = 784

export const nets = [
  {name: 'linear', title: 'a linear layer', hidden: 0, size: PIXELS + 1},
  {name: 'hidden', title: '30 hidden units', hidden: 30, size: 30 * PIXELS + 30 + 30 + 1},
]

// Numbers in [0,1) from a seed, the same in every browser and in Python (mulberry32)
export function random(seed) {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let z = Math.imul(state ^ (state >>> 15), 1 | state)
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296
  }
}

// Parameters to start from, drawn as torch.nn.Linear draws them: evenly within ±1/√inputs
export function start(net, seed) {
  const next = random(seed),
    w = new Float64Array(net.size)
  const inner = net.hidden * (PIXELS + 1)
  for (let k = 0; k < net.size; k++)
    w[k] = (2 * next() - 1) / Math.sqrt(net.hidden && k >= inner ? net.hidden : PIXELS)
  return w
}

// The numbers below n in an order drawn by `next`
export function shuffled(n, next) {
  const order = Int32Array.from({length: n}, (_, k) => k)
  for (let k = n - 1; k > 0; k--) {
    const other = Math.floor(next() * (k + 1)),
      kept = order[k]
    order[k] = order[other]
    order[other] = kept
  }
  return order
}

function dot(w, at, x, from) {
  let a = 0,
    b = 0,
    c = 0,
    d = 0
  for (let k = 0; k < PIXELS; k += 4) {
    a += w[at + k] * x[from + k]
    b += w[at + k + 1] * x[from + k + 1]
    c += w[at + k + 2] * x[from + k + 2]
    d += w[at + k + 3] * x[from + k + 3]
  }
  return a + b + (c + d)
}

function addScaled(grad, at, x, from, slope) {
  for (let k = 0; k < PIXELS; k++) grad[at + k] += slope * x[from + k]
}

// The score of picture `row` of `x`; what the hidden units put out is left in `units`
export function score(net, w, x, row, units = new Float64Array(net.hidden)) {
  if (!net.hidden) return dot(w, 0, x, row * PIXELS) + w[PIXELS]
  const biases = net.hidden * PIXELS,
    outer = biases + net.hidden
  let sum = 0
  for (let u = 0; u < net.hidden; u++) {
    units[u] = hidden_unit(dot(w, u * PIXELS, x, row * PIXELS) + w[biases + u])
    sum += w[outer + u] * units[u]
  }
  return sum + w[outer + net.hidden]
}

// Adds to `grad` what a slope of the loss by one picture's score means for each parameter
function addBackward(net, w, x, row, units, slope, grad) {
  if (!net.hidden) {
    addScaled(grad, 0, x, row * PIXELS, slope)
    grad[PIXELS] += slope
    return
  }
  const biases = net.hidden * PIXELS,
    outer = biases + net.hidden
  for (let u = 0; u < net.hidden; u++) {
    grad[outer + u] += slope * units[u]
    const below = slope * w[outer + u] * hidden_unit_grad(units[u])[0]
    if (below === 0) continue
    grad[biases + u] += below
    addScaled(grad, u * PIXELS, x, row * PIXELS, below)
  }
  grad[outer + net.hidden] += slope
}

// The mean loss over the pictures `rows`. Its gradient is added to `grad`, as torch does: `grad.fill(0)` is `zero_grad()`.
// With `flat`, the labels are [n] beside scores [n,1]: every score is compared with every label, as torch then does.
export function lossAndGrad(net, w, x, y, rows, grad, flat = false) {
  const units = new Float64Array(net.hidden),
    n = rows.length
  let threes = 0,
    sum = 0
  for (const row of rows) threes += y[row]
  for (const row of rows) {
    const s = score(net, w, x, row, units),
      share = flat ? threes / n : y[row]
    sum += share * row_loss(s, 1) + (1 - share) * row_loss(s, 0)
    const slope = share * row_loss_grad(s, 1)[0] + (1 - share) * row_loss_grad(s, 0)[0]
    addBackward(net, w, x, row, units, slope / n, grad)
  }
  return sum / n
}

// Loss and accuracy over all pictures
export function measure(net, w, x, y) {
  const units = new Float64Array(net.hidden)
  let sum = 0,
    right = 0
  for (let row = 0; row < y.length; row++) {
    const s = score(net, w, x, row, units)
    sum += row_loss(s, y[row])
    right += s > 0 === (y[row] === 1) ? 1 : 0
  }
  return {loss: sum / y.length, accuracy: right / y.length}
}
