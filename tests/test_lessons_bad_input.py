"What the functions of lessons 05 to 08, 11 and 12 say to bad input, and that nothing has changed then."
from functools import partial
from types import SimpleNamespace
import math

import pytest, torch
from torch import nn
import torch.nn.functional as F

from fastbook_sgd import optim
from fastbook_sgd.callbacks import Callback, EarlyStop, Learner, ProgressBar, Recorder, SaveBest
from fastbook_sgd.data import load_threes_sevens
from fastbook_sgd.linear import batch_accuracy
from fastbook_sgd.nets import cross_entropy, hold_out, one_layer, pick_lr, train_from
from fastbook_sgd.optimizer import BasicOptim
from fastbook_sgd.surfaces import best_lr, bowl, descend, show_descent

def refused(act, contains, exc=ValueError):
    "`act` raises `exc` with these words"
    with pytest.raises(exc) as caught: act()
    assert contains in str(caught.value), str(caught.value)

# 05: surfaces

@pytest.mark.parametrize('act', [lambda surface: descend(BasicOptim, surface), lambda surface: show_descent(BasicOptim, surface)])
def test_a_surface_is_wanted(act): refused(lambda: act(bowl.f), 'surface is a function, expected a Surface', TypeError)

def test_a_class_is_wanted_not_an_optimizer():
    made = BasicOptim([torch.ones(2, requires_grad=True)], .1)
    refused(lambda: descend(made, bowl), 'opt_func is a BasicOptim, expected a class or function', TypeError)
    refused(lambda: show_descent(None, bowl), 'opt_func is a NoneType', TypeError)

@pytest.mark.parametrize('bad', [0, 1.5, True])
def test_steps_are_a_whole_number(bad): refused(lambda: descend(BasicOptim, bowl, bad), f'steps is {bad!r}')

@pytest.mark.parametrize('bad', [0., -1., math.nan])
def test_a_rate_is_above_zero(bad):
    refused(lambda: descend(BasicOptim, bowl, 3, lr=bad), f'lr is {bad!r}')
    refused(lambda: show_descent(BasicOptim, bowl, lr=bad), f'lr is {bad!r}')

def test_a_surface_on_which_everything_diverges():
    cliff = bowl._replace(name='cliff', f=lambda x, y: 1e6*(x**4 + y**4))
    refused(lambda: best_lr(BasicOptim, cliff), 'every learning rate from 0.0001 to 10 diverges on cliff', FloatingPointError)

# 06: SGD

@pytest.mark.parametrize('hypers,message', [
    (dict(lr=-1.), 'SGD: lr is -1.0, expected a finite number of at least 0'),
    (dict(nesterov=True), 'expected momentum above 0 and dampening 0'),
    (dict(nesterov=True, momentum=.9, dampening=.1), 'dampening 0.1'),
    (dict(dampening=None), 'SGD: dampening is None, expected'), (dict(dampening=math.nan), 'SGD: dampening is nan, expected'),
    (dict(nesterov=1), 'SGD: nesterov is 1, expected'), (dict(momentum=-.1), 'SGD: momentum is -0.1, expected')])
def test_hypers_of_sgd(hypers, message): refused(lambda: optim.SGD([torch.zeros(2, requires_grad=True)], **dict(lr=.1) | hypers), message)

def test_an_unknown_hyper_is_named():
    refused(lambda: optim.SGD([torch.zeros(2, requires_grad=True)], speed=3), "unexpected keyword argument 'speed'; it takes lr, momentum", TypeError)

def begun():
    "A parameter, and an optimizer after a step"
    p = torch.zeros(2, requires_grad=True)
    opt, p.grad = optim.SGD([p], lr=.1, momentum=.9), torch.ones(2)
    opt.step()
    return p, opt

def test_a_parameter_steps_once():
    p, opt = begun()
    refused(lambda: optim.SGD([p, p]), 'given twice')
    refused(lambda: opt.add_param_group(dict(params=p)), 'given twice')
    refused(lambda: opt.add_param_group(dict(params=torch.zeros(3, requires_grad=True), lr=-1)), 'lr is -1')
    assert len(opt.param_groups) == 1

