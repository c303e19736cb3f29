"Random problems: ours against torch's and fastai's, bit for bit where the order of operations is the same."
from types import SimpleNamespace
import time

from hypothesis import given, settings, strategies as st
import pytest, torch
from torch import nn

from fastbook_sgd.data import TensorLoader, load_threes_sevens
from fastbook_sgd.descent import calc_grad, train_epoch, train_model, validate_epoch
from fastbook_sgd.learner import BasicLearner
from fastbook_sgd.linear import batch_accuracy, init_params, linear1, mnist_loss
from fastbook_sgd.optimizer import BasicOptim

shapes = st.lists(st.lists(st.integers(0, 5), max_size=3).map(tuple), min_size=1, max_size=5)
dtypes = st.sampled_from([torch.float32, torch.float64, torch.bfloat16])

@settings(max_examples=200, deadline=None)
@given(shapes, dtypes, st.floats(1e-4, 10), st.integers(0, 2**31), st.data())
def test_basic_optim_is_torch_sgd(shapes, dtype, lr, seed, draw):
    "Any number and shape of parameters, some without a gradient in some steps"
    make = lambda: [torch.randn(s, dtype=dtype).requires_grad_() for s in shapes]
    torch.manual_seed(seed); ours = make()
    torch.manual_seed(seed); theirs = make()
    a, b = BasicOptim(iter(ours), lr), torch.optim.SGD(theirs, lr=lr, foreach=False)
    missing = draw.draw(st.sets(st.integers(0, len(shapes)-1)))
    for step in range(20):
        for i, (p, q) in enumerate(zip(ours, theirs)):
            p.grad = None if i in missing and step % 2 else torch.randn(p.shape, dtype=dtype)
            q.grad = None if p.grad is None else p.grad.clone()
        a.step(); b.step()
        a.zero_grad(); b.zero_grad()
        assert all(p.grad is None for p in ours)
    assert all(torch.equal(p, q) for p, q in zip(ours, theirs))

@settings(max_examples=50, deadline=None)
@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 2**31))
def test_gradients_against_finite_differences(n, size, seed):
    torch.manual_seed(seed)
    x, y = torch.randn(n, size, dtype=torch.float64), torch.randint(0, 2, (n,1))
    w, b = [init_params(s).detach().double().requires_grad_() for s in ((size,1), 1)]
    assert torch.autograd.gradcheck(lambda w, b: mnist_loss(linear1(x, w, b), y), (w, b))
    calc_grad(x, y, lambda x: linear1(x, w, b))
    expected = torch.autograd.grad(torch.where(y==1, 1-torch.sigmoid(x@w+b), torch.sigmoid(x@w+b)).mean(), (w, b))
    torch.testing.assert_close((w.grad, b.grad), expected, rtol=1e-12, atol=1e-15)

@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 2**31))
def test_validation_in_batches_is_validation_at_once(n, bs, seed):
    torch.manual_seed(seed)
    x, y = torch.randn(n,1), torch.randint(0, 2, (n,1))
    batched = validate_epoch(lambda xb: xb, TensorLoader(x, y, bs=bs))
    assert batched == pytest.approx(batch_accuracy(x, y).item(), abs=1e-6)
    assert batched == pytest.approx(sum((s > 0) == (t == 1) for s, t in zip(x[:,0].tolist(), y[:,0].tolist()))/n, abs=1e-6)

@pytest.fixture(scope='module')
def loaders():
    d = load_threes_sevens()
    return TensorLoader(d.train_x, d.train_y), TensorLoader(d.valid_x, d.valid_y)

@pytest.mark.parametrize('lr', [0.1, 1.])
def test_three_optimizers_end_on_the_same_weights(loaders, lr):
    from fastai.optimizer import SGD
    ends = []
    for make in (BasicOptim, SGD, torch.optim.SGD):
        torch.manual_seed(7)
        model = nn.Linear(784, 1)
        train_model(model, 20, *loaders, make(model.parameters(), lr=lr))
        ends.append(model)
    for other in ends[1:]: assert torch.equal(ends[0].weight, other.weight) and torch.equal(ends[0].bias, other.bias)

