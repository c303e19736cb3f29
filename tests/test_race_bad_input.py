"Bad input to schedules, pictures and the race: what is wrong is named, and nothing is changed."
from functools import partial
import math, warnings

import pytest
import torch
from torch import nn

from fastbook_sgd import optim, race as race_module
from fastbook_sgd.data import TensorLoader, load_embedded
from fastbook_sgd.nets import thirty_units
from fastbook_sgd.optimizer import BasicOptim
from fastbook_sgd.pictures import animate_descent, loss_plane, path_directions, show_plane, show_weights, train_path
from fastbook_sgd.race import RATES, next_rates, race, run_tuned, tune_lr
from fastbook_sgd.schedules import (
    Schedule, anneal_cosine, anneal_exponential, anneal_linear, combine_schedules, constant, lr_find, one_cycle,
    one_cycle_schedules, set_hyper, step_decay, warm_up, weights_kept)
from fastbook_sgd.surfaces import bowl

def refused(text, error=ValueError): return pytest.raises(error, match=text)

def digits(n=60):
    data = load_embedded()
    def ends(t): return torch.cat([t[:n], t[-n:]])
    return data._replace(train_x=ends(data.train_x), train_y=ends(data.train_y))

# The race

def test_rates_that_all_break_down_are_no_search():
    with refused('trained without a breakdown'): tune_lr(optim.SGD, digits(), rates=[1e38, 2e38], epochs=1)

def test_a_rate_that_works_is_found_beside_one_that_breaks_down():
    "The first of every second is tried first: when it breaks down, the others are tried too"
    def opt(params, lr): return optim.SGD(params, 1e38 if lr == .1 else lr)
    assert tune_lr(opt, digits(), rates=[.1, .2], epochs=1)[0] == .2

def test_a_run_that_breaks_down_counts_as_lost(monkeypatch):
    def broken(*args): raise FloatingPointError('the loss is nan')       # in the race alone; the search has its own
    monkeypatch.setattr(race_module, 'train_from', broken)
    raced = run_tuned(optim.SGD, digits(), (5, 6), rates=[.01, .1, 1e38], epochs=2)
    assert raced.histories == [[[math.inf, 0.]]*3]*2

@pytest.mark.parametrize('bad', [[optim.SGD], {'x': 3}])
def test_racers_are_a_dict(bad):
    with refused('expected a dict of name to optimizer class', TypeError): race(bad, digits())

def searched(best, rates=RATES, valley=lambda lr, best: abs(math.log(lr/best)), **kwargs):
    "What `tune_lr` tries and picks where the held-out loss of a rate is `valley(rate, best)`"
    tried = []
    def search(make_model, opt_func, rates, data, loss_func, seeds, epochs):
        tried.extend((lr, seed) for lr in rates for seed in seeds)
        return {lr: [valley(lr, best)]*len(seeds) for lr in rates}
    with pytest.MonkeyPatch.context() as m:
        m.setattr(race_module, 'search_lr', search)
        return *tune_lr(None, None, rates=rates, **kwargs), tried

@pytest.mark.parametrize('best', RATES)
def test_each_rate_of_the_grid_can_win(best):
    lr, search, tried = searched(best)
    assert lr == best and min(search) < best < max(search) and len({*tried}) == len(tried)
    assert sorted(len(l) for l in search.values())[-2:] == [3, 3] and len(tried) <= 11

def test_the_order_of_the_rates_changes_nothing():
    assert searched(.05)[:2] == searched(.05, RATES[::-1])[:2]

@pytest.mark.parametrize('best,end', [(5., 4.5), (1e-4, .0005**2/.0015)])
def test_the_search_goes_on_beyond_the_end_of_its_rates(best, end):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        lr, search, _ = searched(best)
    assert lr == pytest.approx(end, rel=.15) and min(search) < lr < max(search)