@pytest.mark.parametrize('spoil,message', [
    (lambda group: dict(state={0: dict(momentum_buffer=torch.zeros(3))}), 'a parameter is [2] and its momentum_buffer [3]'),
    (lambda group: dict(state={0: dict(exp_avg=torch.zeros(2))}), "unknown state ['exp_avg']"),
    (lambda group: dict(param_groups=[{**group, 'rho': 1}]), "unknown hyper-parameters ['rho']"),
    (lambda group: dict(param_groups=[{**group, 'lr': -1}]), 'lr is -1'),
    (lambda group: dict(param_groups=[]), 'the saved groups have []')])
def test_a_spoiled_state_changes_nothing(spoil, message):
    p, opt = begun()
    before = opt.state_dict()
    refused(lambda: opt.load_state_dict({**before, **spoil(before['param_groups'][0])}), message)
    refused(lambda: opt.load_state_dict({}), 'expected what state_dict() gives')
    assert torch.equal(opt.state[p]['momentum_buffer'], torch.ones(2)) and opt.param_groups[0]['lr'] == .1

def test_a_sparse_gradient_moves_nothing():
    p, _ = begun()
    emb = nn.Embedding(4, 2, sparse=True)
    opt = optim.SGD([p, emb.weight], lr=.1)
    emb(torch.tensor([1])).sum().backward()
    before = p.detach().clone()
    refused(opt.step, 'a gradient is sparse')
    assert torch.equal(p.detach(), before)

# 07 and 08: Adam and its kin, Muon

@pytest.mark.parametrize('name,bad', [
    ('Adagrad', dict(lr_decay=-1)), ('Adagrad', dict(initial_accumulator_value=-1)), ('RMSprop', dict(alpha=-.1)), ('RMSprop', dict(centered=2)),
    ('Adam', dict(betas=(1., .9))), ('AdamW', dict(eps=-1)), ('Lion', dict(betas=(.9, 1.))), ('Lion', dict(weight_decay=-1)),
    *[('Muon', bad) for bad in (dict(momentum=1.1), dict(ns_steps=100), dict(ns_steps=2.), dict(ns_coefficients=(1., 2.)), dict(adjust_lr_fn='best'),
                                dict(lr=-1), dict(weight_decay=-.1), dict(eps=-1.))]])
def test_hypers_out_of_range(name, bad):
    (key, value), = bad.items()
    refused(lambda: getattr(optim, name)([torch.zeros(2, 3, requires_grad=True)], **bad), f'{name}: {key} is {value!r}, expected')

def test_two_kinds_of_decay_are_told_apart():
    p = torch.zeros(3, requires_grad=True)
    refused(lambda: optim.Adam([p]).load_state_dict(torch.optim.AdamW([p]).state_dict()), 'saved by AdamW')
    refused(lambda: optim.AdamW([p]).load_state_dict(torch.optim.Adam([p]).state_dict()), 'saved by Adam,')

def test_muon_wants_matrices():
    matrix, bias = torch.zeros(2, 3, requires_grad=True), torch.zeros(3, requires_grad=True)
    refused(lambda: optim.Muon([matrix, bias]), 'a parameter is [3] of torch.float32, expected a matrix of real numbers: give others to AdamW')

# 11: callbacks

def bce(predictions, targets): return F.binary_cross_entropy_with_logits(predictions, targets.float())
def learner(train=None, **kw):
    "A learner on random data"
    g = torch.Generator().manual_seed(0)
    batch = torch.randn(8, 5, generator=g), torch.randint(0, 2, (8, 1), generator=g)
    torch.manual_seed(0)
    dls = SimpleNamespace(train=[batch]*3 if train is None else train, valid=[batch])
    return Learner(dls, nn.Linear(5, 1), optim.Adam, bce, batch_accuracy, **kw)

def test_nothing_recorded_nothing_drawn(): refused(lambda: Recorder().plot(), 'nothing is recorded yet')

@pytest.mark.parametrize('bad', [0, -1, 1.5, True])
def test_patience_is_a_whole_number(bad): refused(lambda: EarlyStop(bad), f'patience is {bad!r}')

@pytest.mark.parametrize('make', [lambda folder: EarlyStop(monitor='accuracy'), lambda folder: SaveBest(folder/'no.pt', monitor='accuracy')])
def test_an_unknown_column_is_named(make, tmp_path):
    message = "the table has no 'accuracy': it has train_loss, valid_loss, batch_accuracy, seconds"
    refused(lambda: learner().fit(1, lr=.001, cbs=[make(tmp_path)]), message)
    assert [*tmp_path.iterdir()] == []

