"Odd values at every door: the right result, or an error that says what was given and expected; nothing is changed by a call that fails."
from copy import deepcopy
from functools import partial
from types import SimpleNamespace
import os

import numpy as np
import pytest, torch
from torch import nn

from fastbook_sgd import optim
from fastbook_sgd.callbacks import Callback, EarlyStop, Learner, SaveBest, Scheduled
from fastbook_sgd.base import Optimizer
from fastbook_sgd.compose import cautious, clipped, decayed, like, lookahead
from fastbook_sgd.data import TensorLoader, label_heaps, label_images, load_embedded, show_digits, stack_images
from fastbook_sgd.descent import calc_grad, train_epoch, validate_epoch, weighted_means
from fastbook_sgd.learner import BasicLearner, SmoothLoss
from fastbook_sgd.linear import batch_accuracy, init_params, linear1, mnist_loss
from fastbook_sgd.momentum import sgd
from fastbook_sgd.muon import orthogonalized
from fastbook_sgd.nets import cross_entropy, hold_out, one_layer, pick_lr, search_lr, thirty_units, train_from
from fastbook_sgd.optimizer import BasicOptim
from fastbook_sgd.pictures import LossPlane, Picture, animate_descent, compact, path_directions, pixels, project, share_kept, show_paths, show_plane
from fastbook_sgd.race import Raced, Together, race, race_table, run_tuned, show_race, show_search, told_apart
from fastbook_sgd.saving import read_whole, safe_epoch, set_lr, write_whole
from fastbook_sgd.schedules import (LRFound, Schedule, combine_schedules, lr_find, one_cycle, one_cycle_schedules, set_hyper, show_lr_find,
                                    step_decay, suggest_steep, suggest_valley, warm_up)
from fastbook_sgd.sources import fetch
from fastbook_sgd.surfaces import bowl, descend, draw_path, draw_surface, name_opts, ravine, show_descent
from fastbook_sgd.testing import check_optimizer, random_steps

nan, inf = float('nan'), float('inf')
X = torch.randn(24, 4, generator=torch.Generator().manual_seed(1))
Y = (X.sum(1, keepdim=True) > 0).long()
def bce(p, y): return nn.functional.binary_cross_entropy_with_logits(p, y.to(p.dtype))
def loaders(): return SimpleNamespace(train=TensorLoader(X, Y, 6), valid=TensorLoader(X, Y, 7))
def weights(): return [torch.ones(3, 4, requires_grad=True), torch.ones(2, requires_grad=True)]
def made(cls=optim.SGD, **kw): return cls(weights(), lr=.1, **kw)
def refused(message, error=ValueError): return pytest.raises(error, match=message)

# Numbers

@pytest.mark.parametrize('bad', [inf, -inf, nan, 'x', None, [1.]])
def test_numbers_that_are_none(bad):
    with refused('std is'): init_params(3, std=bad)
    with refused('beta is'): SmoothLoss(bad)
    for name in ('div', 'div_final'):
        with refused(f'{name} is'): one_cycle_schedules(.1, **{name: bad})
    with refused('peak is'): one_cycle(.5, 0., 1., 0., peak=bad)
    with refused('peak is'): one_cycle_schedules(.1, peak=bad)
    with refused('share is'): warm_up(.5, 0., 1., share=bad)
    with refused('stages is'): step_decay(.5, 1., stages=bad)
    with refused('shares are'): combine_schedules(.5, [bad, .5], [float, float])
    with refused('share is'): hold_out(load_embedded(), share=bad)
    with refused('seconds is'): compact(seconds=bad)
    with refused('expected three numbers'): one_cycle_schedules(.1, momentums=(.9, bad, .9))

@pytest.mark.parametrize('bad', [.5, '1', None, nan, True])
def test_seeds_are_whole(bad):
    for make in (one_layer, thirty_units, partial(hold_out, load_embedded(), .2), lambda s: random_steps(optim.SGD, seed=s)):
        with refused('seed is .*, expected a whole number'): make(bad)
    assert torch.equal(one_layer(np.int64(3)).weight, one_layer(3).weight)

# Hyper-parameters

@pytest.mark.parametrize('cls', [optim.SGD, optim.Adam, torch.optim.Adam])
@pytest.mark.parametrize('name', ['params', 'maximize', 'foreach'])
def test_what_is_no_number_is_not_set(cls, name):
    opt = made(cls); before = dict(opt.param_groups[0])
    with refused('the optimizer has no|expected a hyper-parameter that is a number'): set_hyper(opt, name, 1.)
    assert opt.param_groups[0] == before and opt.param_groups[0]['params'] is before['params']

