"""Write play/src/generated/: the rules, surfaces, nets and digits of the module as JavaScript, for the pages of the site that run them.

The rules and the surfaces are recorded by `fastbook_sgd.javascript`. A surface's gradient is its record read backwards, not a tape: it is worked
out once, here, reads like the formula, and costs the page nothing. The nets are matrix products, which no elementwise record holds: loops
below, around the loss and the activation, which are recorded too. `python tools/play_rules.py` writes; a test compares."""
import inspect, json, re
from pathlib import Path

import torch

from fastbook_sgd import adaptive, momentum
from fastbook_sgd.compose import like
from fastbook_sgd.javascript import POWER_JS, formula_to_js, hyper_names, to_js
from fastbook_sgd.linear import linear1, mnist_loss
from fastbook_sgd.surfaces import SURFACES

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT/'play'/'src'/'generated'
HEAD = '// Written by tools/play_rules.py from the notebooks: change those, not this.\n'

RULES = {momentum.sgd: 'SGD', adaptive.adagrad: 'Adagrad', adaptive.rmsprop: 'RMSProp', adaptive.adam: 'Adam', adaptive.adamw: 'AdamW', adaptive.lion: 'Lion'}

# Each hyper-parameter's label, and where its slider begins and ends; with True the slider is logarithmic
SLIDERS = dict(lr=('learning rate', 1e-5, 10, True), momentum=('momentum', 0, .999, False), dampening=('dampening', 0, 1, False),
               weight_decay=('weight decay', 0, 1, False), lr_decay=('decay of the learning rate', 0, 1, False), eps=('eps', 1e-12, 1, True),
               alpha=('alpha', 0, .9999, False), beta1=('beta 1', 0, .9999, False), beta2=('beta 2', 0, .9999, False))
SWITCHES = dict(nesterov='Nesterov', centered='centered', amsgrad='AMSGrad', maximize='maximize')

def climbing(rule):
    "`rule` with the switch `maximize`, which the class of an optimizer adds"
    @like(rule, maximize=False)
    def climb(p, g, maximize, **rest): rule(p, -g if maximize else g, **rest)
    return climb

def hypers_of(rule, code):
    "What the page shows for each hyper-parameter that the JavaScript of a rule takes"
    args, found = inspect.signature(rule).parameters, {}
    for name, names in hyper_names(rule).items():
        default = args[name].default
        found |= dict(zip(names, default)) if isinstance(names, tuple) else {names: default}
    return [hyper(name, value) for name, value in found.items() if re.search(rf'[{{ ]{name}[, ]', code.partition('\n')[0])]

def hyper(name, value):
    "One of them"
    if isinstance(value, bool): return dict(name=name, label=SWITCHES[name], value=value, min=0, max=1, log=False, kind='switch')
    label, least, most, log = SLIDERS[name]
    return dict(name=name, label=label, value=value, min=least, max=most, log=log, kind='number')

def literal(**fields):
    "An object of JavaScript, a field a line; what is a `str` in `step` stays code"
    code = {name: value if name in ('step', 'value', 'grad') else json.dumps(value, ensure_ascii=False) for name, value in fields.items()}
    return '{\n' + ''.join(f'    {name}: {value},\n' for name, value in code.items()) + '  }'

def rules_js():
    "rules.js"
    functions, entries = [], []
    for rule, title in RULES.items():
        climb, name = climbing(rule), rule.__name__
        code = to_js(climb, name)
        args = inspect.signature(rule).parameters
        state = [n for n, a in list(args.items())[2:] if a.default is a.empty and n != 't']
        functions.append(code)
        entries.append(literal(name=name, title=title, python=inspect.getsource(rule), hypers=hypers_of(climb, code), state=state, step=name))
    return HEAD + POWER_JS + '\n' + '\n'.join(functions) + '\nexport const rules = [\n  ' + ',\n  '.join(entries) + ',\n]\n'

def surfaces_js():
    "surfaces.js"
    functions, entries = [], []
    for s in SURFACES:
        name = s.name.lower()
        functions.append(formula_to_js(s.f, name))
        formula = re.search(r'lambda x, y: (.*?),\s*$', inspect.getsource(s.f).splitlines()[0])[1]
        entries.append(literal(name=name, title=s.name[0].upper() + s.name[1:], formula=formula, start=s.start, minimum=s.minima[0], minima=s.minima,
                               x=s.xlim, y=s.ylim, value=name, grad=f'{name}_grad'))
    return HEAD + '\n' + '\n'.join(functions) + '\nexport const surfaces = [\n  ' + ',\n  '.join(entries) + ',\n]\n'

# The nets

def row_loss(score, target): return (score.sigmoid() - target).abs()
def hidden_unit(x): return x.relu()

