"The faster drivers on the same random problems, resumed and interrupted in the same way, as the plain one."
from functools import partial
import os, shutil, subprocess, sys

from hypothesis import given, strategies as st
import pytest, torch

from fastbook_sgd import optim
from fastbook_sgd.fast import KERNELS
from conftest import ROOT
from test_optim import OURS, Problem, THEIRS, apart, problems, repeatable, same

ELEMENTWISE = [name for name in OURS if name != 'Muon']

def fitting(problem, driver):
    "The problem in a form that the driver promises to solve to the bit"
    for s in problem.specs:
        if driver != 'foreach' and s['layout'] == 'strided': s['layout'] = 'transposed'          # gaps in memory are refused
        if driver == 'foreach' and s['dtype'] == torch.bfloat16: s['dtype'] = torch.float32      # see test_foreach_in_bfloat16
        if driver == 'fused' and s['dtype'] == torch.bfloat16: s['dtype'] = torch.float32
    if driver != 'foreach' and problem.set_to_none: problem.set_to_none = None                   # gradients go away as in model.zero_grad()
    return Problem(problem.specs, problem.all_groups, problem.seed, problem.changes, problem.closure, problem.set_to_none, problem.swap)

def test_foreach_in_bfloat16():
    "torch's own foreach multiplication rounds the factor to bfloat16, its plain one doesn't: so does the driver"
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0)).bfloat16()
    many = [x.clone()]
    torch._foreach_mul_(many, .9)
    assert not torch.equal(many[0], x.clone().mul_(.9))
    assert torch.equal(many[0], x*torch.tensor(.9, dtype=torch.bfloat16))

@pytest.mark.parametrize('driver', ['foreach', 'flat'])
@pytest.mark.parametrize('name', ELEMENTWISE)
def test_same_bits(name, driver, record):
    "Parameters and state are torch's, also where the state moves into torch's optimizer and back half-way"
    ours = partial(OURS[name], driver=driver)
    @repeatable(60)
    @given(problems(name))
    def check(problem):
        problem = fitting(problem, driver)
        (a, opt), (b, ref) = problem.walk(ours, THEIRS[name]), problem.walk(THEIRS[name], ours)
        record((f'driver {driver}', name), max(map(apart, a, b)))
        assert all(map(same, a, b))
        saved = [o.state_dict()['state'] for o in (opt, ref)]
        for i in range(len(a)):
            kept = [{k: x for k, x in s.get(i, {}).items() if k != 'step' or name != 'SGD'} for s in saved]     # torch.optim.SGD doesn't count
            assert kept[0].keys() == kept[1].keys() and all(same(x, kept[1][k]) for k, x in kept[0].items())
    check()

@pytest.mark.parametrize('name', [name for name in ELEMENTWISE if OURS[name].rule in KERNELS])
def test_fused_is_close(name, record):
    "Within 1e-6 of the largest number of each parameter: a fused kernel rounds at other places"
    ours = partial(OURS[name], driver='fused')
    @repeatable(40)
    @given(problems(name))
    def check(problem):
        problem = fitting(problem, 'fused')
        (a, _), (b, _) = problem.walk(ours, THEIRS[name]), problem.walk(THEIRS[name], ours)
        difference = max(map(apart, a, b))
        record(('driver fused', name), difference)
        assert difference <= 1e-6
    check()

COMPILE = '''
import torch
from functools import partial
import os, shutil, subprocess, sys
from fastbook_sgd import optim
from fastbook_sgd.optim import largest_difference, random_steps
for make in (partial(optim.RMSprop, centered=True), partial(optim.Lion, weight_decay=.1)):
    make = partial(make, lr=.01)
    print(largest_difference(random_steps(partial(make, driver='fused')), random_steps(make)))
'''
def run_compiled(**env): return subprocess.run([sys.executable, '-c', COMPILE], capture_output=True, text=True, cwd=ROOT, env={**os.environ, 'PYTHONPATH': str(ROOT), **env})

@pytest.mark.skipif(not any(map(shutil.which, ('g++', 'c++', 'clang++', 'cl'))), reason='needs a C++ compiler')
def test_compiled_rules():
    "torch has no fused kernel for these: the rule itself is compiled; Lion's sign is the same, RMSProp differs in the last digits"
    done = run_compiled()
    assert done.returncode == 0, done.stderr
    rmsprop, lion = map(float, done.stdout.split())
    assert rmsprop <= 1e-5 and lion <= 1e-6

def test_without_a_compiler(tmp_path):
    done = run_compiled(CXX=str(tmp_path/'none'), TORCHINDUCTOR_CACHE_DIR=str(tmp_path), PATH=os.path.dirname(sys.executable))
    assert done.returncode and "driver 'fused' could not compile rmsprop: it needs a C++ compiler, such as g++; or use driver 'flat'" in done.stderr