@pytest.mark.parametrize('cls', [optim.Adam, torch.optim.Adam])
@pytest.mark.parametrize('bad', [1., 2.])
def test_a_momentum_that_betas_can_not_be(cls, bad):
    opt = made(cls)
    with refused('betas is'): set_hyper(opt, 'momentum', bad)
    assert opt.param_groups[0]['betas'] == (.9, .999)

def test_a_number_in_another_shell():
    for value in (torch.tensor(.25), np.array(.25), np.float32(.25), [.25], [torch.tensor(.25)], torch.tensor([.25])):
        opt = made(); set_hyper(opt, 'lr', value)
        assert opt.param_groups[0]['lr'] == .25 and type(opt.param_groups[0]['lr']) is float
    for bad in (['x'], [None], True, None):
        with refused('lr would become'): set_hyper(made(), 'lr', bad)

@pytest.mark.parametrize('functions', [dict(lr=lambda p: .5, momentum=lambda p: nan), dict(lr=lambda p: .5, speed=lambda p: .1)])
def test_a_step_of_a_schedule_sets_all_or_nothing(functions):
    schedule = Schedule(made(momentum=.9), 3, **functions)
    before = dict(schedule.opt.param_groups[0])
    with refused('momentum would become|has no speed'): schedule.before_step()
    assert schedule.opt.param_groups[0] == before and schedule.done == 0

@pytest.mark.parametrize('done', [-1, 3, .5, nan, 'x', None, True])
def test_a_state_of_a_schedule_that_none_can_be(done):
    schedule = Schedule(made(), 2, lr=lambda p: .1)
    with refused('expected a whole number from 0 to 2'): schedule.load_state_dict(dict(done=done, total=2))
    for bad in (None, 5, [], {}):
        with refused("expected \\['done', 'total'\\]"): schedule.load_state_dict(bad)
    assert schedule.done == 0

def test_a_hyper_parameter_spelt_wrong_in_a_group():
    with refused("SGD: a group has 'wieght_decay', which is no hyper-parameter: is 'weight_decay' meant?"): optim.SGD([dict(params=weights(), wieght_decay=.1)])
    opt = optim.SGD([dict(params=weights(), lr_scale=.1, name='first', max_lr=1., initial_lr=.1)])     # torch lets these stand
    assert opt.param_groups[0]['name'] == 'first'

@pytest.mark.parametrize('wrap,name,bad', [(clipped, 'clip', b) for b in (-1., 0, nan, None, 'x')] + [(lookahead, 'every', b) for b in (0, -1, .5, None)] + [(lookahead, 'share', b) for b in (-.1, 1.1, nan)])
def test_hyper_parameters_of_rules_made_of_rules(wrap, name, bad):
    "Also where another rule is around them"
    for rule in (wrap(optim.sgd), lookahead(wrap(optim.sgd)), clipped(wrap(optim.adam))):
        class Mine(Optimizer, rule=rule): pass
        with refused(f'Mine: {name} is {bad!r}, expected'): Mine(weights(), **{name: bad})

PARTS = dict(params=[0, 1])
@pytest.mark.parametrize('cls', [optim.SGD, optim.Adagrad, optim.RMSprop, optim.Adam, optim.AdamW, optim.Lion])
@pytest.mark.parametrize('bad', [None, {}, 5, [], 'x', dict(state=None, param_groups=[]), dict(state={}, param_groups=None), dict(state={}, param_groups=5), dict(state={}, param_groups=[None]), dict(state={}, param_groups=[{}]),
                                 dict(state={}, param_groups=[dict(params=None)]), dict(state={0: None}, param_groups=[PARTS]), dict(state={0: 5}, param_groups=[PARTS])])
def test_a_state_of_an_optimizer_that_is_none(cls, bad):
    opt = made(cls); before = deepcopy(opt.state_dict())
    with refused(f'{cls.__name__}: expected what state_dict\\(\\) gives'): opt.load_state_dict(bad)
    assert repr(opt.state_dict()) == repr(before)

# What is called, what is read