NET_JS = r'''
// A net's parameters lie one after another in one array, as torch lists them, so that a rule takes all of them in one call:
// the linear layer 784 weights and a bias; the hidden one 30×784 weights and 30 biases, then 30 weights and a bias.
const PIXELS = 784

export const nets = [
  { name: 'linear', title: 'a linear layer', hidden: 0, size: PIXELS + 1 },
  { name: 'hidden', title: '30 hidden units', hidden: 30, size: 30*PIXELS + 30 + 30 + 1 },
]

// Numbers in [0,1) from a seed, the same in every browser and in Python (mulberry32)
export function random(seed) {
  let state = seed | 0
  return () => {
    state = state + 0x6D2B79F5 | 0
    let z = Math.imul(state ^ state >>> 15, 1 | state)
    z = z + Math.imul(z ^ z >>> 7, 61 | z) ^ z
    return ((z ^ z >>> 14) >>> 0)/4294967296
  }
}

// Parameters to start from, drawn as torch.nn.Linear draws them: evenly within ±1/√inputs
export function start(net, seed) {
  const next = random(seed), w = new Float64Array(net.size)
  const inner = net.hidden*(PIXELS + 1)
  for (let k = 0; k < net.size; k++) w[k] = (2*next() - 1)/Math.sqrt(net.hidden && k >= inner ? net.hidden : PIXELS)
  return w
}

// The numbers below n in an order drawn by `next`
export function shuffled(n, next) {
  const order = Int32Array.from({ length: n }, (_, k) => k)
  for (let k = n - 1; k > 0; k--) {
    const other = Math.floor(next()*(k + 1)), kept = order[k]
    order[k] = order[other]
    order[other] = kept
  }
  return order
}

function dot(w, at, x, from) {
  let a = 0, b = 0, c = 0, d = 0
  for (let k = 0; k < PIXELS; k += 4) {
    a += w[at + k]*x[from + k]
    b += w[at + k + 1]*x[from + k + 1]
    c += w[at + k + 2]*x[from + k + 2]
    d += w[at + k + 3]*x[from + k + 3]
  }
  return a + b + (c + d)
}

function addScaled(grad, at, x, from, slope) {
  for (let k = 0; k < PIXELS; k++) grad[at + k] += slope*x[from + k]
}

// The score of picture `row` of `x`; what the hidden units put out is left in `units`
export function score(net, w, x, row, units = new Float64Array(net.hidden)) {
  if (!net.hidden) return dot(w, 0, x, row*PIXELS) + w[PIXELS]
  const biases = net.hidden*PIXELS, outer = biases + net.hidden
  let sum = 0
  for (let u = 0; u < net.hidden; u++) {
    units[u] = hidden_unit(dot(w, u*PIXELS, x, row*PIXELS) + w[biases + u])
    sum += w[outer + u]*units[u]
  }
  return sum + w[outer + net.hidden]
}

// Adds to `grad` what a slope of the loss by one picture's score means for each parameter
function addBackward(net, w, x, row, units, slope, grad) {
  if (!net.hidden) {
    addScaled(grad, 0, x, row*PIXELS, slope)
    grad[PIXELS] += slope
    return
  }
  const biases = net.hidden*PIXELS, outer = biases + net.hidden
  for (let u = 0; u < net.hidden; u++) {
    grad[outer + u] += slope*units[u]
    const below = slope*w[outer + u]*hidden_unit_grad(units[u])[0]
    if (below === 0) continue
    grad[biases + u] += below
    addScaled(grad, u*PIXELS, x, row*PIXELS, below)
  }
  grad[outer + net.hidden] += slope
}

// The mean loss over the pictures `rows`. Its gradient is added to `grad`, as torch does: `grad.fill(0)` is `zero_grad()`.
// With `flat`, the labels are [n] beside scores [n,1]: every score is compared with every label, as torch then does.
export function lossAndGrad(net, w, x, y, rows, grad, flat = false) {
  const units = new Float64Array(net.hidden), n = rows.length
  let threes = 0, sum = 0
  for (const row of rows) threes += y[row]
  for (const row of rows) {
    const s = score(net, w, x, row, units), share = flat ? threes/n : y[row]
    sum += share*row_loss(s, 1) + (1 - share)*row_loss(s, 0)
    const slope = share*row_loss_grad(s, 1)[0] + (1 - share)*row_loss_grad(s, 0)[0]
    addBackward(net, w, x, row, units, slope/n, grad)
  }
  return sum/n
}

// Loss and accuracy over all pictures
export function measure(net, w, x, y) {
  const units = new Float64Array(net.hidden)
  let sum = 0, right = 0
  for (let row = 0; row < y.length; row++) {
    const s = score(net, w, x, row, units)
    sum += row_loss(s, y[row])
    right += (s > 0) === (y[row] === 1) ? 1 : 0
  }
  return { loss: sum/y.length, accuracy: right/y.length }
}
'''

def net_js():
    "net.js"
    return HEAD + '\n' + formula_to_js(row_loss, 'row_loss') + '\n' + formula_to_js(hidden_unit, 'hidden_unit') + NET_JS