def test_it_warns_where_the_best_stands_at_the_end_even_then():
    with pytest.warns(UserWarning, match='is the last one tried: pass rates beyond it'): lr, search, _ = searched(1e6)
    assert lr == max(search) > 10*RATES[-1]

def test_one_rate_is_no_search(recwarn):
    assert searched(1., [.1])[0] == .1 and searched(1., [.1], seeds=[7])[1].keys() == {.1} and not recwarn

def test_one_seed_is_enough(): assert searched(.05, seeds=[0])[0] == .05

def test_next_rates_of_a_level_field_is_none():
    assert next_rates({.1: [1.], 1.: [1.]}, [.1, 1.]) == [] and next_rates({.1: [1.]}, [.1]) == []

# Schedules

POSITIONS = [partial(constant, value=1.), partial(anneal_linear, start=1., end=0.), partial(anneal_cosine, start=1.),
             partial(anneal_exponential, start=1., end=.1), partial(step_decay, start=1.), partial(warm_up, start=0., end=1.),
             one_cycle_schedules(1.)['lr']]

@pytest.mark.parametrize('bad', [-.1, 1.01, float('nan'), '0', None, torch.tensor([.5])], ids=str)
@pytest.mark.parametrize('schedule', POSITIONS, ids=lambda f: f.func.__name__)
def test_a_position_is_a_share_of_the_training(schedule, bad):
    with refused('expected the share of training'): schedule(bad)

def test_shapes_out_of_range():
    with refused('start is 0.0 and end is 1.0'): anneal_exponential(.5, 0., 1.)
    with refused('stages is 0'): step_decay(.5, 1., stages=0)
    for bad in (0, 1.5, -1):
        with refused(f'share is {bad}'): warm_up(.5, 0., 1., share=bad)
    for bad in (0, 1, 2):
        with refused(f'peak is {bad}'): one_cycle(.5, 0., 1., 0., peak=bad)
    with refused('lr is 0.0'): one_cycle_schedules(0.)
    with refused("lr is 'high'", TypeError): one_cycle_schedules('high')

@pytest.mark.parametrize('shares', [[.5, .4], [1., 0.], [1.], [1.5, -.5], []], ids=str)
def test_shares_are_for_all_and_sum_to_1(shares):
    with refused('for 2 schedules, expected a number above 0 for each, with sum 1'):
        combine_schedules(.5, shares, [partial(constant, value=1.)]*2)

def hypers(opt): return [{k: v for k, v in g.items() if k != 'params'} for g in opt.param_groups]

def test_a_bad_hyper_parameter_sets_nothing():
    groups = [dict(params=[torch.ones(1, requires_grad=True)]) for _ in range(2)]
    two = torch.optim.SGD(groups, lr=.1, momentum=.9)
    before = hypers(two)
    with refused('got 1 values of lr for 2 parameter groups'): set_hyper(two, 'lr', [.1])
    for bad in (-1., float('nan'), float('inf'), 'fast', None):
        with refused(f'lr would become {bad!r}'): set_hyper(two, 'lr', bad)
    with refused(r'lr would become \[0.1, -1\]'): set_hyper(two, 'lr', [.1, -1])
    with refused(r'the optimizer has no learning_rate: its groups hold \['): set_hyper(two, 'learning_rate', .1)
    with refused('the optimizer has no momentum'): set_hyper(torch.optim.Adagrad([torch.ones(1, requires_grad=True)]), 'momentum', .1)
    assert hypers(two) == before

def test_a_schedule_needs_an_optimizer_a_length_and_functions():
    p = torch.ones(1, requires_grad=True)
    opt, level = torch.optim.Adam([p]), partial(constant, value=.1)
    with refused('a BasicOptim has no param_groups', TypeError): Schedule(BasicOptim([p], .1), 5, lr=level)
    for bad in (0, -1, 2.5, True):
        with refused(f'total is {bad!r}'): Schedule(opt, bad, lr=level)
    with refused('got {}, expected functions', TypeError): Schedule(opt, 5)
    with refused("got {'lr': 0.1}, expected functions", TypeError): Schedule(opt, 5, lr=.1)