@pytest.mark.parametrize('bad,message', [(None, 'is a NoneType'), (5, 'is a int'), (nn.MSELoss, 'is the class MSELoss, expected a function: write MSELoss')])
def test_what_can_not_be_called(bad, message):
    layer = nn.Linear(4, 1)
    with refused(f'loss_func {message}', TypeError): calc_grad(X, Y, layer, bad)
    with refused(f'model {message}', TypeError): calc_grad(X, Y, bad, bce)
    with refused(f'model {message}', TypeError): validate_epoch(bad, loaders().valid)
    with refused(f'function 0 {message}', TypeError): validate_epoch(layer, loaders().valid, bad)
    with refused(f'loss_func {message}', TypeError): BasicLearner(loaders(), layer, loss_func=bad)
    with refused(f'a metric {message}', TypeError): BasicLearner(loaders(), layer, loss_func=bce, metrics=[bad])

def test_metrics_that_are_none():
    with refused('metrics is a int, expected a function or a list', TypeError): BasicLearner(loaders(), nn.Linear(4, 1), metrics=5)

@pytest.mark.parametrize('bad', [None, 5, 'x', TensorLoader])
def test_loaders_that_are_none(bad):
    for part in ('train', 'valid'):
        dls = loaders(); setattr(dls, part, bad)
        with refused(f'dls.{part} is .*, expected batches', TypeError): BasicLearner(dls, nn.Linear(4, 1))
    if bad is None: return
    layer = nn.Linear(4, 1)
    with refused('dl is .*, expected batches', TypeError): train_epoch(layer, bad, made(BasicOptim), bce)
    with refused('valid_dl is .*, expected batches', TypeError): validate_epoch(layer, bad, bce)
    with refused('dl is .*, expected batches', TypeError): lr_find(layer, bad, optim.SGD, bce)

@pytest.mark.parametrize('batch,message', [(X[:2], 'a batch is a Tensor, expected a pair'), ((X, Y, Y), 'a batch has 3 parts, expected two'), ((X,), 'a batch has 1 parts'), ('ab', 'a batch is a str')])
def test_batches_that_are_no_pairs(batch, message):
    "A tensor of two rows is no pair, though it can be unpacked as one"
    with refused(message): train_epoch(nn.Linear(4, 1), [batch], BasicOptim(nn.Linear(4, 1).parameters(), .1), bce)
    with refused(message): validate_epoch(nn.Linear(4, 1), [batch], bce)
    for kind in (BasicLearner, Learner):
        for part in ('train', 'valid'):
            dls = loaders(); setattr(dls, part, [batch])
            learn = kind(dls, nn.Linear(4, 1), loss_func=bce); before = learn.model.weight.clone()
            with refused(f'epoch 0, (batch None: )?{message}'): learn.fit(1, .1)
            assert torch.equal(learn.model.weight, before) and learn.rows == []

def test_a_rule_has_room_for_a_gradient():
    with refused("the rule <lambda> takes \\['p'\\], expected a function of p, g", TypeError):
        class Mine(Optimizer, rule=lambda p: None): pass

def test_fastais_loaders_without_validation():
    from fastai.basics import DataLoaders
    with refused('expected something with train and valid', TypeError): BasicLearner(DataLoaders(TensorLoader(X, Y)), nn.Linear(4, 1))

@pytest.mark.parametrize('bad', [5, optim.SGD, BasicOptim, nn.Linear(4, 1)])
def test_optimizers_that_are_none(bad):
    layer = nn.Linear(4, 1)
    with refused('opt is .*, expected an optimizer with step', TypeError): train_epoch(layer, loaders().train, bad, bce)
    assert layer.weight.grad is None

def nothing(params, lr=.1): return None
def test_what_makes_no_optimizer():
    learn = BasicLearner(loaders(), nn.Linear(4, 1), loss_func=bce)
    learn.fit(1, .1); before, learn.opt_func = (learn.opt, learn.rows, learn.smooth), nothing
    tries = [lambda: learn.fit(1, .1), lambda: descend(nothing, bowl, lr=.1), lambda: train_from(0, one_layer, nothing, .1, load_embedded()), lambda: random_steps(nothing), lambda: check_optimizer(nothing)]
    for f in tries: pytest.raises(TypeError, f).match('opt_func made a NoneType, expected an optimizer with step')
    assert (learn.opt, learn.rows, learn.smooth) == before
    opt = made()
    for f in (lambda: lr_find(nn.Linear(4, 1), loaders().train, opt, bce), lambda: train_from(0, one_layer, opt, .1, load_embedded()), lambda: check_optimizer(opt)):
        pytest.raises(TypeError, f).match('opt_func is a SGD, expected a class or function')