DIGITS_JS = r'''
// The greys of a row of 8 upsampled to 28 as torch's `interpolate(mode='bilinear')` does it
const places = Array.from({ length: 28 }, (_, k) => {
  const at = Math.max(Math.fround(Math.fround(8/28)*(k + 0.5) - 0.5), 0), left = Math.floor(at)
  return { left, right: Math.min(left + 1, 7), share: Math.fround(at - left) }
})

function enlarge(first, n) {
  const x = new Float32Array(n*784), grey = k => (pixels.charCodeAt(k) - 97)/16, mix = (a, b, share) => Math.fround(a*(1 - share) + b*share)
  for (let row = 0; row < n; row++) {
    const from = (first + row)*64
    for (let r = 0; r < 28; r++) {
      for (let c = 0; c < 28; c++) {
        const { left, right, share } = places[c], line = k => mix(grey(from + 8*k + left), grey(from + 8*k + right), share)
        x[row*784 + r*28 + c] = mix(line(places[r].left), line(places[r].right), places[r].share)
      }
    }
  }
  return x
}

function part([first, threes, sevens]) {
  const y = new Uint8Array(threes + sevens).fill(1, 0, threes)
  return { n: y.length, x: enlarge(first, y.length), y }
}

// The digits of `load_embedded()`: pictures `x`, 784 numbers in [0,1] each; labels `y`, 1 = three; the threes first, as on disk
export function loadDigits() {
  return { train: part(parts.train), valid: part(parts.valid) }
}
'''

def digits_js():
    "digits.js: scikit-learn's 8×8 pictures with their 17 greys, a letter for each"
    from sklearn.datasets import load_digits
    from fastbook_sgd.data import load_embedded
    digits, embedded = load_digits(), load_embedded()
    heaps = {digit: digits.images[digits.target == digit] for digit in (3, 7)}
    valid = {digit: [k % 5 == 4 for k in range(len(heap))] for digit, heap in heaps.items()}
    chosen = [[image for digit in (3, 7) for image, v in zip(heaps[digit], valid[digit]) if v is wanted] for wanted in (False, True)]
    assert [*map(len, chosen)] == [len(embedded.train_x), len(embedded.valid_x)]
    letters = ''.join(chr(97 + int(grey)) for part in chosen for image in part for grey in image.flatten())
    threes = [int(embedded.train_y.sum()), int(embedded.valid_y.sum())]
    parts = dict(train=[0, threes[0], len(chosen[0]) - threes[0]], valid=[len(chosen[0]), threes[1], len(chosen[1]) - threes[1]])
    return HEAD + f'const parts = {json.dumps(parts)}\nconst pixels =\n  "' + '" +\n  "'.join(letters[k:k+1024] for k in range(0, len(letters), 1024)) + '"\n' + DIGITS_JS

TYPES = dict(rules='''export interface Hyper {
  name: string
  label: string
  value: number | boolean
  min: number
  max: number
  log: boolean
  kind: 'number' | 'switch'
}

export interface Rule {
  name: string
  title: string
  python: string
  hypers: Hyper[]
  state: string[]
  step(p: Float64Array, g: Float64Array, s: Record<string, Float64Array>, t: number, h: Record<string, number | boolean>): void
}

export const rules: Rule[]
''', surfaces='''export interface Surface {
  name: string
  title: string
  formula: string
  start: [number, number]
  minimum?: [number, number]
  minima: [number, number][]
  x: [number, number]
  y: [number, number]
  value(x: number, y: number): number
  grad(x: number, y: number): [number, number]
}

export const surfaces: Surface[]
''', net='''export interface Net {
  name: string
  title: string
  hidden: number
  size: number
}

type Pictures = Float32Array | Float64Array

export const nets: Net[]
export function random(seed: number): () => number
export function start(net: Net, seed: number): Float64Array
export function shuffled(n: number, next: () => number): Int32Array
export function score(net: Net, w: Float64Array, x: Pictures, row: number, units?: Float64Array): number
export function lossAndGrad(net: Net, w: Float64Array, x: Pictures, y: Uint8Array, rows: ArrayLike<number> & Iterable<number>,
  grad: Float64Array, flat?: boolean): number
export function measure(net: Net, w: Float64Array, x: Pictures, y: Uint8Array): { loss: number; accuracy: number }
''', digits='''export interface Digits {
  n: number
  x: Float32Array
  y: Uint8Array
}

export function loadDigits(): { train: Digits; valid: Digits }
''')

def files():
    "Dict: each file's name to its text"
    code = {'rules.js': rules_js(), 'surfaces.js': surfaces_js(), 'net.js': net_js(), 'digits.js': digits_js()}
    return code | {f'{name}.d.ts': HEAD + text for name, text in TYPES.items()}

def main():
    "Write them"
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in files().items(): (FOLDER/name).write_text(text, encoding='utf-8', newline='\n')

if __name__ == '__main__': main()
