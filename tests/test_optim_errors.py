"What an optimizer refuses: each time a clear error, and parameters, gradients, groups and state as they were, bit for bit."
from contextlib import contextmanager
from copy import deepcopy
import inspect, re

import pytest, torch
from torch import nn

from fastbook_sgd import optim

KEEP_ALL = dict(SGD=dict(momentum=.9), Adagrad={}, RMSprop=dict(momentum=.9, centered=True), Adam=dict(amsgrad=True), AdamW=dict(amsgrad=True), Lion={}, Muon={})
NAMES = list(KEEP_ALL)
every_optimizer = pytest.mark.parametrize('name', NAMES)

def weights(*shapes): return [torch.ones(s, requires_grad=True) for s in shapes or ((3,4), (4,2))]
def give(params, seed=0):
    torch.manual_seed(seed)
    for p in params: p.grad = torch.randn(p.shape, dtype=p.dtype)
def made(name, params=None, module=optim, **kw): return getattr(module, name)(weights() if params is None else params, lr=.1, **{**KEEP_ALL[name], **kw})
def started(name, params=None, module=optim, **kw):
    "An optimizer after three steps"
    opt = made(name, params, module, **kw)
    for seed in range(3): give([p for g in opt.param_groups for p in g['params']], seed); opt.step()
    return opt

def snapshot(opt):
    "All that a step or a load could change"
    params = [p for g in opt.param_groups for p in g['params']]
    return deepcopy([[p.detach() for p in params], [p.grad for p in params], opt.state_dict(), opt.defaults]), [id(p) for p in params]

def equal(a, b):
    if torch.is_tensor(a) and a.is_sparse: a, b = a.to_dense(), b.to_dense()
    if torch.is_tensor(a): return torch.is_tensor(b) and a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)
    if isinstance(a, dict): return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)): return len(a) == len(b) and all(map(equal, a, b))
    return type(a) == type(b) and a == b

@contextmanager
def refused(message, exc=ValueError, opt=None):
    before = snapshot(opt) if opt else None
    with pytest.raises(exc, match=re.escape(message)): yield
    if opt: assert equal(before, snapshot(opt)), 'something has changed'

# Hyper-parameters

nan, inf = float('nan'), float('inf')
NUMBERS = -1, -1e-9, nan, inf, -inf, 'fast', None, True, [.1], 1j
PAIRS = .9, (.9,), (.9, .99, .999), (1., .9), (.9, 1.), (-.1, .9), (.9, nan), (.9, '1'), (.9, True), None, 'ab', {.9, .99}
WRONG = dict(
    **dict.fromkeys(('lr', 'momentum', 'weight_decay', 'eps', 'alpha', 'lr_decay', 'initial_accumulator_value'), NUMBERS),
    **dict.fromkeys(('nesterov', 'maximize', 'amsgrad', 'centered'), (1, 0, 'yes', None, .5)),
    dampening=(nan, inf, 'much', None, False), betas=PAIRS,
    ns_steps=(-1, 100, 2., True, '5', None), ns_coefficients=((1., 2.), 1., (1., 2., 'c'), None, (1., 2., nan)), adjust_lr_fn=('best', 1, ['original']),
)

@every_optimizer
def test_hyper_parameters_out_of_range(name):
    "In the constructor, in a group of its own, in a group added later, in a saved state; none that an optimizer has is left out"
    cls, opt = getattr(optim, name), started(name)
    assert {*opt.defaults} <= {*WRONG}
    for key in opt.defaults:
        for value in [*WRONG[key], *([1.1] if (name, key) == ('Muon', 'momentum') else [])]:
            message = f'{name}: {key} is {value!r}, expected '
            with refused(message): cls(weights(), **{key: value})
            with refused(message): cls([dict(params=weights(), **{key: value})])
            with refused(message, opt=opt): opt.add_param_group(dict(params=weights(), **{key: value}))
            saved = opt.state_dict()
            saved['param_groups'][0][key] = value
            with refused(message, opt=opt): opt.load_state_dict(saved)

@every_optimizer
def test_the_ends_of_the_ranges_are_allowed(name):
    ends = dict(betas=(0, 0), ns_coefficients=(0, 0, 0), adjust_lr_fn=None, dampening=-1, momentum=.5) | dict.fromkeys(('nesterov', 'maximize', 'amsgrad', 'centered'), False)
    opt = getattr(optim, name)(weights(), **{k: ends.get(k, 0) for k in getattr(optim, name)(weights()).defaults})
    give(opt.param_groups[0]['params']); opt.step()
    assert all(torch.equal(p, torch.ones_like(p)) for p in opt.param_groups[0]['params'])   # at learning rate 0