def test_a_frozen_model_has_no_learning_rate():
    with refused('everything is frozen'): lr_find(nn.Linear(4, 1).requires_grad_(False), loaders().train, optim.SGD, bce)

@pytest.mark.parametrize('lr', [0, -1., nan])
def test_a_rate_that_tests_nothing(lr):
    with refused('lr is'): check_optimizer(optim.SGD, lr=lr)

# Tensors

@pytest.mark.parametrize('f', [batch_accuracy, mnist_loss, cross_entropy])
@pytest.mark.parametrize('bad', [None, 5, [[1.]], np.ones((3, 1))])
def test_predictions_and_targets_are_tensors(f, bad):
    for args in ((bad, torch.ones(3, 1)), (torch.ones(3, 1), bad)):
        with refused('(predictions|targets) is a .*, expected a tensor', TypeError): f(*args)

def test_images_are_what_they_should_be():
    image = torch.arange(784).remainder(256).to(torch.uint8).view(28, 28)
    for bad in ([image.float()], image, [image[:14]], [image.view(14, 56)], [torch.cat([image, image])], [None], [image.numpy()]):
        with refused('image 0 is .*, expected a tensor \\[28, 28\\] of torch.uint8'): stack_images(bad)
    assert torch.equal(stack_images(iter([image, image]))[1], image.flatten()/255)

def test_rows_are_tensors_with_rows():
    for bad in ([1.], None, np.zeros((2, 784))):
        with refused('x is a .*, expected a tensor', TypeError): show_digits(bad)
    with refused('titles is a generator', TypeError): show_digits(torch.zeros(1, 784), (t for t in 'a'))
    with refused('one number without rows'): TensorLoader(torch.tensor(1.), torch.tensor(1.))

# Landscapes and races

def test_starts_and_names():
    for bad in ('x', 5, (1., 2., 3.), [], (None, 1)):
        with refused('start is .*, expected \\(x, y\\)'): descend(BasicOptim, bowl, lr=.1, start=bad)
    with refused('two optimizers are called SGD'): name_opts([optim.SGD, torch.optim.SGD])
    for f, what in ((lambda: show_descent([], bowl), 'optimizer'), (lambda: show_descent({}, bowl), 'optimizer'), (lambda: show_descent(BasicOptim, []), 'surface')): pytest.raises(ValueError, f).match(f'got no {what}')
    with refused('surface is a list, expected a Surface', TypeError): animate_descent(BasicOptim, [bowl, ravine], lr=.1)

def test_a_race_is_checked_before_it_is_run():
    def boom(params, lr): raise AssertionError('it has begun')
    data = load_embedded()
    for seeds in ((), None, 5, iter(()), ['x'], [.5]):
        for f in (lambda: race({'a': boom}, data, seeds=seeds), lambda: run_tuned(boom, data, seeds)): pytest.raises(ValueError, f).match('seeds? is')
    for rates in ((), None, 5, ['x'], [-1.]):
        with pytest.raises((TypeError, ValueError), match='rates is|lr is'): race({'a': boom}, data, rates=rates)
    with refused('racers is', TypeError): race({}, data)
    with refused('seeds is'): search_lr(one_layer, boom, [.1], data, seeds=())

def test_a_generator_serves_each_racer():
    raced = race({'a': optim.SGD, 'b': optim.Adam}, load_embedded(), seeds=iter([1, 2]), rates=iter([.1, .01]), epochs=0)
    assert [(len(r.histories), [*r.search]) for r in raced.values()] == [(2, [.1, .01])]*2
    for f in (show_search, race_table, show_race, told_apart):
        for bad in (None, {}, 5, {'a': 5}): pytest.raises(TypeError, f, bad).match('expected what race\\(\\) returns')

def test_curves_that_can_not_be_read():
    for f in (suggest_steep, suggest_valley):
        for lrs in ([], [.1], [.1, .1], [0, .1], [.2, .1], None, [.1, .2, .3]):
            with refused('two or more learning rates above 0 that rise'): f(lrs, [2., 1.])
        assert f([.1, .2], [2., 1.]) in (.1, .2)
    with refused('found is a list, expected a LRFound', TypeError): show_lr_find([])

# Files, and a fit that can't begin

def test_a_number_is_no_file(tmp_path):
    (tmp_path/'a').write_text('kept')
    handle = os.open(tmp_path/'a', os.O_RDWR)
    try:
        for f in (lambda: read_whole(handle, ['a']), lambda: Picture(b'x').save(handle)): pytest.raises(TypeError, f).match('expected str, bytes or os.PathLike object, not int')
        assert os.read(handle, 9) == b'kept'     # still open
    finally: os.close(handle)