@pytest.mark.parametrize('wrong,message', [(Recorder, 'Recorder is a class, expected a callback: write Recorder()'), (print, 'is no Callback')])
def test_what_is_no_callback(wrong, message):
    refused(lambda: learner(cbs=[wrong]), message, TypeError)
    refused(lambda: learner().fit(1, lr=.1, cbs=[wrong]), message, TypeError)

@pytest.mark.parametrize('bad', [-1, 2.5])
def test_epochs_of_a_learner(bad): refused(lambda: learner().fit(bad, lr=1.), f'epochs is {bad!r}')

def test_a_fit_that_cannot_begin():
    refused(lambda: learner().fit(1), 'lr is None', TypeError)
    refused(lambda: learner().fit(1, resume=True), 'there is nothing to resume')
    refused(lambda: learner(train=[]).fit(1, lr=.1), 'epoch 0, batch None: the training loader gave no batch')

def test_no_save_within_an_epoch(tmp_path):
    class SaveMidway(Callback):
        def after_batch(self, learn): learn.save(tmp_path/'midway.pt')
    refused(lambda: learner().fit(1, lr=.1, cbs=[SaveMidway()]), 'saving in the middle of an epoch', RuntimeError)
    assert not (tmp_path/'midway.pt').exists()

class Spoils(Callback):
    "Changes the weights while the learner validates, and then fails"
    def before_validate(self, learn):
        with torch.no_grad(): learn.model.weight.zero_()
    def after_validate(self, learn): raise KeyError('mine')

def test_an_error_around_validation_takes_the_epoch_back():
    learn, good = learner(), learner()
    learn.fit(1, lr=.1)
    good.fit(1, lr=.1)
    refused(lambda: learn.fit(2, resume=True, cbs=[Spoils()]), 'mine', KeyError)
    assert torch.equal(learn.model.weight, good.model.weight) and len(learn.rows) == 1 and not learn.model.training

def test_a_skipped_step_is_skipped_once():
    class First(Callback):
        def before_step(self, learn):
            if learn.batch == 0: learn.skip = True
    learn = learner(cbs=[First()])
    learn.fit(1, lr=.1)
    assert {float(s['step']) for s in learn.opt.state_dict()['state'].values()} == {2.}    # of three

def test_what_a_skipped_step_leaves_is_not_carried_into_the_next_epoch(tmp_path):
    class Last(Callback):
        def before_step(self, learn): learn.skip = learn.batch == 2
    whole, half, other = learner(cbs=[Last()]), learner(cbs=[Last()]), learner(cbs=[Last()])
    whole.fit(3, lr=.1)
    half.fit(1, lr=.1); half.save(tmp_path/'a.pt')
    other.load(tmp_path/'a.pt'); other.fit(3, resume=True)
    assert torch.equal(whole.model.weight, other.model.weight)

def test_the_bar_names_its_axes():
    "Outside of a notebook there is no picture"
    import matplotlib.pyplot as plt
    shown = []
    figure, axes = plt.subplots()
    bar = ProgressBar()
    bar.bar = SimpleNamespace(graph_ax=axes, graph_fig=figure, graph_out=SimpleNamespace(update=shown.append))
    bar.name_axes()
    assert (axes.get_xlabel(), axes.get_ylabel(), shown) == ('epoch', 'loss', [figure])
    plt.close(figure)
    bar.bar = SimpleNamespace()
    bar.name_axes()

# 12: nets

@pytest.fixture(scope='module')
def data(): return load_threes_sevens()

def test_cross_entropy_wants_columns_of_zeros_and_ones():
    refused(lambda: cross_entropy(torch.zeros(3, 1), torch.zeros(3)), 'predictions [3, 1] and targets [3]')
    refused(lambda: cross_entropy(torch.zeros(3, 1), torch.full((3, 1), 7)), 'targets hold [7]')

@pytest.mark.parametrize('bad', [0, 1, -1., 1e-9])
def test_a_share_that_leaves_a_part_empty(bad, data): refused(lambda: hold_out(data, bad), f'share is {bad!r}')

def test_epochs_of_a_run(data): refused(lambda: train_from(3, one_layer, optim.SGD, .1, data, epochs=-1), 'epochs is -1')

@pytest.mark.parametrize('none', [{}, {.5: [math.inf]}])
def test_no_rate_without_a_breakdown(none): refused(lambda: pick_lr(none), f'no learning rate of {list(none)}')
