"The JavaScript of the page against the module, in node: every rule with every switch, the surfaces, the nets; and that it is in step with the notebooks."
from fractions import Fraction
import gzip, inspect, json, re, shutil, subprocess

import pytest, torch

from conftest import ROOT
from fastbook_sgd import optim
from fastbook_sgd.compose import cautious, clipped, decayed, lookahead
from fastbook_sgd.javascript import FORMULAS, POWER_JS, hyper_names, to_js, ways
import play_cases, play_rules

needs_node = pytest.mark.skipif(not shutil.which('node'), reason='node is not installed')

def in_node(folder, cases):
    "What tests/parity.mjs finds on the JavaScript in `folder`"
    done = subprocess.run(['node', 'tests/parity.mjs'], cwd=folder, input=json.dumps(cases), capture_output=True, text=True, timeout=300)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)

@pytest.fixture(scope='module')
def cases(): return play_cases.cases()

@pytest.fixture(scope='module')
def found(cases): return in_node(ROOT, cases)

def test_the_files_are_in_step_with_the_notebooks():
    written = play_rules.files()
    assert {name: (play_rules.FOLDER/name).read_text(encoding='utf-8') for name in written} == written, 'run `python tools/play_rules.py`'
    assert {p.name for p in play_rules.FOLDER.iterdir()} == {*written}

def test_they_are_small():
    sizes = {p.name: len(gzip.compress(p.read_bytes(), 9)) for p in play_rules.FOLDER.glob('*.js')}
    assert sum(sizes.values()) < 20_000 and sizes['rules.js'] < 4_000, sizes

@needs_node
def test_every_rule_and_switch_as_in_python(cases, found):
    worst = {}
    for case, difference in zip(cases['rules'], found['rules']): worst[case['rule']] = max(worst.get(case['rule'], 0), difference)
    print(worst)
    assert worst.keys() == play_cases.CLASSES.keys() and max(worst.values()) < 1e-12

def test_the_cases_have_each_switch_both_ways(cases):
    for rule, title in play_rules.RULES.items():
        hypers = [c['hypers'] for c in cases['rules'] if c['rule'] == rule.__name__]
        code = to_js(play_rules.climbing(rule), rule.__name__)
        for name in re.findall(r'if \(!?(\w+)\)', code): assert {bool(h[name]) for h in hypers} == {True, False}, name
        assert {h['name'] for h in play_rules.hypers_of(play_rules.climbing(rule), code)} == {*hypers[0]}

@needs_node
@pytest.mark.parametrize('rule', play_cases.CLASSES)
def test_a_wrong_sign_is_noticed(rule, cases, tmp_path):
    play_cases.copy_code(tmp_path)
    path = tmp_path/'play'/'src'/'generated'/'rules.js'
    before, name, code = path.read_text().partition(f'function {rule}(')
    assert '- lr' in code
    path.write_text(before + name + code.replace('- lr', '+ lr', 1))
    mine = [c for c in cases['rules'] if c['rule'] == rule]
    assert max(in_node(tmp_path, dict(rules=mine, surfaces=[], trainings=[]))['rules']) > 1e-3

@needs_node
def test_heights_and_slopes_as_by_autograd(cases, found):
    assert [c['surface'] for c in cases['surfaces']] == [s.name.lower() for s in play_cases.SURFACES] and all(len(c['points']) == 100 for c in cases['surfaces'])
    assert max(found['surfaces']) < 1e-13

@needs_node
def test_ten_epochs_on_the_digits_as_in_python(cases, found):
    for case, ours in zip(cases['trainings'], found['trainings']): assert len(case['curve']) == 11 and ours['difference'] < 1e-6, case

def test_the_trainings_show_what_they_should(cases):
    ends = {(c['net'], c['rule'], c['hypers']['lr'], c['sort'], c['keep_grad'], c['flat'], c['hypers']['maximize']): c['curve'][-1][1] for c in cases['trainings']}
    assert ends['linear', 'sgd', 1, False, False, False, False] > .95 and ends['hidden', 'adam', .01, False, False, False, False] > .95
    assert ends['linear', 'sgd', 1, True, False, False, False] < .6 and ends['linear', 'sgd', 1, False, False, True, False] < .6
    assert ends['linear', 'sgd', 1, False, False, False, True] < .1