class Fails(Callback):
    def before_fit(self, learn): learn.opt.param_groups[0]['lr'] = 5.; raise KeyError('mine')

@pytest.mark.parametrize('kw', [dict(cbs=EarlyStop(monitor='nope')), dict(cbs=SaveBest('.')), dict(cbs=Scheduled()), dict(cbs=Fails()), dict(cbs=Fails(), resume=True), dict(lr=-1.), dict(lr=-1., resume=True)])
def test_a_fit_that_can_not_begin_changes_nothing(kw):
    learn = Learner(loaders(), nn.Linear(4, 1), partial(optim.SGD, momentum=.9), bce)
    learn.fit(1, .1)
    before, state = (learn.opt, learn.rows, learn.smooth), deepcopy(learn.state_dict())
    with pytest.raises((ValueError, TypeError, OSError, KeyError)): learn.fit(2, **{'lr': .2, **kw})
    assert (learn.opt, learn.rows, learn.smooth) == before and repr(learn.state_dict()) == repr(state)

@pytest.mark.parametrize('spoil,message', [(dict(model=None), 'the saved model is a NoneType'), (dict(opt={}), 'SGD: expected what state_dict'), (dict(opt=dict(state=3, param_groups=5)), 'the saved optimizer has groups'), (dict(opt=dict(state={}, param_groups=[5])), 'the saved optimizer has groups')])
def test_a_saved_learner_that_is_none(spoil, message):
    learn = Learner(loaders(), nn.Linear(4, 1), optim.SGD, bce)
    learn.fit(1, .1); before = repr(learn.state_dict())
    with refused(message): learn.load_state_dict({**learn.state_dict(), **spoil})
    assert repr(learn.state_dict()) == before

# A step that is refused

OPTS = dict(SGD=dict(momentum=.9), Adagrad={}, RMSprop=dict(momentum=.5, centered=True), Adam={}, AdamW=dict(amsgrad=True), Lion={}, Muon={})
RUNS = [(name, driver) for name in OPTS for driver in ('each', 'foreach', 'flat', 'fused') if name != 'Muon' or driver == 'each']
GONE = object()
SPOILT = [None, 'x', nan, [1, 2], {}, 1j, torch.ones(2), torch.tensor(nan), GONE]

def about_to_step(cls, begun, **kw):
    "Two matrices with gradients, and an optimizer that has taken `begun` steps"
    params = [torch.ones(3, 4, requires_grad=True), torch.ones(5, 2, requires_grad=True)]
    opt = cls(params, lr=.1, **kw)
    for _ in range(begun + 1):
        for p in params: p.grad = torch.full_like(p, .3)
        if _ < begun: opt.step()
    return params, opt

def all_of(params, opt): return repr([p.detach().clone() for p in params]), repr(opt.state_dict()['state']), len(opt.state)

@pytest.mark.parametrize('name,driver', RUNS)
def test_a_step_with_a_spoilt_hyper_parameter_changes_nothing(name, driver):
    "And the next step, with the good value again, is the one that it would have been"
    for begun in (0, 1):
        params, opt = about_to_step(getattr(optim, name), begun, driver=driver, **OPTS[name])
        before, group = all_of(params, opt), opt.param_groups[0]
        for key in [*opt.hypers, 'maximize']:
            good = group[key]
            for bad in SPOILT:
                if bad is good: continue
                if bad is GONE: del group[key]
                else: group[key] = bad
                with refused('expected'): opt.step()
                group[key] = good
                assert all_of(params, opt) == before, (key, bad)
        opt.step()
        others, other = about_to_step(getattr(optim, name), begun, driver=driver, **OPTS[name])
        other.step()
        assert all(map(torch.equal, params, others))

@pytest.mark.parametrize('driver', ['each', 'foreach', 'flat', 'fused'])
def test_what_is_no_tensor_among_the_parameters_is_named_before_a_step(driver):
    for bad, words in ((None, 'params is a NoneType'), ([5], 'params hold 5'), ({}, 'params is a dict')):
        params, opt = about_to_step(optim.Adam, 1, driver=driver)
        group, before = opt.param_groups[0], opt.state[params[0]]['exp_avg'].clone()
        group['params'] = bad
        with refused(words): opt.step()
        assert torch.equal(opt.state[params[0]]['exp_avg'], before) and float(opt.state[params[0]]['step']) == 1

