"The faster drivers on the same random problems, resumed and interrupted in the same way, as the plain one."
from functools import partial
import os, subprocess, sys

from hypothesis import given, strategies as st
import pytest, torch

from fastbook_sgd import optim
from fastbook_sgd.drivers import KERNELS
from fastbook_sgd.base import Optimizer
from conftest import COMPILER, ROOT
from test_optim import OURS, Problem, THEIRS, apart, problems, repeatable, same

ELEMENTWISE = [name for name in OURS if name != 'Muon']

def test_foreach_in_bfloat16():
    "torch's own foreach multiplication rounds the factor to bfloat16, its plain one doesn't: so half precision goes one by one"
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
        (a, opt), (b, ref) = problem.walk(ours, THEIRS[name]), problem.walk(THEIRS[name], ours)
        record((f'driver {driver}', name), max(map(apart, a, b)))
        assert all(map(same, a, b))
        saved = [o.state_dict()['state'] for o in (opt, ref)]
        for i in range(len(a)):
            kept = [{k: x for k, x in s.get(i, {}).items() if k != 'step' or name != 'SGD'} for s in saved]     # torch.optim.SGD doesn't count
            assert kept[0].keys() == kept[1].keys() and all(same(x, kept[1][k]) for k, x in kept[0].items())
    check()

needs_compiler = pytest.mark.skipif(not COMPILER, reason='needs a C++ compiler')
FUSED = [name if OURS[name].rule in KERNELS else pytest.param(name, marks=needs_compiler) for name in ELEMENTWISE]

@pytest.mark.parametrize('name', FUSED)
def test_fused_is_close(name, record):
    "Within 1e-6 of the largest number of each parameter, 1e-5 where the rule is compiled: one pass rounds at other places"
    ours, compiled = partial(OURS[name], driver='fused'), OURS[name].rule not in KERNELS
    @repeatable(15 if compiled else 40)                       # a compiler is slow
    @given(problems(name))
    def check(problem):
        (a, _), (b, _) = problem.walk(ours, THEIRS[name]), problem.walk(THEIRS[name], ours)
        difference = max(map(apart, a, b))
        record(('driver fused', name), difference)
        assert difference <= (1e-5 if compiled else 1e-6)
    check()

def walked(make, driver):
    "Thirty steps with another learning rate at each, and another weight decay and first beta where there is one"
    torch.manual_seed(0)
    p = torch.randn(40, requires_grad=True)
    opt = make([p], driver=driver)
    for step in range(1, 31):
        opt.param_groups[0]['lr'] = .1/step
        if opt.param_groups[0].get('weight_decay'): opt.param_groups[0]['weight_decay'] = .1/step
        if 'betas' in opt.param_groups[0]: opt.param_groups[0]['betas'] = (.9 - .01*step, .99)
        p.grad = torch.randn(40)
        opt.step()
    return p, opt

@needs_compiler
@pytest.mark.parametrize('make', [optim.RMSprop, partial(optim.RMSprop, centered=True, weight_decay=.1), partial(optim.Lion, weight_decay=.1)], ids=['RMSprop', 'centered', 'Lion'])
def test_two_loops_are_enough_for_a_schedule(make):
    "The first has all numbers fixed, the second reads those that change"
    (p, opt), (q, _) = walked(make, 'fused'), walked(make, 'each')
    assert apart(p, q) <= 1e-6
    assert len(opt.driver.rule.loops) == 2 and all(opt.driver.rule.loops.values())

@needs_compiler
def test_each_kind_of_number_has_its_loop():
    def two_kinds(driver):
        params = [torch.linspace(-1, 1, 8, dtype=dtype).requires_grad_() for dtype in (torch.float32, torch.float64)]
        opt = optim.RMSprop(params, driver=driver)
        for _ in range(2):
            for p in params: p.grad = p.detach().clone()
            opt.step()
        return params
    for p, q in zip(two_kinds('fused'), two_kinds('each')): assert apart(p, q) <= (1e-6 if p.dtype == torch.float32 else 1e-14)

def asks(p, g, b, t, lr=.1):
    b.copy_(g) if t == 1 else b.mul_(.9).add_(g)
    p.sub_(b, alpha=lr)

class Asks(Optimizer, rule=asks): pass

@needs_compiler
def test_a_rule_that_asks_about_a_changing_number_stays_as_it_is():
    (p, opt), (q, _) = walked(Asks, 'fused'), walked(Asks, 'each')
    assert apart(p, q) <= 1e-6
    assert [bool(loop) for loop in opt.driver.rule.loops.values()] == [True, False]

COMPILE = '''
from fastbook_sgd import optim
from fastbook_sgd.testing import random_steps
random_steps(lambda params: optim.RMSprop(params, driver="fused"))
'''
def test_without_a_compiler(tmp_path):
    env = dict(PYTHONPATH=str(ROOT), CXX=str(tmp_path/'none'), TORCHINDUCTOR_CACHE_DIR=str(tmp_path), PATH=os.path.dirname(sys.executable))
    done = subprocess.run([sys.executable, '-c', COMPILE], capture_output=True, text=True, cwd=ROOT, env={**os.environ, **env})
    assert done.returncode and "driver 'fused' could not compile rmsprop (" in done.stderr and "it needs a C++ compiler, such as g++; or use driver 'flat'" in done.stderr