@needs_node
def test_an_epoch_is_fast(cases, found):
    assert min(t['ms'] for c, t in zip(cases['trainings'], found['trainings']) if c['net'] == 'linear') < 50

@needs_node
def test_power_is_rounded_right():
    "Against fractions, for what the shares of a rule may be; `Math.pow` of node itself is off by a bit for a tenth of them"
    bases, range_of_t = [.9, .99, .999, .9999, .5, .3, 0., 1., -.9], range(400)
    code = f'{POWER_JS}const row = f => {json.dumps(bases)}.map(b => Array.from({{length: 400}}, (_, t) => f(b, t))); console.log(JSON.stringify([row(power), row(Math.pow)]))'
    ours, nodes = json.loads(subprocess.run(['node', '-e', code], capture_output=True, text=True, check=True).stdout)
    right = [[float(Fraction(b)**t) for t in range_of_t] for b in bases]
    assert ours == right != nodes
    assert sum(x != b**t for b, row in zip(bases, right) for t, x in zip(range_of_t, row)) < 5   # the C library, which Python asks

# Rules of others

METHODS = dict(rsqrt='p.add_(g.abs().add(1).rsqrt(), alpha=-lr)', reciprocal='p.sub_(g.square().add(1).reciprocal(), alpha=lr)', log='p.sub_(g.abs().add(1).log(), alpha=lr)',
               exp='p.sub_(g.neg().exp(), alpha=lr)', tanh='p.sub_(lr*torch.tanh(g))', sigmoid='p.sub_(g.sigmoid(), alpha=lr)', relu='p.sub_(torch.relu(g), alpha=lr)',
               where='p.sub_(torch.where(g > 0, g, -2*g), alpha=lr)', maximum='p.sub_(torch.maximum(g, p)*lr)', minimum='p.sub_(g.minimum(p), alpha=lr)',
               clamp='p.sub_(g.clamp(-.5, .5), alpha=lr)', power='p.sub_(g**2 + g.pow(3), alpha=lr)', rest='p.sub_(g, alpha=lr if lr <= 1 else 1/lr)',
               mixed='p.copy_(p.lerp(g, lr)).addcdiv_(g, p.square() + 1, value=-lr)', twice='q = p.mul(1); p.sub_(g, alpha=lr); p.add_(q.sub_(p), alpha=.5)',
               clone='q = p.clone(); p.zero_(); p.add_(-(q - lr*g))', clamps='p.sub_(g.clamp_min(-.5).clamp_max(.5), alpha=lr)',
               compared='w = torch.where; p.sub_((w(g < 1, g, p) + w(g <= 1, g, -p) + w(g >= -1, p, g) + w(g == p, g, 2*p) + w(g != 1, p, g))*lr)', out='q = g/2; r = q; r += p; p -= lr*q')

def ends_in_node(rule, remembers, steps=30, **hypers):
    "Where the rule goes from [1, -2, .5], the gradient half of `p` and a bit more at each step"
    code = f"""{POWER_JS}{to_js(rule, 'step')}const p = [1, -2, 0.5], s = {{}}
    for (const n of {json.dumps(remembers)}) s[n] = [0, 0, 0]
    for (let t = 1; t <= {steps}; t++) step(p, p.map(x => x/2 + t/64), s, t, {json.dumps(hypers)})
    console.log(JSON.stringify(p))"""
    return json.loads(subprocess.run(['node', '-e', code], capture_output=True, text=True, check=True).stdout)

def ends_in_torch(rule, remembers, steps=30, **hypers):
    "The same in Python"
    p, s = torch.tensor([1, -2, .5], dtype=torch.float64), {n: torch.zeros(3, dtype=torch.float64) for n in remembers}
    for t in range(1, steps + 1): rule(p, p/2 + t/64, **s, **hypers, **({'t': t} if 't' in rule_args(rule) else {}))
    return p.tolist()

def rule_args(rule): return inspect.signature(rule).parameters

def every_way(rule):
    "The records of a rule"
    names = hyper_names(rule)
    tensors = ['p', 'g', *[n for n in [*rule_args(rule)][2:] if n not in names and n != 't']]
    return ways(rule, 'rule', tensors, names | {n: n for n in ('t',) if n in rule_args(rule)})