@pytest.mark.parametrize('driver', ['each', 'foreach', 'flat', 'fused'])
@pytest.mark.parametrize('key,bad', [('mode', 'c'), ('mode', None), ('mode', 5), ('clip', 'x'), ('k', 'x'), ('k', None)])
def test_a_rule_of_ones_own_that_refuses_changes_nothing(driver, key, bad):
    def mine(p, g, m, t, lr=.1, mode='a', clip=None, k=1.):
        m.mul_(.9).add_(g)
        if mode not in ('a', 'b'): raise ValueError('mode, expected a or b')
        if clip is not None: g = g.clamp_min(-clip)
        p.add_(m, alpha=-lr*k)
    class Mine(Optimizer, rule=mine): pass
    for begun in (0, 1):
        params, opt = about_to_step(Mine, begun, driver=driver)
        before = all_of(params, opt)
        opt.param_groups[0][key] = bad
        with pytest.raises((ValueError, TypeError), match='Mine: the rule fails on a parameter'): opt.step()
        assert all_of(params, opt) == before

@pytest.mark.parametrize('driver', ['each', 'foreach', 'flat', 'fused'])
@pytest.mark.parametrize('dtype', [torch.float16, torch.float64])
def test_a_parameter_of_another_kind_than_its_gradient(driver, dtype):
    "Right as torch's where torch takes it; else refused before the first parameter has moved"
    for name in ('SGD', 'Adam', 'RMSprop'):
        ends = []
        for cls, kw in ((getattr(optim, name), dict(driver=driver)), (getattr(torch.optim, name), dict(foreach=False))):
            params, opt = about_to_step(cls, 0, **kw)
            params[1].data, before = params[1].data.to(dtype), params[0].detach().clone()
            try: opt.step()
            except (RuntimeError, ValueError): ends.append('refused')
            else: ends.append([p.tolist() for p in params])
            if cls.__module__.startswith('fastbook') and ends[-1] == 'refused': assert torch.equal(params[0], before) and not opt.state
        assert ends[0] == ends[1]

def test_a_learning_rate_a_hair_below_0_is_torchs():
    "torch's schedulers may end there"
    ends = []
    for cls in (optim.SGD, torch.optim.SGD):
        params, opt = about_to_step(cls, 0)
        opt.param_groups[0]['lr'] = -1e-18
        opt.step(); ends.append(params[0])
    assert torch.equal(*ends)

@pytest.mark.parametrize('lr', [None, 'x', nan, -1., inf])
def test_the_plain_optimizer_looks_too(lr):
    params, opt = about_to_step(BasicOptim, 1)
    before, opt.lr = params[0].detach().clone(), lr
    with pytest.raises((ValueError, TypeError), match='lr is'): opt.step()
    opt.lr = .1
    params[1].data = torch.ones(2, 5)
    with refused('a parameter is \\[2, 5\\] and its gradient \\[5, 2\\]'): opt.step()
    assert torch.equal(params[0], before)

# What a class of optimizers is told

def test_a_bare_optimizer_and_a_class_that_is_told_nonsense():
    with refused('Optimizer has no rule, expected a class made with one', TypeError): Optimizer(weights())
    def rule(p, g, m, lr=.1): p.sub_(m.add_(g), alpha=lr)
    for bad in (dict(state=5), dict(state={'x': 'y'}), dict(keep_if='x'), dict(keep_if={'m': 'nope'}), dict(ranges=[1]), dict(ranges={'lr': 5}), dict(check=5), dict(check_param='x'), dict(elementwise='no')):
        with refused('expected', TypeError): type('Mine', (Optimizer,), {}, rule=rule, **bad)
    with refused('rule is', TypeError): type('Mine', (Optimizer,), {}, rule=5)
    with refused('closure is a int, expected a function', TypeError): made().step(5)

@pytest.mark.parametrize('driver', ['foreach', 'flat', 'fused'])
@pytest.mark.parametrize('shape', [lambda p: (p.numel(),), lambda p: p.shape[::-1], lambda p: (1, *p.shape)])
def test_what_is_remembered_in_another_shape_goes_one_by_one(driver, shape):
    "Also where it has as many numbers as the parameter"
    def rule(p, g, m, lr=.1): p.sub_(m.add_(g.reshape(m.shape)).view(p.shape), alpha=lr)
    class Mine(Optimizer, rule=rule):
        def start(self, p, group, name=None): return torch.zeros(shape(p))
    with refused(f"driver is '{driver}', but its m of a parameter \\[3, 4\\] is"): Mine(weights(), driver=driver)
    Mine(weights())