def test_nesterov_needs_momentum_and_no_dampening():
    opt = started('SGD')
    for kw in (dict(momentum=0), dict(momentum=.9, dampening=.1)):
        message = f"SGD: nesterov with momentum {kw['momentum']} and dampening {kw.get('dampening', 0)}, expected momentum above 0 and dampening 0"
        with refused(message): optim.SGD(weights(), nesterov=True, **kw)
        with refused(message, opt=opt): opt.add_param_group(dict(params=weights(), nesterov=True, **kw))
        saved = opt.state_dict()
        saved['param_groups'][0].update(nesterov=True, **kw)
        with refused(message, opt=opt): opt.load_state_dict(saved)

@every_optimizer
def test_unknown_hyper_parameters(name):
    with refused(f"{name}: got an unexpected keyword argument 'speed'; it takes lr, ", TypeError): getattr(optim, name)(weights(), speed=3)
    with refused(f'{name}: too many positional arguments; it takes lr, ', TypeError): getattr(optim, name)(weights(), *range(20))

# Parameters

@every_optimizer
def test_parameters_given_twice(name):
    cls, (p, q), opt = getattr(optim, name), weights(), started(name)
    old, message = opt.param_groups[0]['params'][0], f'{name}: a parameter is given twice'
    for given in ([p, q, p], [('a', p), ('b', p)], [dict(params=[p, p])], [dict(params=[p]), dict(params=[q, p])], [dict(params=p), dict(params=p)]):
        with refused(message): cls(given)
    for given in (old, [old], [p, old], [p, p], iter([p, p])):
        with refused(message, opt=opt): opt.add_param_group(dict(params=given))
    opt.add_param_group(dict(params=p))
    with refused(message, opt=opt): opt.add_param_group(dict(params=[p]))

@every_optimizer
def test_parameters_that_are_none(name):
    cls, (p, q), opt = getattr(optim, name), weights(), started(name)
    with refused('optimizer got an empty parameter list'): cls([])
    with refused('should be an iterable of Tensors or dicts', TypeError): cls(p)
    for make in (lambda group: cls([group]), lambda group: opt.add_param_group(group)):
        with refused("can't optimize a non-leaf Tensor", opt=opt): make(dict(params=[q, p*2]))
        for given in ([3.], ['weight'], [None], [q, [p]]):
            with refused('optimizer can only optimize Tensors', TypeError, opt): make(dict(params=given))
        with refused('need to be organized in ordered collections', TypeError, opt): make(dict(params={p, q}))
        with refused('should be with/without names', opt=opt): make(dict(params=[('p', p), q]))
        with refused(f"{name}: a group is a dict of ['lr'], expected a dict with 'params'", TypeError, opt): make(dict(lr=.1))
    with refused(f"{name}: a group is a list, expected a dict with 'params'", TypeError, opt): opt.add_param_group([p])
    with refused(f"{name}: a group is a Parameter, expected a dict with 'params'", TypeError): cls([dict(params=[p]), nn.Parameter(q)])

def test_muon_takes_matrices_only():
    "When it is made, when a group is added, and when a parameter has become something else"
    for bad in (torch.ones(3), torch.ones(()), torch.ones(2,3,4), torch.ones(2,3, dtype=torch.complex64), torch.ones(3,0)):
        p, opt = bad.clone().requires_grad_(), started('Muon')
        message = f'Muon: a parameter is {list(p.shape)} of {p.dtype}, expected a matrix of real numbers: give others to AdamW'
        with refused(message): optim.Muon([*weights(), p])
        with refused(message, opt=opt): opt.add_param_group(dict(params=[*weights(), p]))
        opt = made('Muon')
        last = opt.param_groups[0]['params'][1]
        if not p.is_complex():
            give(opt.param_groups[0]['params'])
            last.grad, last.data = None, bad.clone()
            last.grad = torch.ones_like(bad)
            with refused(message, opt=opt): opt.step()

def test_muon_needs_each_matrix_as_a_whole():
    for driver in ('foreach', 'flat', 'fused'):
        with refused(f'Muon: driver is {driver!r}, but the rule needs each parameter as a whole'): optim.Muon(weights(), driver=driver)

# Steps

@every_optimizer
def test_sparse_gradients(name):
    "The parameters before the one with the sparse gradient don't move either"
    for go in (made, started):
        emb = nn.Embedding(5, 3, sparse=True)
        opt = go(name, [*weights(), emb.weight])
        give(opt.param_groups[0]['params'][:2]); emb.weight.grad = None
        emb(torch.tensor([1])).sum().backward()
        with refused(f'{name}: a gradient is sparse, expected a dense one: leave out sparse=True', opt=opt): opt.step()

