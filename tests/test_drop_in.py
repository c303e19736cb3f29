"Ours in the seat of torch's: fastai's Learner, torch's schedulers, accelerate. The same weights at the end, bit for bit (Lion: those of lion_pytorch's)."
from functools import partial

from accelerate import Accelerator
from fastai.basics import DataLoaders, Learner, OptimWrapper
from fastai.callback.all import ParamScheduler, combined_cos
import lion_pytorch, pytest, torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from fastbook_sgd import optim
from fastbook_sgd.data import TensorLoader, load_threes_sevens

OPTIMIZERS = dict(SGD=dict(momentum=.9), Adagrad=dict(weight_decay=.01), RMSprop=dict(momentum=.9), Adam=dict(amsgrad=True), AdamW={}, Lion=dict(weight_decay=.1), Muon={})
DRIVEN = [(name, driver) for name in OPTIMIZERS for driver in ('each', 'foreach', 'flat') if driver == 'each' or name != 'Muon']

def pair(name, driver):
    "Ours and theirs"
    theirs = lion_pytorch.Lion if name == 'Lion' else torch.optim.Muon if name == 'Muon' else partial(getattr(torch.optim, name), foreach=False)
    return [partial(make, **OPTIMIZERS[name]) for make in (partial(getattr(optim, name), driver=driver), theirs)]

@pytest.fixture(scope='module')
def loaders():
    d = load_threes_sevens()
    few = torch.randperm(len(d.train_x), generator=torch.Generator().manual_seed(0))[:200]
    return [TensorLoader(d.train_x[few], d.train_y[few], bs=40), TensorLoader(d.valid_x, d.valid_y)]

def net():
    "Matrices only, for Muon's sake"
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(784, 8, bias=False), nn.ReLU(), nn.Linear(8, 1, bias=False))

def loss_func(p, t): return binary_cross_entropy_with_logits(p, t.float())
def by_layers(model): return [list(model[0].parameters()), list(model[2].parameters())]

def same_end(name, driver, train):
    "Train with both, and compare where they end and that they moved"
    ours, theirs = [train(make) for make in pair(name, driver)]
    assert all(map(torch.equal, ours.parameters(), theirs.parameters()))
    assert not any(map(torch.equal, ours.parameters(), net().parameters()))

every_optimizer = pytest.mark.parametrize('name,driver', DRIVEN)

def learner(make, loaders, **kw): return Learner(DataLoaders(*loaders), net(), opt_func=partial(OptimWrapper, opt=make), loss_func=loss_func, **kw)

@every_optimizer
def test_fastais_learner(name, driver, loaders):
    "Frozen, then unfrozen for one cycle, a learning rate for each layer. Adagrad has no momentum, so fastai can schedule its learning rate only"
    def train(make):
        learn = learner(make, loaders, splitter=by_layers)
        with learn.no_bar(), learn.no_logging():
            learn.freeze(); learn.fit(1, 1e-2)
            learn.unfreeze()
            if name == 'Adagrad': learn.fit(3, cbs=ParamScheduler(dict(lr=combined_cos(.25, 4e-4, 1e-2, 1e-7))))
            else: learn.fit_one_cycle(3, slice(1e-3, 1e-2))
        return learn.model
    same_end(name, driver, train)

@every_optimizer
def test_fastais_lr_find(name, driver, loaders):
    "The losses that it saw, its suggestion, and the weights of a fit afterwards"
    seen = []
    def train(make):
        learn = learner(make, loaders)
        with learn.no_bar(), learn.no_logging():
            found = learn.lr_find(num_it=30, show_plot=False)
            seen.append((found, learn.recorder.lrs, [float(x) for x in learn.recorder.losses]))
            learn.fit(1, 1e-2)
        return learn.model
    same_end(name, driver, train)
    assert seen[0] == seen[1] and len(seen[0][2]) > 5

SCHEDULERS = dict(OneCycleLR=lambda opt: OneCycleLR(opt, max_lr=.01, total_steps=21, cycle_momentum='momentum' in opt.defaults or 'betas' in opt.defaults), CosineAnnealingLR=lambda opt: CosineAnnealingLR(opt, T_max=20))

@pytest.mark.parametrize('scheduler', SCHEDULERS)
@every_optimizer
def test_torchs_schedulers(name, driver, scheduler, loaders):
    "They read and write the groups: learning rate, and OneCycleLR momentum or beta too"
    def train(make):
        model = net()
        opt = make(model.parameters(), lr=.01)
        schedule = SCHEDULERS[scheduler](opt)
        for _ in range(4):
            for xb, yb in loaders[0]:
                loss_func(model(xb), yb).backward()
                opt.step(); opt.zero_grad(); schedule.step()
        return model
    same_end(name, driver, train)

@every_optimizer
def test_accelerates_prepare(name, driver, loaders):
    "Accumulated and clipped gradients, and a schedule, as accelerate's users write it"
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    data = torch.utils.data.TensorDataset(loaders[0].x, loaders[0].y)
    def train(make):
        model = net()
        opt = make(model.parameters(), lr=.01)
        model, opt, batches, schedule = accelerator.prepare(model, opt, torch.utils.data.DataLoader(data, batch_size=20), CosineAnnealingLR(opt, T_max=20))
        for _ in range(2):
            for xb, yb in batches:
                with accelerator.accumulate(model):
                    accelerator.backward(loss_func(model(xb), yb))
                    if accelerator.sync_gradients: accelerator.clip_grad_norm_(model.parameters(), .5)
                    opt.step(); schedule.step(); opt.zero_grad()
        return accelerator.unwrap_model(model)
    same_end(name, driver, train)

def test_fastais_data_block_feeds_our_learners():
    "Loaders of a DataBlock, as fastai's users build them"
    from fastai.data.block import DataBlock, TransformBlock
    from fastai.data.transforms import IndexSplitter
    from fastbook_sgd import callbacks
    from fastbook_sgd.learner import BasicLearner
    d = load_threes_sevens()
    block = DataBlock((TransformBlock, TransformBlock), get_x=lambda i: d.train_x[i], get_y=lambda i: d.train_y[i], splitter=IndexSplitter(range(80, 100)))
    dls = block.dataloaders(range(100), bs=20)
    for learner in (BasicLearner(dls, net(), opt_func=optim.Adam, loss_func=loss_func), callbacks.Learner(dls, net(), opt_func=optim.Adam, loss_func=loss_func)):
        learner.fit(2, 1e-2)
        assert not torch.equal(learner.model[0].weight, net()[0].weight) and learner.model[0].weight.isfinite().all()