def test_a_schedule_takes_its_own_state_alone():
    opt = torch.optim.Adam([torch.ones(1, requires_grad=True)])
    schedule = Schedule(opt, 4, lr=partial(constant, value=.1))
    for _ in range(3): schedule.before_step()
    with refused('from a schedule of 9 steps, this one has 4'): schedule.load_state_dict(dict(done=1, total=9))
    with refused(r"expected \['done', 'total'\]"): schedule.load_state_dict(opt.state_dict())
    assert schedule.done == 3

def bce(p, t): return nn.functional.binary_cross_entropy_with_logits(p, t.float())

def find(model=None, dl=None, opt=optim.Adam, loss_func=bce, **kwargs):
    data = load_embedded()
    dl = TensorLoader(data.train_x, data.train_y, 36) if dl is None else dl
    return lr_find(thirty_units(0) if model is None else model, dl, opt, loss_func, **kwargs)

def some(n):
    data = load_embedded()
    return [*TensorLoader(data.train_x, data.train_y, 8)][:n]

def test_a_search_for_a_rate_needs_a_range_and_batches():
    with refused('lr is 0'): find(start_lr=0)
    with refused('start_lr is 1.0 and end_lr is 0.1'): find(start_lr=1., end_lr=.1)
    for bad in (9, 20.5, True):
        with refused(f'num_it is {bad!r}'): find(num_it=bad)
    with refused('saw only 0 usable batches of 100'): find(dl=[])
    with refused('saw only 12 usable batches of 100'): find(dl=iter(some(12)))
    with refused('model is a function', TypeError): find(bce)
    with refused('a BasicOptim has no param_groups', TypeError): find(opt=BasicOptim)
    with refused('model is a function', TypeError): weights_kept(bce).__enter__()

def test_whatever_ends_the_search_the_weights_are_as_before():
    "An interrupt, a NaN or an error on the way; mode and batch norm's buffers are put back too"
    fixed = some(30)
    def interrupted():
        yield from fixed[:20]
        raise KeyboardInterrupt
    def poisoned():
        yield from fixed
        yield fixed[0][0]*float('nan'), fixed[0][1]
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(28*28, 5), nn.BatchNorm1d(5), nn.Linear(5, 1)).eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises(KeyboardInterrupt): find(model, interrupted())
    nan = find(model, poisoned())
    assert (len(nan.lrs), len(nan.losses)) == (30, 30)
    with refused('the loss is a float'): find(model, fixed, loss_func=lambda p, t: 3.)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert not model.training and [p.grad for p in model.parameters()] == [None]*6

# Pictures

def cross(p, t): return p.sum()

def test_a_film_has_two_frames():
    with refused('frames is 1, expected a whole number of at least 2'): animate_descent(optim.SGD, bowl, frames=1)

def test_a_path_of_training_takes_a_number_of_passes():
    with refused('epochs is -1'): train_path(nn.Linear(2, 1), None, [], -1)

def test_a_plane_has_the_size_of_its_model_and_heights_that_differ():
    probe, one = nn.Linear(2, 1, bias=False), torch.tensor([[1., 10.]])
    with refused(r'directions is \[3, 3\], expected \[2,2\]'): loss_plane(probe, torch.eye(3), one, None, cross)
    plane = loss_plane(probe, torch.eye(2), one, None, cross, n=3)
    for factor in (float('nan'), 0):
        with refused('expected finite ones that differ'): show_plane(plane._replace(z=plane.z*factor))

def test_directions_need_three_points():
    with refused(r'path is \[2, 50\], expected \[k,P\] with k of at least 3'): path_directions(torch.randn(2, 50))

def test_weights_are_shown_where_each_has_its_title():
    with refused(r'the weights of a are \[2, 784\], expected \[1,784\]'): show_weights({'a': torch.zeros(2, 784)}, ['one'])
