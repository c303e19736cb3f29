"What the first lessons, 00 to 04, refuse and say, and what they do with what is rare: an empty set, a frozen layer, a poisoned batch, a dict."
from copy import deepcopy
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest, torch
from PIL import Image
from torch import nn

from fastbook_sgd.checks import finite_floats, given_or_global
from fastbook_sgd.data import TensorLoader, image_tensor, label_images, load_embedded, load_folder, load_threes_sevens, show_digits, stack_images
from fastbook_sgd.descent import calc_grad, train_epoch, train_model, validate_epoch
from fastbook_sgd.learner import BasicLearner
from fastbook_sgd.linear import batch_accuracy, init_params, linear1
from fastbook_sgd.optimizer import BasicOptim
from fastbook_sgd.sources import PARTS

nan, inf = float('nan'), float('inf')
def refused(message, error=ValueError): return pytest.raises(error, match=message)

# 00: pictures, folders, batches

BAR = torch.zeros(28, 28, dtype=torch.uint8)
BAR[4:8, 6:22] = 200
def drawn(path, pixels=BAR.numpy()):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path

def test_no_image_is_no_stack():
    with refused('got no image'): stack_images([])

def test_pictures_become_rows_with_labels():
    assert stack_images([BAR, BAR]).max() == torch.tensor(200/255) and stack_images([BAR]).shape == (1, 784)
    x, y = label_images(torch.ones(2, 784), torch.zeros(3, 784))
    assert x.mean(1).tolist() == y[:,0].tolist() == [1, 1, 0, 0, 0] and y.dtype == torch.int64

def test_show_digits():
    x = load_embedded().train_x
    with refused(r'x is \[784\], expected \[n,784\]'): show_digits(x[0])
    with refused('got 1 titles for 2 images'): show_digits(x[:2], ['a'])
    fig = show_digits(x[:3], titles=['a', 'b', 'c'], columns=2)
    assert [ax.get_title() for ax in fig.axes] == ['a', 'b', 'c', '']
    assert (fig.axes[1].images[0].get_array().data == x[1].view(28, 28).numpy()).all()

def test_loader_of_any_length():
    assert [len(xb) for xb, _ in TensorLoader(torch.arange(7), torch.arange(7), bs=3)] == [3, 3, 1]
    assert [len(TensorLoader(torch.arange(n), torch.arange(n), bs=3)) for n in (6, 7)] == [2, 3]
    for shuffle in (False, True):
        empty = TensorLoader(torch.zeros(0, 2), torch.zeros(0, 1), shuffle=shuffle)
        assert list(empty) == [] and len(empty) == 0
    assert len(TensorLoader(torch.arange(6), torch.arange(6), bs=np.int64(6))) == 1

def test_a_shuffled_loader_keeps_pairs_and_can_be_repeated():
    def epochs(seed):
        dl = TensorLoader(torch.arange(100), 2*torch.arange(100), 30, shuffle=True, generator=torch.Generator().manual_seed(seed))
        return [torch.stack([torch.cat(parts) for parts in zip(*dl)]) for _ in range(2)]
    (x, y), again = epochs(0)
    assert torch.equal(y, 2*x) and sorted(x.tolist()) == [*range(100)] and not torch.equal(x, again[0])
    torch.manual_seed(5)                                                      # the order comes from the generator alone
    assert torch.equal(x, epochs(0)[0][0]) and not torch.equal(x, epochs(1)[0][0])

@pytest.mark.parametrize('bs', [0, -1, 2.5, True])
def test_batch_sizes_that_are_none(bs):
    with refused(f'bs is {bs!r}'): TensorLoader(torch.zeros(3, 2), torch.zeros(3, 1), bs=bs)

def test_what_a_loader_takes():
    with refused('x is a list and y a list: expected', TypeError): TensorLoader([1], [2])
    with refused('x has 3 rows and y has 2'): TensorLoader(torch.zeros(3, 2), torch.zeros(2, 1))

