"""Write play/src/generated/: the rules, surfaces, loss and digits of the module as JavaScript, for the pages of the site that run them.

The rules and the surfaces are recorded by `fastbook_sgd.javascript`. A surface's gradient is its record read backwards, not a tape: it is worked
out once, here, reads like the formula, and costs the page nothing. The nets are matrix products, which no elementwise record holds:
play/src/net.js has the loops, around the loss and the activation, which are recorded too. `python tools/play_rules.py` writes; a test compares."""
import inspect, json, re
from pathlib import Path

from fastbook_sgd import adaptive, momentum
from fastbook_sgd.compose import like
from fastbook_sgd.javascript import POWER_JS, formula_to_js, hyper_names, to_js
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

def exported(code):
    "The same functions, for other files to import"
    return code.replace('function ', 'export function ')

def loss_js():
    "loss.js: what stands around the matrix products of play/src/net.js"
    return HEAD + '\n' + exported(formula_to_js(row_loss, 'row_loss')) + '\n' + exported(formula_to_js(hidden_unit, 'hidden_unit'))

def pixels_js():
    "pixels.js: scikit-learn's 8×8 pictures with their 17 greys, a letter for each"
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
    return HEAD + f'export const parts = {json.dumps(parts)}\nexport const pixels =\n  "' + '" +\n  "'.join(letters[k:k+1024] for k in range(0, len(letters), 1024)) + '"\n'

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
''')

def files():
    "Dict: each file's name to its text"
    code = {'rules.js': rules_js(), 'surfaces.js': surfaces_js(), 'loss.js': loss_js(), 'pixels.js': pixels_js()}
    return code | {f'{name}.d.ts': HEAD + text for name, text in TYPES.items()}

def main():
    "Write them"
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in files().items(): (FOLDER/name).write_text(text, encoding='utf-8', newline='\n')

if __name__ == '__main__': main()