@needs_node
@pytest.mark.parametrize('name', METHODS)
def test_what_a_method_means(name):
    space = {'torch': torch}
    exec(f'def rule(p, g, lr=.01):\n    {METHODS[name]}', space)
    assert ends_in_node(space['rule'], [], lr=.01) == pytest.approx(ends_in_torch(space['rule'], [], lr=.01), rel=1e-13)

@needs_node
def test_rules_that_take_rules():
    rule = lookahead(cautious(decayed(clipped(optim.adam))))
    flat = dict(lr=.1, eps=1e-8, weight_decay=.01, amsgrad=True, clip=.5, every=4, share=.25)
    ours = ends_in_node(rule, ['m', 'v', 'v_max', 'slow'], beta1=.9, beta2=.99, **flat)
    assert ours == pytest.approx(ends_in_torch(rule, ['m', 'v', 'v_max', 'slow'], betas=(.9, .99), **flat), rel=1e-13)

def test_every_formula_is_tried():
    rules = [rule for rule in play_rules.RULES] + [lookahead(cautious(decayed(clipped(optim.sgd))))]
    for line in METHODS.values():
        space = {'torch': torch}
        exec(f'def rule(p, g, lr=.01):\n    {line}', space)
        rules.append(space['rule'])
    tried = {step.meta['name'] for rule in rules for way in every_way(rule) for step in way.steps if not isinstance(step, tuple)}
    assert FORMULAS.keys() <= tried, FORMULAS.keys() - tried

# The reader changes a rule: MicroPython

PACKAGES = ROOT/'play'/'node_modules'
needs_packages = pytest.mark.skipif(not shutil.which('node') or not all((PACKAGES/n).is_dir() for n in ('esbuild', '@micropython')), reason='run `npm ci` in play/')

def edited(cases, tries):
    "What tests/edit_rule.mjs finds"
    done = subprocess.run(['node', 'tests/edit_rule.mjs'], cwd=ROOT, input=json.dumps(dict(cases=cases, tries=tries)), capture_output=True, text=True, timeout=300)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)

@needs_packages
def test_the_unchanged_source_of_every_rule_on_micropython(cases):
    "With as many switches on as go together"
    of = lambda rule: [c for c in cases['rules'] if c['rule'] == rule]
    most = [max(of(rule), key=lambda c: sum(map(bool, c['hypers'].values()))) for rule in play_cases.CLASSES]
    differences = edited(most, [])['differences']
    print(dict(zip(play_cases.CLASSES, differences)))
    assert len(differences) == 6 and max(differences) < 1e-12

TRIES = {   # the reader's source, and the line and words of the fault, or where [1, -2] goes
    'def mine(p, g, lr=.1):\n    p.sub_(g, alpha=lr)\n': [.8, -1.6],
    'import torch\n\ndef mine(\n    p, # here, too\n    g,\n    m,\n    lr=.5, # a comma, in a comment\n    betas=(.9, .5),\n):\n    m += betas[1]*g\n    p -= lr*torch.sign(m)\n': [.5, -1.5],
    'def mine(p, g, lr=.1):\n    p.sub_(q, alpha=lr)\n': (2, "name 'q' isn't defined"),
    'def mine(p, g, lr=.1):\n    x = 1\n    p.sub_(g alpha=lr)\n': (3, 'SyntaxError'),
    'def mine(p, g, lr=.1):\n    def half(x):\n        return x.halved()\n    p.sub_(half(g))\n': (3, 'a tensor in this page has no `halved`'),
    'def mine(p, g, lr=.1):\n    if g > 0: p.sub_(g)\n': (2, "an `if` can't ask about a tensor"),
    'def mine(p, g, lr=.1):\n    mine(p, g, lr)\n': (2, 'recursion'),
    'def mine(p, g, lr=.1):\n    p.sub_(torch.randn_like(g))\n': (2, 'torch in this page has no `randn_like`'),
    'def other(p, g, lr=.1):\n    p.sub_(g)\n': (1, 'there is no function `mine`'),
}

@needs_packages
def test_a_fault_names_the_readers_line():
    found = edited([], [dict(source=source, name='mine') for source in TRIES])['found']
    for (source, told), got in zip(TRIES.items(), found):
        if isinstance(told, list): assert got.get('p') == pytest.approx(told), (source, got)
        else: assert got['fault']['line'] == told[0] and told[1] in got['fault']['message'], (source, got)
    assert found[1]['state'] == ['m'] and found[1]['hypers'] == ['lr', 'beta1', 'beta2']