def test_a_picture_is_read_or_named(tmp_path):
    pixels = image_tensor(drawn(tmp_path/'bar.png'))
    assert torch.equal(pixels, BAR) and (pixels.shape, pixels.dtype) == ((28, 28), torch.uint8)
    (tmp_path/'cut.png').write_bytes((tmp_path/'bar.png').read_bytes()[:40])
    with refused('more than 8 bits a pixel'): image_tensor(drawn(tmp_path/'deep.png', BAR.numpy().astype(np.uint16)*200))
    with refused(r'\[20, 28\] pixels, expected \[28, 28\]'): image_tensor(drawn(tmp_path/'short.png', BAR.numpy()[:20]))
    with refused('cut.png is not a whole picture'): image_tensor(tmp_path/'cut.png')
    with pytest.raises(FileNotFoundError): image_tensor(tmp_path/'none.png')

def test_a_folder_of_four_pictures(tmp_path):
    for part, name in zip(PARTS, 'abcd'): drawn(tmp_path/part/f'{name}.png')
    tiny = load_folder(tmp_path)
    assert tiny.train_y.tolist() == tiny.valid_y.tolist() == [[1], [0]] and torch.equal(tiny.valid_x[1], stack_images([BAR])[0])
    assert tiny.source == load_threes_sevens(tmp_path).source == str(tmp_path)
    (tmp_path/'valid/7/d.png').unlink()
    with refused('has no PNG files in valid/7:', FileNotFoundError): load_folder(tmp_path)

@pytest.mark.parametrize('source', ['mnist', None, 3])
def test_sources_that_are_none(source):
    with refused(f"unknown source {source!r}: expected 'auto'"): load_threes_sevens(source)

def test_the_embedded_digits_are_as_told():
    d = load_embedded()
    assert (len(d.train_x), len(d.valid_x), d.train_y.sum().item(), d.valid_y.sum().item(), d.source) == (291, 71, 147, 36, 'digits')
    assert (d.train_x.min().item(), d.train_x.max().item(), d.train_x.dtype) == (0., 1., torch.float32)
    assert d.train_y.tolist() == sorted(d.train_y.tolist(), reverse=True)      # 3s first, then 7s

# 01: a score, a spread

def test_a_score_in_the_head():
    assert linear1(torch.tensor([[1., 2.], [0., 0.]]), torch.tensor([[10.], [1.]]), torch.tensor([5.])).tolist() == [[17.], [5.]]

@pytest.mark.parametrize('std', [inf, -1, nan])
def test_a_spread_that_is_none(std):
    with refused(f'std is {std!r}'): init_params(3, std=std)

# 02: a loss, a loop, a mean

G = torch.Generator().manual_seed(0)
X, Y = torch.rand(100, 784, generator=G), torch.cat([torch.ones(50, 1), torch.zeros(50, 1)]).long()
VALID = TensorLoader(X[::3], Y[::3], bs=7)
def layer(): torch.manual_seed(0); return nn.Linear(784, 1)
def by_hand(): torch.manual_seed(0); w, b = init_params((784, 1), std=.1), init_params(1); return [w, b], lambda xb: linear1(xb, w, b)

def test_a_loss_that_is_none():
    (w, _), model = by_hand()
    with refused(r'the loss has shape \[100, 1\], expected one number'): calc_grad(X, Y, model, lambda p, t: (p - t).abs())
    with refused('the loss is a float'): calc_grad(X, Y, model, lambda p, t: 3.)
    with refused('does not depend on a tensor that requires grad'): calc_grad(X, Y, model, batch_accuracy)
    for bad in (nan, inf):
        with refused('the loss is', FloatingPointError): calc_grad(X, Y, model, lambda p, t: p.mean()*bad)
    assert w.grad is None                                                     # nothing was written

def test_what_is_no_function_is_named_before_anything_is_called():
    "By place and by name; a function's own arguments are seen as before"
    called = []
    def loss(p, t): called.append(1); return p.mean()
    for kw in (dict(model=None), dict(model=nn.Linear)):
        with refused('model is', TypeError): calc_grad(X, Y, loss_func=loss, **kw)
    with refused('model is a int', TypeError): calc_grad(X, Y, 5, loss)
    with refused('loss_func is the class MSELoss, expected a function: write MSELoss', TypeError): calc_grad(X, Y, layer(), nn.MSELoss)
    assert called == []
    assert torch.equal(calc_grad(X, Y, layer(), loss), calc_grad(xb=X, yb=Y, model=layer(), loss_func=loss)) and called == [1, 1]
    import inspect
    assert [*inspect.signature(calc_grad).parameters] == ['xb', 'yb', 'model', 'loss_func', 'finite'] and 'Leave the gradient' in calc_grad.__doc__
    with pytest.raises(TypeError, match='missing 1 required positional argument'): calc_grad(X, Y)