@every_optimizer
def test_a_parameter_changes_its_shape(name):
    for shape in ((5,4), (4,3), (3,5)):
        opt = started(name)
        first, last = opt.param_groups[0]['params']
        last.grad, last.data = None, torch.ones(shape)
        last.grad = torch.ones(shape)
        remembered = next(n for n in opt.names.values() if n != 'step')
        with refused(f'{name}: a parameter is {list(shape)} and its {remembered} [4, 2], expected the same: make a new optimizer after a change of shape', opt=opt): opt.step()
        stale = made(name)
        p = stale.param_groups[0]['params'][1]
        p.grad = torch.ones(4,2)
        p.data = torch.ones(shape)
        with refused(f'{name}: a parameter is {list(shape)} and its gradient [4, 2], expected the same', opt=stale): stale.step()

@every_optimizer
def test_a_closure_that_fails(name):
    opt = started(name)
    with refused('division by zero', ZeroDivisionError, opt): opt.step(lambda: 1/0)

# Saved states

@every_optimizer
def test_saved_states_that_do_not_fit(name):
    opt = started(name)
    saved = opt.state_dict()
    tensor = next(n for n in opt.names.values() if n != 'step')
    def spoiled(state=None, **group): return {'state': {**saved['state'], **(state or {})}, 'param_groups': [{**saved['param_groups'][0], **group}]}
    first = saved['state'][0]
    for bad, message in (
        ({}, "expected what state_dict() gives, a dict with 'state' and 'param_groups'"), (None, 'expected what state_dict() gives'), ([saved], 'expected what state_dict() gives'), (dict(state={}), 'expected what state_dict() gives'),
        ({**saved, 'param_groups': []}, 'the saved groups have [] parameters, this optimizer\'s have [2]: make it as it was when it was saved'),
        ({**saved, 'param_groups': saved['param_groups']*2}, 'the saved groups have [2, 2] parameters'),
        (spoiled(params=[0]), 'the saved groups have [1] parameters'), (spoiled(params=[0, 1, 2]), 'the saved groups have [3] parameters'),
        (spoiled(rho=1), "unknown hyper-parameters ['rho'] in the saved state"), (spoiled(**{tensor: 1}), f"unknown hyper-parameters ['{tensor}'] in the saved state"),
        (spoiled({0: {**first, 'speed': torch.ones(3,4)}}), "unknown state ['speed']"), (spoiled({0: {**first, 'lr': torch.ones(3,4)}}), "unknown state ['lr']"),
        (spoiled({7: first}), 'the saved state has entries [7] that belong to no parameter'),
        (spoiled({0: {k: v for k, v in first.items() if k != tensor}}), f"the saved state lacks ['{tensor}']") if len(first) > 1 else ({}, 'expected'),
        (spoiled({0: {**first, tensor: torch.ones(4,3)}}), f'a parameter is [3, 4] and its {tensor} [4, 3], expected the same'),
        (spoiled({0: {**first, tensor: torch.ones(())}}), f'a parameter is [3, 4] and its {tensor} [], expected the same'),
        (spoiled({0: {**first, tensor: 'big'}}), f"the saved {tensor} is 'big', expected a tensor"),
        (spoiled({0: {**first, tensor: .5}}), f'the saved {tensor} is 0.5, expected a tensor'),
        (spoiled({1: saved['state'][0]}), f'a parameter is [4, 2] and its {tensor} [3, 4]'),
    ):
        with refused(f'{name}: {message}', opt=opt): opt.load_state_dict(bad)
    opt.load_state_dict(saved)

@pytest.mark.parametrize('name', [n for n in NAMES if 'step' in getattr(optim, n).names.values()])
@pytest.mark.parametrize('step', [-1., nan, inf, .5, 'two', torch.tensor(-1.), torch.tensor(nan), torch.ones(2)])
def test_a_saved_count_that_is_none(name, step):
    opt = started(name)
    saved = opt.state_dict()
    saved = {**saved, 'state': {**saved['state'], 1: {**saved['state'][1], 'step': step}}}
    with refused(f'{name}: the saved step is {step!r}, expected a whole number', opt=opt): opt.load_state_dict(saved)

OTHERS = [(name, other, module) for name in NAMES for other in NAMES for module in (optim, torch.optim) if name != other and hasattr(module, other)]
@pytest.mark.parametrize('name,other,module', [o for o in OTHERS if o not in (('Adam', 'AdamW', optim), ('AdamW', 'Adam', optim))], ids=lambda x: x if isinstance(x, str) else x.__name__)
def test_states_of_other_optimizers(name, other, module):
    "Refused, where their contents tell: an Adam of ours and its AdamW write the same"
    theirs, opt = started(other, module=module), started(name)
    with refused('saved by', opt=opt): opt.load_state_dict(theirs.state_dict())