# Numbers that would be wrong without a word

@pytest.mark.parametrize('bad', [nan, inf, -inf, None, 'x', 1j])
def test_losses_that_can_not_be_compared(bad):
    for f in (suggest_steep, suggest_valley):
        with refused('losses hold .* in place 1, expected finite numbers'): f([.1, .2, .3], [3., bad, 1.])
        with refused('learning rates above 0 that rise'): f([.1, .2, bad], [3., 2., 1.])
    assert suggest_steep([.1, .2, .3], torch.tensor([3., 1., .9])) == .1
    with refused('losses hold'): show_lr_find(LRFound([.1, .2], [2., bad], .1, .2))
    with refused('found.steep is'): show_lr_find(LRFound([.1, .2], [2., 1.], .1, .3))

def test_a_path_that_does_not_move_has_no_plane():
    path, plane = torch.ones(4, 5), torch.eye(2, 5)
    with refused("the path doesn't move"): share_kept(path, plane)
    with refused("the path doesn't move"): path_directions(path)
    for bad in (nan, inf):
        with refused('path holds NaN'): share_kept(torch.cat([path, torch.full((1, 5), bad)]), plane)
    walk = torch.arange(4.)[:,None] * torch.ones(5)
    for bad in (torch.ones(2, 5), torch.zeros(2, 5), torch.full((2, 5), nan)):
        with refused('expected two that span a plane'): project(walk, walk[0], bad)
    with refused('center is \\[1\\], expected \\[5\\]'): project(walk, torch.ones(1), plane)
    assert abs(share_kept(walk, plane) - 2/5) < 1e-6

@pytest.mark.parametrize('part', ['train', 'valid'])
@pytest.mark.parametrize('bad', [2, -1])
def test_a_label_of_2_is_named_whatever_the_loss(part, bad):
    data = load_embedded()
    y = getattr(data, f'{part}_y').clone(); y[0] = bad
    data = data._replace(**{f'{part}_y': y})
    tries = [lambda: train_from(0, one_layer, optim.SGD, .1, data, bce), lambda: race({'a': optim.SGD}, data, seeds=[1], rates=[.1], epochs=0, loss_func=bce)]
    for f in tries:
        with refused('_y holds .*, expected only 0'): f()

@pytest.mark.parametrize('bad', [None, 5, 'x', torch.ones(3)])
def test_a_picture_is_a_picture(bad):
    for f in (compact, pixels): pytest.raises(TypeError, f, bad).match('picture 0 is a .*, expected a matplotlib figure or a PIL image')
    with refused('png is a', TypeError): Picture(bad)

@pytest.mark.parametrize('bad', [iter([]), [1], None, dict(a=iter([])), dict(a=[len]), dict(a=dict(b=np.float64(1.)))])
def test_what_could_not_be_read_again_is_not_written(bad, tmp_path):
    (tmp_path/'a').write_text('kept')
    with refused('expected', TypeError): write_whole(bad, tmp_path/'a')
    assert (tmp_path/'a').read_text() == 'kept' and len([*tmp_path.iterdir()]) == 1

# Metrics, batches and arguments that fail in the depths of torch

@pytest.mark.parametrize('bad,message', [('x', "gave 'x' for a batch, expected a number"), (None, 'gave None'), (torch.ones(3), 'gave \\[3\\] numbers for a batch, expected one'), ([1.], 'gave \\[1.0\\]'), (1j, 'gave 1j')])
def test_metrics_that_give_no_number(bad, message):
    for kind in (BasicLearner, Learner):
        learn = kind(loaders(), nn.Linear(4, 1), loss_func=bce, metrics=lambda p, y: bad); before = learn.model.weight.clone()
        with pytest.raises((TypeError, ValueError), match=message): learn.fit(1, .1)
        assert torch.equal(learn.model.weight, before) and learn.rows == []

@pytest.mark.parametrize('change,message', [(lambda x: (x,), 'The model was given a tuple, its weights are of torch.float32'), (lambda x: x.double(), 'of torch.float64 on cpu'), (lambda x: x + 1j, 'of torch.complex64'), (lambda x: x.to('meta'), 'meta')])
def test_batches_of_another_kind_than_the_model(change, message):
    for kind in (BasicLearner, Learner):
        for part in ('train', 'valid'):
            dls = loaders(); setattr(dls, part, [(change(X), Y)])
            learn = kind(dls, nn.Linear(4, 1), loss_func=bce); before = learn.model.weight.clone()
            with pytest.raises((TypeError, ValueError, RuntimeError), match=message): learn.fit(1, .1)
            assert torch.equal(learn.model.weight, before) and learn.rows == []