def test_the_look_at_each_loss_can_wait():
    model = layer()
    assert calc_grad(X*nan, Y, model, finite=False).isnan()
    with refused('batch 1: the loss is nan', FloatingPointError): finite_floats([torch.tensor(1.), torch.tensor(nan)])
    with refused('the training loader gave no batch'): finite_floats([])
    assert finite_floats([torch.tensor(.5)]) == [.5]

def test_a_loop_that_can_not_run():
    params, model = by_hand()
    with refused('the training loader gave no batch'): train_epoch(model, [], BasicOptim(params, 1.))
    with refused('batch 1: the loss is nan', FloatingPointError): train_epoch(model, [(X, Y), (X*nan, Y)], BasicOptim(params, 1.))
    with refused('no `no_such_name` was passed', TypeError): given_or_global(None, 'no_such_name')
    for bad in (-1, 1.5, True, '3'):
        with refused(f'epochs is {bad!r}'): train_model(model, bad, [(X, Y)], VALID, BasicOptim(params, 1.))
    assert train_model(model, 0, [(X, Y)], VALID, BasicOptim(params, 1.)) == []

def test_globals_are_those_of_the_notebook_that_calls(capsys):
    scope = dict(__name__='__main__', model=layer(), dl=TensorLoader(X, Y, 20), valid_dl=VALID)
    exec('from fastbook_sgd.descent import *\nfrom fastbook_sgd.optimizer import BasicOptim\nopt = BasicOptim(model.parameters(), .1)\nends = train_model(model, 3)', scope)
    other = layer()
    assert train_model(other, 3, scope['dl'], VALID, BasicOptim(other.parameters(), .1)) == scope['ends']
    assert torch.equal(other.weight, scope['model'].weight)

class Half(nn.Module):
    "Says three while it trains, and seven in eval mode"
    def forward(self, xb): return torch.full((len(xb), 1), 1. if self.training else -1.)

def test_validation_is_in_eval_mode_and_puts_the_mode_back():
    three = torch.ones(3, 1), torch.ones(3, 1)
    for half, mode in ((Half(), True), (Half().eval(), False)):
        assert validate_epoch(half, [three]) == 0. and half.training is mode
    with refused('the validation loader gave no batch'): validate_epoch(Half(), [])

def test_validation_counts_rows_and_sees_a_nan():
    with refused('a prediction is NaN', FloatingPointError): validate_epoch(lambda xb: xb, [(torch.tensor([[nan]]), torch.ones(1, 1))])
    right, wrong = (torch.ones(3, 1), torch.ones(3, 1)), (torch.ones(1, 1), torch.zeros(1, 1))
    assert validate_epoch(lambda xb: xb['x'], [(dict(x=xb, other=xb), yb) for xb, yb in (right, wrong)]) == .75     # rows, not the names of a dict

class Poisoned:
    "One epoch has a NaN in its batch 1"
    def __init__(self, bad_epoch): self.epoch, self.bad_epoch = -1, bad_epoch
    def __iter__(self):
        self.epoch += 1
        for i, (xb, yb) in enumerate(TensorLoader(X, Y, bs=20)): yield (xb*nan, yb) if (self.epoch, i) == (self.bad_epoch, 1) else (xb, yb)

def test_a_poisoned_epoch_is_named_and_taken_back(capsys):
    params, model = by_hand()
    train_epoch(model, TensorLoader(X, Y, bs=20), BasicOptim(params, .1))
    good = [p.detach().clone() for p in params]
    params, model = by_hand()
    with refused('epoch 1, batch 1: the loss is nan', FloatingPointError): train_model(model, 3, Poisoned(1), VALID, BasicOptim(params, .1))
    assert all(torch.equal(p, q) for p, q in zip(params, good))

# 03: what is given to an optimizer

def test_basic_optim_refuses():
    p = torch.ones(1, requires_grad=True)
    with refused('got no parameters'): BasicOptim([], .1)
    with refused('got no parameters'): BasicOptim((q for q in ()), .1)
    for bad in (0, -1., nan, inf):
        with refused(f'lr is {bad!r}'): BasicOptim([p], bad)

# 04: a learner that is stopped, saved, loaded, misused