FLAGS = [(name, {flag: value}) for name in NAMES for flag, value in (('foreach', True), ('foreach', False), ('fused', True), ('capturable', True), ('differentiable', False))
         if flag in inspect.signature(getattr(torch.optim, name, lambda: 0)).parameters]
@pytest.mark.parametrize('name,flags', FLAGS, ids=str)
def test_states_that_torch_saved_with_other_flags(name, flags):
    "How torch computed makes no difference to what is saved: both go on from it to the same place"
    for kept in (KEEP_ALL[name], {k: 0 if k == 'momentum' else False for k in KEEP_ALL[name]}):
        theirs = started(name, module=torch.optim, **kept, **({} if 'capturable' in flags else flags))
        saved = deepcopy(theirs.state_dict())
        saved['param_groups'][0].update(flags)           # capturable ones can be made, but only step on a GPU
        ends = []
        for module in (optim, torch.optim):
            params = [p.detach().clone().requires_grad_() for p in theirs.param_groups[0]['params']]
            opt = made(name, params, module, **kept, **({} if module is optim else dict(foreach=False)))
            opt.load_state_dict(deepcopy(saved))
            if module is torch.optim: opt.param_groups[0].update({k: False for k in ('foreach', 'fused', 'capturable') if k in opt.param_groups[0]})
            else: assert opt.state_dict()['param_groups'][0].keys() == made(name).state_dict()['param_groups'][0].keys()
            for seed in range(10, 15): give(params, seed); opt.step()
            ends.append(params)
        assert all(map(torch.equal, *ends))

def test_states_of_older_torch():
    "SGD kept None where no buffer had begun; counts were plain numbers"
    ends = []
    for module in (optim, torch.optim):
        sgd, adam = made('SGD', module=module, momentum=.9, dampening=.5), started('Adam', module=module)
        sgd.load_state_dict({**sgd.state_dict(), 'state': {i: dict(momentum_buffer=None) for i in range(2)}})
        saved = adam.state_dict()
        adam.load_state_dict({**saved, 'state': {i: {**state, 'step': 3} for i, state in deepcopy(saved['state']).items()}})
        params = [p for opt in (sgd, adam) for p in opt.param_groups[0]['params']]
        for seed in range(3): give(params, seed); sgd.step(); adam.step()
        ends.append(params)
    assert all(map(torch.equal, *ends))

@every_optimizer
def test_named_parameters_in_another_order(name):
    "What was saved for a name goes to that name"
    def layer(): torch.manual_seed(0); return nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    first, second = layer(), layer()
    old = started(name, list(first.named_parameters()))
    second.load_state_dict(first.state_dict())
    new = made(name, list(second.named_parameters())[::-1])
    new.load_state_dict(deepcopy(old.state_dict()))
    assert new.state_dict()['param_groups'][0]['param_names'] == ['2.weight', '1.weight', '0.weight']
    for seed in range(3):
        give(list(first.parameters()), seed); give(list(second.parameters()), seed)
        old.step(); new.step()
    assert all(map(torch.equal, first.parameters(), second.parameters()))
    third = layer()
    other = made(name, [('1.weight', third[0].weight), ('9.weight', third[1].weight), ('2.weight', third[2].weight)])
    before = other.state_dict()
    with pytest.raises(ValueError, match="'1.weight' is parameter 1 of group 0 in the saved state, and parameter 0 of group 0 here"): other.load_state_dict(old.state_dict())
    assert str(other.state_dict()) == str(before)
    wrapped = made(name, [(f'module.{n}', p) for n, p in third.named_parameters()])   # other names: by their order, as torch does
    wrapped.load_state_dict(old.state_dict())
    assert len(wrapped.state) == len(old.state)

@every_optimizer
@pytest.mark.parametrize('saver', [True, False])
@pytest.mark.parametrize('loader', [True, False])
def test_named_parameters(name, saver, loader):
    "Made with names or without, saved with names or without, by ours or torch's: all load, as in torch"
    def layer(): torch.manual_seed(0); return nn.Sequential(nn.Linear(4, 3, bias=False), nn.Linear(3, 2, bias=False))
    def of(model, named): return list(model.named_parameters()) if named else list(model.parameters())
    for module in (optim, *([torch.optim] if name != 'Lion' else [])):
        first = layer()
        old = started(name, of(first, saver), module)
        opt = made(name, of(layer(), loader))
        opt.load_state_dict(old.state_dict())
        again = opt.state_dict()['param_groups'][0]
        assert again.get('param_names') == (['0.weight', '1.weight'] if saver or loader else None)
        assert equal({k: v for k, v in opt.state_dict()['state'][1].items() if k != 'step'}, {k: v for k, v in old.state_dict()['state'][1].items() if k != 'step'})
        give(opt.param_groups[0]['params']); opt.step()