def test_arguments_that_do_not_fit_each_other():
    W, b = torch.ones(4, 1), torch.ones(1)
    for args in ((X, W[:,0], b), (X[:, :3], W, b), (X, W, torch.ones(2))):
        with refused('expected \\[n,k\\], \\[k,m\\] and \\[m\\]'): linear1(*args)
    for args in ((None, W, b), (X, 5, b), (X, W, 1.)):
        with refused('expected a tensor', TypeError): linear1(*args)
    with refused('xb is of torch.float64 and weights of torch.float32'): linear1(X.double(), W, b)
    for bad in (None, {}, {'train/3': torch.zeros(1, 28, 28)}):
        with refused('expected a dict of', TypeError): label_heaps(bad, 'x')
    for bad in (torch.zeros(784), torch.tensor(1.), torch.zeros(2, 783)):
        with refused('expected \\[n,…\\] for each'): label_images(torch.zeros(2, 784), bad)
    for bad in ((1, 2), None, 'abc', (1, 2, nan)):
        with refused('coefficients is .*, expected three numbers'): orthogonalized(torch.ones(2, 3), bad)
    for bad in (.5, None, torch.int64):
        with refused('dtype is', TypeError): orthogonalized(torch.ones(2, 3), dtype=bad)
    for bad in (torch.ones(2), 5, [5], None):
        with refused('expected a', TypeError): safe_epoch(0, bad)
    for bad in (None, nn.Linear(2, 2), optim.SGD):
        with refused('expected an optimizer, with param_groups or lr', TypeError): set_lr(bad, .1)
    for bad in (None, 5, 'abc'):
        with refused('url is', TypeError): fetch(bad, 'x', 1)
        with refused('keys is', TypeError): read_whole('x', bad)
    with refused('got no optimizer'): Together()
    with refused('opt is a int', TypeError): Together(made(), 5)
    for bad in (-1, None, (2, .5), 'x'):
        with refused('a size is'): init_params(bad)
    with refused('predictions holds numbers of torch.int64', TypeError): cross_entropy(Y, Y)

def test_arguments_of_drawing():
    z, line = torch.rand(3, 3) + .1, torch.ones(3, 2)
    for bad in (None, 5, 'x'):
        for f in (lambda: draw_surface(bad, bowl), lambda: draw_path(bad, line)): pytest.raises(TypeError, f).match('ax is a .*, expected matplotlib axes')
    for bad in (torch.ones(3), torch.ones(0, 2), torch.ones(2, 3)):
        with refused('expected real numbers \\[k,2\\]'): draw_path(SimpleNamespace(plot=None), bad)
    for bad in (torch.arange(2.), torch.tensor(1.)):
        with refused('plane has a, b and z of shapes'): show_plane(LossPlane(bad, torch.arange(3.), z))
    for bad in (None, {'a': None}, {'a': [1]}, {'a': [(bowl, .1)]}):
        with refused('as tuned_paths returns it', TypeError): show_paths(bad)
    for bad in (None, [], [[]], [[[1.]]]):
        with refused('the histories of a are', TypeError): race_table({'a': Raced(.1, {.1: [1.]}, bad, 1.)})
    for bad in ({.1: 'x'}, {.1: [None]}, {'x': [1.]}):
        with pytest.raises(TypeError): pick_lr(bad)
    assert pick_lr({.1: [2.], .2: [1.]}) == .2

@pytest.mark.parametrize('bad', [-5, [], range(3), None])
@pytest.mark.parametrize('wrap', [like, decayed, clipped, cautious, lookahead])
def test_a_rule_of_rules_needs_a_rule(wrap, bad):
    with refused(f'rule is a {type(bad).__name__}, expected a function', TypeError): wrap(bad)

@pytest.mark.parametrize('bad', [5, 'slow', [1, 'a'], object, torch.tensor(nan)])
def test_what_is_remembered_has_names(bad):
    with refused('remembers is .*, expected a list of names', TypeError): like(sgd, bad)

@pytest.mark.parametrize('bad', [None, .5, object, np.float64(.3)])
def test_batches_come_from_something_with_batches(bad):
    with refused('the loader is a .*, expected a list or another iterable of batches', TypeError): weighted_means([mnist_loss], nn.Linear(4, 1), bad)