@pytest.mark.parametrize('opt', ['BasicOptim', 'fastai', 'torch'])
@pytest.mark.parametrize('seed', [0, 1])
def test_basic_learner_is_fastais_learner(loaders, opt, seed):
    "A net with hidden units, a loss of torch's, two metrics"
    from functools import partial
    from fastai.basics import DataLoaders, Learner, OptimWrapper, SGD
    import fastai.callback.progress  # gives Learner its no_bar
    def share_right(p, t): return ((p > 0) == (t == 1)).float().mean()
    def loss(p, t): return nn.functional.binary_cross_entropy_with_logits(p, t.float())
    make = {'BasicOptim': BasicOptim, 'fastai': SGD, 'torch': torch.optim.SGD}[opt]
    theirs_make = partial(OptimWrapper, opt=torch.optim.SGD) if opt == 'torch' else SGD
    def net(): torch.manual_seed(seed); return nn.Sequential(nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 1))
    dls = DataLoaders(*loaders)
    theirs = Learner(dls, net(), opt_func=theirs_make, loss_func=loss, metrics=[batch_accuracy, share_right])
    with theirs.no_bar(), theirs.no_logging(): theirs.fit(3, lr=.1)
    ours = BasicLearner(dls, net(), opt_func=make, loss_func=loss, metrics=[batch_accuracy, share_right])
    table = ours.fit(3, lr=.1)
    assert all(torch.equal(p, q) for p, q in zip(ours.model.parameters(), theirs.model.parameters()))
    assert list(table.columns) == ['train_loss', 'valid_loss', 'batch_accuracy', 'share_right', 'seconds']
    for row, values in zip(ours.rows, theirs.recorder.values): assert row[:4] == pytest.approx(list(values), abs=1e-6)
    assert (table.seconds > 0).all()

def test_fit_again_goes_on_from_where_it_was(loaders):
    def learner(): torch.manual_seed(3); return BasicLearner(SimpleNamespace(train=loaders[0], valid=loaders[1]), nn.Linear(784, 1))
    twice, once = learner(), learner()
    twice.fit(1, lr=1.); twice.fit(2, lr=1.); once.fit(3, lr=1.)
    assert torch.equal(twice.model.weight, once.model.weight)
    assert [r[1] for r in twice.rows] == [r[1] for r in once.rows[1:]]

def test_weights_that_overflow_in_the_last_step_are_not_kept():
    "The loss of the only batch is finite, the step after it is not"
    x, y = torch.full((2,1), 1e30), torch.tensor([[1],[0]])
    model = nn.Linear(1, 1, bias=False)
    before = model.weight.detach().clone()
    loss = lambda p, t: (p*1e-30).sum()*1e20
    with pytest.raises(FloatingPointError, match='epoch 0, last batch: the weights became NaN or infinite'):
        train_model(model, 1, [(x, y)], [(x, y)], BasicOptim(model.parameters(), 1e30), loss_func=loss)
    assert torch.equal(model.weight, before)

def test_buffers_are_kept_too():
    "Batch norm's running mean is part of the last good epoch"
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1))
    x, y = torch.randn(8, 3), torch.randint(0, 2, (8, 1))
    learner = BasicLearner(SimpleNamespace(train=[(x, y), (x*float('nan'), y)], valid=[(x, y)]), model)
    before = [t.clone() for t in [*model.parameters(), *model.buffers()]]
    with pytest.raises(FloatingPointError, match='epoch 0, batch 1: the loss is nan'): learner.fit(2, lr=.1)
    assert all(torch.equal(a, b) for a, b in zip(before, [*model.parameters(), *model.buffers()]))

@pytest.mark.parametrize('make', ['ours', 'torch', 'fastai'])
def test_a_function_as_model_gets_its_weights_back_too(make):
    from fastai.optimizer import SGD
    w = torch.zeros(3, 1, requires_grad=True)
    opt = {'ours': BasicOptim, 'torch': torch.optim.SGD, 'fastai': SGD}[make]([w], lr=1.)
    x, y = torch.randn(4, 3), torch.tensor([[1],[0],[1],[0]])
    with pytest.raises(FloatingPointError, match='epoch 0, batch 1: the loss is nan.* The weights are those of the last good epoch'):
        train_model(lambda xb: xb @ w, 1, [(x, y), (x*float('nan'), y)], [(x, y)], opt)
    assert torch.equal(w.detach(), torch.zeros(3, 1))

def test_an_optimizer_that_hides_its_weights_is_told_so():
    w = torch.zeros(3, 1, requires_grad=True)
    hidden = SimpleNamespace(step=lambda: None, zero_grad=lambda: None)
    x, y = torch.full((2, 3), float('nan')), torch.tensor([[1],[0]])
    with pytest.raises(FloatingPointError, match='The weights could not be put back: pass an nn.Module'):
        train_model(lambda xb: xb @ w, 1, [(x, y)], [(x, y)], hidden)

def test_an_interrupted_epoch_puts_the_weights_back():
    def batches():
        yield torch.randn(4, 3), torch.tensor([[1],[0],[1],[0]])
        raise KeyboardInterrupt
    model = nn.Linear(3, 1)
    before = model.weight.detach().clone()
    with pytest.raises(KeyboardInterrupt): train_model(model, 1, batches(), [], BasicOptim(model.parameters(), 1.))
    assert torch.equal(model.weight, before)