def learner(train=None, valid=VALID, model=None, opt_func=BasicOptim, metrics=batch_accuracy):
    train = TensorLoader(X, Y, bs=20) if train is None else train
    return BasicLearner(SimpleNamespace(train=train, valid=valid), layer() if model is None else model, opt_func, metrics=metrics)
def flat(learn): return torch.cat([p.detach().flatten() for p in learn.model.parameters()])

def test_what_is_saved_and_what_is_not_loaded(tmp_path):
    half = learner(); half.fit(2, lr=.1); half.save(tmp_path/'half.pt')
    assert sorted(torch.load(tmp_path/'half.pt', weights_only=True)) == ['made_by', 'model', 'opt', 'rows', 'smooth']
    fresh = learner()
    with refused('there is nothing to save'): fresh.save(tmp_path/'x.pt')
    with refused('there is nothing to resume'): fresh.fit(1, resume=True)
    with refused('lr is None', TypeError): fresh.fit(1)
    before = flat(fresh)
    with refused(r"the saved model is \{'weight': \[1, 784\], 'bias': \[1\]\}, this one \{'weight': \[2, 784\]"): learner(model=nn.Linear(784, 2)).load(tmp_path/'half.pt')
    with refused('saved with the optimizer BasicOptim, but opt_func makes a SGD'): learner(model=fresh.model, opt_func=torch.optim.SGD).load(tmp_path/'half.pt')
    assert torch.equal(flat(fresh), before) and fresh.opt is None

def test_momentum_goes_on_too(tmp_path):
    make, start = partial(torch.optim.SGD, momentum=.9), layer()
    one_go, stopped, going_on = [learner(model=deepcopy(start), opt_func=make) for _ in range(3)]
    one_go.fit(3, lr=.1); stopped.fit(2, lr=.1); stopped.save(tmp_path/'half.pt')
    going_on.load(tmp_path/'half.pt'); going_on.fit(3, resume=True)
    assert torch.equal(flat(one_go), flat(going_on)) and going_on.opt.param_groups[0]['lr'] == .1

def test_a_learner_keeps_the_last_good_epoch():
    poisoned, good = learner(Poisoned(2)), learner()
    with refused('epoch 2, batch 1: the loss is nan', FloatingPointError): poisoned.fit(5, lr=.1)
    good.fit(2, lr=.1)
    assert torch.equal(flat(poisoned), flat(good)) and len(poisoned.table()) == 2
    assert len(good.fit(0, lr=1.)) == 0                                        # a new fit, a new table

def test_a_wrong_label_is_named_and_nothing_is_kept():
    learn = learner([(X, Y), (X, Y + 5)]); before = flat(learn)
    with refused(r'epoch 0, batch 1: targets hold \[5, 6\]'): learn.fit(1, lr=.1)
    assert torch.equal(flat(learn), before)

def test_what_is_frozen_stays():
    learn = learner(); learn.model.bias.requires_grad_(False); bias, before = learn.model.bias.clone(), flat(learn)
    learn.fit(1, lr=.1)
    assert torch.equal(learn.model.bias, bias) and not torch.equal(flat(learn), before)

def test_a_learner_is_asked_for_the_odd():
    learn = learner()
    assert list(learn.table().columns) == ['train_loss', 'valid_loss', 'batch_accuracy', 'seconds'] and len(learn.fit(0, lr=1.)) == 0
    for bad in (-1, 2.5):
        with refused(f'epochs is {bad!r}'): learn.fit(bad, lr=1.)
    for bad in (0., -1, nan):
        with refused(f'lr is {bad!r}'): learn.fit(1, lr=bad)
    with refused('training loader gave no batch'): learner([]).fit(1, lr=1.)
    with refused('validation loader gave no batch'): learner(valid=[]).fit(1, lr=1.)
    assert learner(metrics=()).metrics == []

def test_a_learner_trains_in_train_mode_and_validates_in_eval_mode():
    seen = []
    class Spy(nn.Linear):
        def forward(self, x): seen.append(self.training); return super().forward(x)
    one = TensorLoader(X[:4], Y[:4], bs=4)
    learn = learner(one, one, Spy(784, 1).eval())                              # even if it came in eval mode
    learn.fit(2, lr=.1)
    assert seen == [True, False, True, False] and not learn.model.training
