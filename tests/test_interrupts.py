"Whatever stops a training, and wherever: the last good epoch stays, and going on ends on the same bits. And what can't work is said first."
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
import errno, os, random, signal, subprocess, sys, threading

import numpy as np
import pytest, torch
from torch import nn

from fastbook_sgd import optim
from fastbook_sgd.callbacks import Callback, EarlyStop, Learner, Recorder, SaveBest, Scheduled, StopOnNaN
from fastbook_sgd.data import TensorLoader
from fastbook_sgd.descent import train_model, validate_epoch, weighted_means
from fastbook_sgd.learner import BasicLearner, SmoothLoss
from fastbook_sgd.optimizer import BasicOptim
from fastbook_sgd.saving import read_whole, write_whole
from fastbook_sgd.schedules import lr_find, one_cycle_schedules

@pytest.fixture(autouse=True)
def gradients_on():
    "A test that fails leaves them on for the next"
    yield
    torch.set_grad_enabled(True)

X = torch.randn(24, 4, generator=torch.Generator().manual_seed(1))
Y = (X.sum(1, keepdim=True) > 0).long()
EPOCHS = 3
def bce(p, y): return nn.functional.binary_cross_entropy_with_logits(p, y.to(p.dtype))
def loaders(bs=6, x=X, y=Y, **kw): return SimpleNamespace(train=TensorLoader(x, y, bs, **kw), valid=TensorLoader(x, y, 7))

class Odd(nn.Module):
    "Dropout, batch norm, a buffer that each forward replaces by a new one, a mask that is infinite on purpose, and extra state"
    def __init__(self):
        super().__init__()
        self.net, self.seen = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(.3), nn.Linear(5, 1)), 0
        self.register_buffer('steps', torch.tensor(0))
        self.register_buffer('mask', torch.triu(torch.full((3, 3), float('-inf')), 1))
    def forward(self, x):
        if self.training: self.steps, self.seen = self.steps + 1, self.seen + 1
        return self.net(x)
    def get_extra_state(self): return dict(seen=self.seen)
    def set_extra_state(self, state): self.seen = state['seen']

class Lower(Callback):
    "A callback that changes the optimizer after each epoch"
    def after_epoch(self, learn): learn.opt.param_groups[0]['weight_decay'] = .01*len(learn.rows)

def start(kind=Learner, opt_func=partial(optim.Adam, weight_decay=0.), cbs=(), **kw):
    torch.manual_seed(0); random.seed(0); np.random.seed(0)
    dls = loaders(shuffle=True, generator=torch.Generator().manual_seed(2))
    return kind(dls, Odd(), opt_func, bce, **kw, **(dict(cbs=cbs) if kind is Learner else {}))

def look(learn):
    "All that must be equal in the end"
    state = learn.model.state_dict()
    random_numbers = [torch.rand(2), torch.tensor(random.random()), torch.tensor(np.random.rand())]
    return ([v for k, v in sorted(state.items()) if torch.is_tensor(v)] + [torch.tensor(state['_extra_state']['seen'])] + random_numbers
            + [torch.tensor([r[:2] for r in learn.rows])] + [v for s in learn.opt.state_dict()['state'].values() for v in s.values() if torch.is_tensor(v)])

def same(a, b): return len(a) == len(b) and all(x.shape == y.shape and torch.equal(x, y) for x, y in zip(a, b))

def go_on(learn, train):
    assert torch.is_grad_enabled()
    if learn.opt is None: train(learn)
    else: train(learn, resume=True)

@contextmanager
def interrupted_at(line):
    "Raise KeyboardInterrupt before the so many-th line of Python code in our modules, contextlib or torch's switches of gradients"
    count, parts = [0], ('fastbook_sgd', 'contextlib', 'grad_mode')
    def trace(frame, event, arg):
        if not any(p in frame.f_code.co_filename for p in parts): return None
        if event == 'line':
            count[0] += 1
            if count[0] == line: raise KeyboardInterrupt
        return trace
    sys.settrace(trace)
    try: yield count
    finally: sys.settrace(None)

def fit(learn, **kw): return learn.fit(EPOCHS, None if kw else .01, **kw)
def cycle(learn, **kw): return learn.fit_one_cycle(EPOCHS, .01, cbs=[Lower()], **kw)

@pytest.mark.parametrize('kind,train', [(BasicLearner, fit), (Learner, cycle)])
def test_an_interrupt_before_any_line_changes_nothing(kind, train):
    whole = start(kind)
    with interrupted_at(-1) as lines: train(whole)
    want, step = look(whole), max(1, lines[0]//150)
    for line in range(1, lines[0], step):
        learn = start(kind)
        with suppress(KeyboardInterrupt), interrupted_at(line): train(learn)
        assert len(learn.rows) == learn.model.seen // 4, line
        go_on(learn, train)
        assert same(look(learn), want), line

@pytest.mark.skipif(not hasattr(signal, 'setitimer'), reason='no timer that interrupts')
def test_interrupts_at_any_time():
    whole = start(); cycle(whole); want, draw, hits = look(whole), random.Random(3), 0
    def ring(*_): raise KeyboardInterrupt
    before = signal.signal(signal.SIGALRM, ring)
    try:
        for _ in range(60):
            learn = start()
            try:
                signal.setitimer(signal.ITIMER_REAL, draw.uniform(.001, .06))
                cycle(learn)
            except KeyboardInterrupt: hits += 1
            finally: signal.setitimer(signal.ITIMER_REAL, 0)
            go_on(learn, cycle)
            assert same(look(learn), want)
    finally: signal.signal(signal.SIGALRM, before)
    assert hits > 5

class InValidation(Exception): pass

@pytest.mark.parametrize('where', ['loss', 'metric', 'loader', 'nan'])
@pytest.mark.parametrize('kind', [BasicLearner, Learner])
def test_a_validation_that_fails_is_part_of_the_epoch(kind, where):
    "In the second epoch; the first stays, and going on is as if nothing had happened"
    armed = [True]
    def now(learn): return armed[0] and len(learn.rows) == 1 and not torch.is_grad_enabled()
    def metric(p, y):
        if where == 'metric' and now(learn): raise InValidation
        return p.mean()
    def loss(p, y):
        if where == 'loss' and now(learn): raise InValidation
        return bce(p, y)
    class Valid(TensorLoader):
        def __iter__(self):
            for i, (x, y) in enumerate(super().__iter__()):
                if where == 'loader' and i and now(learn): raise InValidation
                yield (x*float('nan') if where == 'nan' and now(learn) else x), y
    def make():
        learn = start(kind, metrics=[metric])
        learn.loss_func, learn.dls.valid = loss, Valid(X, Y, 7)
        return learn
    armed[0] = False
    learn = good = make(); good.fit(1, .01); good = look(good)
    learn = whole = make(); whole.fit(EPOCHS, .01); whole = look(whole)
    armed[0] = True
    learn = make()
    with pytest.raises(FloatingPointError if where == 'nan' else InValidation, match='epoch 1, a prediction is NaN' if where == 'nan' else None): learn.fit(EPOCHS, .01)
    armed[0] = False
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()
    assert same(look(learn), good) and len(learn.rows) == 1 and not learn.model.training and torch.is_grad_enabled()
    torch.set_rng_state(states[0]); random.setstate(states[1]); np.random.set_state(states[2])
    learn.fit(EPOCHS, resume=True)
    assert same(look(learn), whole)

def test_nan_in_the_validation_data_stops_with_the_last_good_epoch():
    learn = start(cbs=StopOnNaN())
    class Late(Callback):
        def before_epoch(self, learn):
            if learn.epoch == 1: learn.dls.valid = TensorLoader(X*float('nan'), Y, 7)
    learn.fit(3, .01, cbs=Late())
    assert learn.stop.startswith('epoch 1, a prediction is NaN')
    seen, good = look(learn), start()
    good.fit(1, .01)
    assert same(seen, look(good))

@pytest.mark.parametrize('error', [KeyboardInterrupt, SystemExit, RuntimeError])
def test_after_epoch_an_interrupt_takes_back_and_an_error_keeps(error):
    class Fails(Callback):
        def after_epoch(self, learn):
            if armed and len(learn.rows) == 2: raise error
    armed, recorder, learn = [1], Recorder(), start()
    with pytest.raises(error): learn.fit(EPOCHS, .01, cbs=[Lower(), recorder, Fails()])
    assert len(learn.rows) == (2 if error is RuntimeError else 1)
    armed.clear()
    learn.fit(EPOCHS, resume=True, cbs=[Lower(), recorder, Fails()])
    straight, ends, whole = Recorder(), look(learn), start()
    whole.fit(EPOCHS, .01, cbs=[Lower(), straight])
    assert same(ends, look(whole))
    assert (recorder.losses, recorder.lrs, recorder.valid) == (straight.losses, straight.lrs, straight.valid)   # nothing twice

def test_gradients_are_on_again_though_no_grad_was_interrupted():
    "Ctrl-C just when validation switches them on again"
    real = torch.no_grad.__exit__
    def interrupted(*_): torch.no_grad.__exit__ = real; raise KeyboardInterrupt
    layer, learn = nn.Linear(4, 1), start()
    for run in (lambda: validate_epoch(layer, TensorLoader(X, Y)), lambda: learn.fit(1, .01)):
        torch.no_grad.__exit__ = interrupted
        with pytest.raises(KeyboardInterrupt): run()
        assert torch.is_grad_enabled()

@pytest.fixture
def ctrl_c():
    "Ctrl-C as in a terminal: a shell starts what runs in its background with Ctrl-C ignored"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)

def test_a_second_interrupt_waits_until_all_is_put_back(ctrl_c):
    good = start(); good.fit(1, .01); good, learn = look(good), start()
    class Twice(Callback):
        def after_batch(self, learn):
            if learn.epoch == 1: raise KeyboardInterrupt
    real = learn.model.set_extra_state
    def slow(state): os.kill(os.getpid(), signal.SIGINT); real(state)
    learn.model.set_extra_state = slow
    with pytest.raises(KeyboardInterrupt): learn.fit(3, .01, cbs=Twice())
    assert same(look(learn), good) and signal.getsignal(signal.SIGINT) is signal.default_int_handler

def test_a_training_in_a_thread_is_put_back_too():
    learn, errors = start(), []
    class Fails(Callback):
        def after_batch(self, learn):
            if learn.epoch == 1: raise InValidation
    def run():
        try: learn.fit(3, .01, cbs=Fails())
        except InValidation as e: errors.append(e)
    thread = threading.Thread(target=run); thread.start(); thread.join()
    good = start(); good.fit(1, .01)
    assert errors and len(learn.rows) == 1 and torch.equal(learn.model.net[0].weight, good.model.net[0].weight)

def test_an_optimizer_without_state_dict_is_put_back():
    class Heavy(BasicOptim):
        def __init__(self, params, lr): super().__init__(params, lr); self.v = [torch.zeros_like(p) for p in self.params]
        @torch.no_grad()
        def step(self):
            for p, v in zip(self.params, self.v): v.mul_(.9).add_(p.grad); p.sub_(v, alpha=self.lr)
    def make(): torch.manual_seed(0); return BasicLearner(loaders(), nn.Linear(4, 1), Heavy, bce)
    learn, whole = make(), make()
    whole.fit(3, .1)
    learn.fit(1, .1)
    learn.dls.train = [(X[:6], Y[:6]), (X*float('nan'), Y)]
    with pytest.raises(FloatingPointError): learn.fit(3, resume=True)
    learn.dls = loaders(); learn.fit(3, resume=True)
    assert torch.equal(learn.model.weight, whole.model.weight)
    with pytest.raises(TypeError, match=r"a Heavy has no state_dict\(\), and keeps \['v'\]"): learn.state_dict()

def test_an_error_whose_class_takes_more_than_a_text():
    def batches():
        yield X, Y
        b'\xff'.decode()
    class Loader:
        def __iter__(self): return batches()
    learn = Learner(SimpleNamespace(train=Loader(), valid=loaders().valid), nn.Linear(4, 1), loss_func=bce)
    with pytest.raises(ValueError, match="epoch 0, batch 0: 'utf-8' codec can't decode"): learn.fit(1, .1)

# Schedules

@pytest.mark.parametrize('bs', [2, 6, 10, 24])
@pytest.mark.parametrize('stop', ['epoch', 'batch'])
def test_a_cycle_goes_on_from_the_epochs_done(bs, stop):
    class Stop(Callback):
        def after_epoch(self, learn): learn.stop = 'enough' if len(learn.rows) == 2 else None
        def after_batch(self, learn):
            if stop == 'batch' and (learn.epoch, learn.batch) == (1, 1): learn.stop = 'midway'
    learn, recorder, functions = Learner(loaders(6), nn.Linear(4, 1), optim.Adam, bce), Recorder(), one_cycle_schedules(.1)
    learn.fit_one_cycle(5, .1, cbs=Stop())
    learn.dls = loaders(bs)
    learn.fit_one_cycle(5, .1, resume=True, cbs=recorder)
    n = len(learn.dls.train)
    assert recorder.lrs == [functions['lr']((2*n + i)/(5*n)) for i in range(3*n)]

def test_a_schedule_needs_a_length():
    learn = Learner(SimpleNamespace(train=iter([(X, Y)]), valid=loaders().valid), nn.Linear(4, 1), optim.Adam, bce)
    with pytest.raises(TypeError, match='a list_iterator without a length'): learn.fit_one_cycle(1, .1)

# Files

def learner(func=optim.Adam, kind=BasicLearner, **kw):
    torch.manual_seed(0)
    return kind(loaders(), nn.Linear(4, 1), func, bce, **kw)

def fastai_adam(params, lr): from fastai.optimizer import Adam; return Adam(params, lr)
def fastai_wrapped(params, lr): from fastai.optimizer import OptimWrapper; return OptimWrapper(params, torch.optim.AdamW, lr=lr)
FUNCS = {'numpy lr': (optim.SGD, np.float64(.1)), 'float32': (optim.Adam, np.float32(.1)), 'numpy momentum': (partial(optim.SGD, momentum=np.float64(.9)), .1),
         'tuple': (partial(torch.optim.Adam, betas=(np.float64(.9), .999)), .1), 'basic': (BasicOptim, np.float64(.1)), 'fastai': (fastai_adam, np.float64(.1)), 'wrapped': (fastai_wrapped, .1),
         'whole': (optim.Adam, np.int64(1)), 'tensor lr': (partial(torch.optim.SGD, momentum=.9), .1)}

@pytest.mark.parametrize('name', FUNCS)
def test_what_save_writes_load_reads_and_goes_on(name, tmp_path):
    func, lr = FUNCS[name]
    whole, half, other = [learner(func) for _ in range(3)]
    whole.fit(3, lr); half.fit(1, lr)
    if name == 'tensor lr':
        for learn in (half,): learn.opt.param_groups[0]['lr'] = torch.tensor(.1, dtype=torch.float64)
    half.save(tmp_path/'a.pt'); other.load(tmp_path/'a.pt'); other.fit(3, resume=True)
    assert torch.equal(whole.model.weight, other.model.weight)

def test_a_loss_of_fastais_tensors_and_views_are_saved_plain(tmp_path):
    from fastai.torch_core import TensorBase
    learn = learner(kind=Learner)
    learn.dls = loaders(x=TensorBase(X))
    learn.fit(1, .1); learn.save(tmp_path/'a.pt')
    assert type(read_whole(tmp_path/'a.pt', ['made_by', 'model', 'opt', 'rows', 'smooth'])['smooth'][0]) is torch.Tensor
    block = torch.zeros(100_000)
    learn.model.register_buffer('view', block[:3])
    learn.save(tmp_path/'b.pt')
    assert (tmp_path/'b.pt').stat().st_size < 10_000

def test_a_checkpoint_of_a_gpu_loads(tmp_path, monkeypatch):
    a, b = learner(), learner()
    a.fit(1, .1)
    monkeypatch.setattr(torch.serialization, 'location_tag', lambda storage: 'cuda:0')
    a.save(tmp_path/'a.pt'); monkeypatch.undo()
    b.load(tmp_path/'a.pt')
    assert torch.equal(a.model.weight, b.model.weight)

def test_extra_state_is_saved_or_refused_at_once(tmp_path):
    a, b = start(), start()
    a.fit(1, .01); a.save(tmp_path/'a.pt'); b.load(tmp_path/'a.pt')
    assert b.model.seen == a.model.seen == 4
    before = (tmp_path/'a.pt').read_bytes()
    for bad in (SimpleNamespace(), print, np.zeros(3), object()):
        a.model.seen = bad
        with pytest.raises(TypeError, match=r"the state\['model'\]\['_extra_state'\]\['seen'\] is a"): a.save(tmp_path/'a.pt')
    assert (tmp_path/'a.pt').read_bytes() == before and len(list(tmp_path.iterdir())) == 1

def test_a_load_that_fails_late_changes_nothing():
    a, b = start(), start()
    a.fit(1, .01); b.fit(2, .02)
    def fails(state): raise RuntimeError('mine')
    state, before = a.state_dict(), [v.clone() for v in b.model.state_dict().values() if torch.is_tensor(v)]
    real, b.model.set_extra_state = b.model.set_extra_state, lambda s: fails(s) if s['seen'] == 4 else real(s)
    with pytest.raises(RuntimeError, match='mine'): b.load_state_dict(state)
    assert len(b.rows) == 2 and all(map(torch.equal, before, [v for v in b.model.state_dict().values() if torch.is_tensor(v)]))

def test_two_learners_of_one_state_share_nothing():
    a, b, c = [learner(partial(torch.optim.SGD, momentum=.9)) for _ in range(3)]
    a.fit(1, .1); state = a.state_dict()
    b.load_state_dict(state_dict=state); c.load_state_dict(state)
    b.fit(3, resume=True)
    assert len(c.rows) == 1 and torch.equal(c.opt.state_dict()['state'][0]['momentum_buffer'], a.opt.state_dict()['state'][0]['momentum_buffer'])

@pytest.mark.parametrize('spoil,message', [
    (dict(opt=None), 'the saved optimizer is None'), (dict(rows=[[1.]]), 'a saved row is'), (dict(smooth=None), 'the saved smooth is None'), (dict(smooth=[torch.zeros(2), 1]), 'the saved smooth'),
    (dict(rows=None), 'a saved row is None'), (dict(made_by='SGD'), 'saved with the optimizer SGD'), (dict(more=1), 'the state holds')])
def test_a_wrong_state_is_refused_before_anything_changes(spoil, message):
    a, b = learner(), learner()
    a.fit(1, .1); b.fit(2, .2)
    before = b.model.weight.clone(), b.opt, b.smooth, list(b.rows)
    with pytest.raises(ValueError, match=message): b.load_state_dict({**a.state_dict(), **spoil})
    assert torch.equal(b.model.weight, before[0]) and (b.opt, b.smooth, b.rows) == before[1:]

@pytest.mark.parametrize('func', [BasicOptim, optim.SGD, torch.optim.SGD, fastai_adam])
@pytest.mark.parametrize('lr', [-1., float('nan'), float('inf')])
def test_a_saved_learning_rate_that_none_can_be(func, lr):
    a, b = learner(func), learner(func)
    a.fit(1, .1); state = a.state_dict()
    for group in [state['opt'], *state['opt'].get('param_groups', []), *state['opt'].get('hypers', [])]:
        if 'lr' in group: group['lr'] = lr
    with pytest.raises(ValueError, match='lr is'): b.load_state_dict(state)
    assert b.opt is None

def test_other_metrics_and_another_order_are_refused_at_once():
    def metric(p, y): return p.mean()
    a, b = learner(), learner(metrics=metric)
    a.fit(1, .1)
    with pytest.raises(ValueError, match='give the learner the metrics that it had'): b.load_state_dict(a.state_dict())
    def pair(*names):
        m = nn.Module()
        for name in names: m.add_module(name, nn.Linear(4, 4))
        m.forward = lambda x: (m.a(x) + m.b(x)).mean(1, keepdim=True)
        return m
    for func, message in ((torch.optim.Adam, 'expected the same order'), (BasicOptim, None)):
        a, b = [BasicLearner(loaders(), pair(*names), func, bce) for names in ('ab', 'ba')]
        a.fit(1, .1)
        if message: pytest.raises(ValueError, b.load_state_dict, a.state_dict()).match(message)
        else: b.load_state_dict(a.state_dict())

def test_the_whole_reason_is_shown(tmp_path):
    torch.save(dict(a=np.float64(1.)), tmp_path/'a.pt')
    with pytest.raises(ValueError, match='numpy'): read_whole(tmp_path/'a.pt', ['a'])

class Full:
    "A disk that is full after so many bytes"
    def __init__(self, file, left): self.file, self.left = file, left
    def __getattr__(self, name): return getattr(self.file, name)
    def __enter__(self): self.file.__enter__(); return self
    def __exit__(self, *args): return self.file.__exit__(*args)
    def write(self, data):
        self.left -= len(data)
        if self.left < 0: raise OSError(errno.ENOSPC, 'No space left on device')
        return self.file.write(data)

@pytest.mark.parametrize('left', [0, 3000])
def test_a_full_disk_is_named_and_keeps_the_old_file(left, tmp_path, monkeypatch):
    import fastbook_sgd.saving as saving
    path = tmp_path/'a.pt'
    write_whole(dict(a=torch.zeros(3)), path); before = path.read_bytes()
    monkeypatch.setattr(saving, 'open', lambda p, mode='r': Full(open(p, mode), left) if mode == 'wb' else open(p, mode), raising=False)
    with pytest.raises(OSError, match="No space left on device: .*a.pt can't be written, nothing there is changed") as e: write_whole(dict(a=torch.zeros(3000)), path)
    assert e.value.errno == errno.ENOSPC and path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ['a.pt']

def test_a_folder_that_can_not_be_written(tmp_path):
    (tmp_path/'file').write_text('')
    with pytest.raises(OSError, match="a.pt can't be written"): write_whole({}, tmp_path/'file'/'a.pt')
    (tmp_path/'locked').mkdir(); (tmp_path/'locked').chmod(0o500)
    if os.geteuid(): pytest.raises(PermissionError, write_whole, {}, tmp_path/'locked'/'a.pt').match("a.pt can't be written")
    with pytest.raises(OSError, match='is a folder, expected a file'): write_whole({}, tmp_path)

def test_a_link_is_followed_and_the_mode_is_kept(tmp_path):
    (tmp_path/'far').mkdir()
    link, target = tmp_path/'a.pt', tmp_path/'far'/'b.pt'
    link.symlink_to(target)
    for value in (1, 2):                     # first there is nothing at its end
        write_whole(dict(a=value), link)
        assert link.is_symlink() and read_whole(target, ['a']) == read_whole(link, ['a']) == dict(a=value)
        target.chmod(0o640)
    assert target.stat().st_mode & 0o777 == 0o640 and [p.name for p in (tmp_path/'far').iterdir()] == ['b.pt']

SAVES = 'import sys, torch; from fastbook_sgd.saving import *\nfor i in range(60): write_whole(dict(i=i, t=torch.full((20_000,), float(i))), sys.argv[1])'

def test_two_processes_save_to_one_file(tmp_path):
    path = tmp_path/'a.pt'
    write_whole(dict(i=0, t=torch.zeros(20_000)), path)
    both = [subprocess.Popen([sys.executable, '-c', SAVES, path], cwd=Path(__file__).parent.parent, stderr=subprocess.PIPE) for _ in range(2)]
    reads = 0
    while any(p.poll() is None for p in both) or not reads:
        kept = read_whole(path, ['i', 't']); reads += 1
        assert torch.equal(kept['t'], torch.full((20_000,), float(kept['i'])))
    assert [p.wait() for p in both] == [0, 0], [p.stderr.read() for p in both]
    assert [p.name for p in tmp_path.iterdir()] == ['a.pt']

# Models, losses, batches

def test_means_weigh_rows_whatever_holds_them():
    layer = nn.Linear(4, 1)
    want = bce(layer(X), Y).item()
    parts = [slice(0, 20), slice(20, 24)]
    for pack, unpack in [(lambda y: (y, y), lambda t: t[0]), (lambda y: dict(a=y), lambda t: t['a']), (lambda y: [dict(b=(y,))], lambda t: t[0]['b'][0]), (lambda y: (torch.tensor(1.), y), lambda t: t[1])]:
        means = weighted_means([lambda p, t: bce(p, unpack(t))], layer, [(X[s], pack(Y[s])) for s in parts][:2])
        if pack(Y).__class__ is list: continue     # a list of dicts is a dict for each row
        assert means == pytest.approx([want], abs=1e-6)
    def model(x): return dict(out=layer(x), aux=[x])
    assert weighted_means([lambda p, y: bce(p['out'], y)], model, TensorLoader(X, Y, 7)) == pytest.approx([want], abs=1e-6)
    assert weighted_means([bce], layer, [(X, Y), (X[:0], Y[:0])]) == pytest.approx([want], abs=1e-6)      # an empty batch has no say
    images, boxes = torch.zeros(3, 4), [dict(boxes=torch.zeros(n, 4)) for n in (1, 5, 2)]
    assert weighted_means([lambda p, y: float(len(y))], layer, [(images, boxes), (images[:1], boxes[:1])]) == [2.5]
    with pytest.raises(FloatingPointError, match='a prediction is NaN'): weighted_means([lambda p, y: 0.], lambda x: (x, [x*float('nan')]), [(X, Y)])

@pytest.mark.parametrize('kind', [BasicLearner, Learner])
@pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16, torch.float16])
def test_losses_of_other_dtypes(kind, dtype):
    learn = kind(loaders(x=X.to(dtype)), nn.Linear(4, 1).to(dtype), optim.SGD, bce)
    assert len(learn.fit(2, .1)) == 2 and learn.smooth.value.dtype == torch.float32
    assert lr_find(learn.model, learn.dls.train, optim.SGD, bce, num_it=20).valley > 0
    smooth = SmoothLoss(); smooth.add(torch.tensor(2., dtype=dtype))
    assert float(smooth) == pytest.approx(2.)

def test_an_infinity_on_purpose_stays_and_a_new_one_is_noticed():
    class Masked(Odd):
        def forward(self, x):
            if spoil: self.mask[0, 0] = float('nan')
            return super().forward(x)
    for kind in (BasicLearner, Learner):
        spoil = False
        learn = kind(loaders(), Masked(), optim.SGD, bce); learn.fit(1, .1)
        spoil = True
        with pytest.raises(FloatingPointError, match='epoch 1, last batch: the weights became NaN'): learn.fit(2, resume=True)
        assert learn.model.mask[0, 0] == 0 and learn.model.mask[0, 1] == -float('inf')

def test_odd_buffers_are_no_hindrance():
    "One number spread over many places, sparse, on no device, of whole numbers"
    class Keeps(nn.Linear):
        def __init__(self):
            super().__init__(4, 1)
            for name, t in dict(spread=torch.zeros(1).expand(5), sparse=torch.eye(3).to_sparse(), meta=torch.zeros(2, device='meta'), whole=torch.arange(3), none=None).items(): self.register_buffer(name, t)
    learn = BasicLearner(loaders(), Keeps(), loss_func=bce)
    learn.fit(1, .1)
    before = learn.model.weight.clone()
    learn.dls.train = [(X, Y), (X*float('nan'), Y)]
    with pytest.raises(FloatingPointError): learn.fit(2, resume=True)
    assert torch.equal(learn.model.weight, before)

def test_each_part_of_a_model_keeps_its_mode():
    model = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(4), nn.Linear(4, 1))
    model[1].eval()
    validate_epoch(model, TensorLoader(X, Y))
    assert [m.training for m in model.modules()] == [True, True, False, True]
    model.eval(); model[0].train()
    assert validate_epoch(model, TensorLoader(X, Y)) == validate_epoch(model, TensorLoader(X, Y)) and model[0].training

def test_after_fit_the_model_is_in_the_mode_of_fastais():
    from fastai.basics import DataLoaders, Learner as Fastai
    import fastai.callback.progress
    modes = []
    class Mode(Callback):
        def after_epoch(self, learn): modes.append(learn.model.training)
    theirs = Fastai(DataLoaders(loaders().train, loaders().valid), nn.Linear(4, 1), loss_func=bce)
    with theirs.no_bar(), theirs.no_logging(): theirs.fit(1, .1)
    for learn in (learner(), learner(kind=Learner, cbs=Mode())):
        learn.fit(1, .1)
        assert learn.model.training is theirs.model.training is False
    assert modes == [False]

# What can't work is said before anything happens

def made(params, lr): return None
@pytest.mark.parametrize('args,error,message', [
    (dict(opt_func=BasicOptim([torch.zeros(1, requires_grad=True)], .1)), TypeError, 'opt_func is a BasicOptim, expected a function: pass the class'),
    (dict(model=lambda x: x), TypeError, 'expected an nn.Module'), (dict(model=nn.Linear), TypeError, 'expected an nn.Module'),
    (dict(loss_func='bce'), TypeError, 'loss_func is a str'), (dict(metrics=['accuracy']), TypeError, 'a metric is a str'), (dict(dls=[1, 2]), TypeError, 'dls is a list')])
@pytest.mark.parametrize('kind', [BasicLearner, Learner])
def test_a_learner_of_wrong_things(kind, args, error, message):
    good = dict(dls=loaders(), model=nn.Linear(4, 1), loss_func=bce)
    with pytest.raises(error, match=message): kind(**{**good, **args})

@pytest.mark.parametrize('cbs,message', [(lambda: EarlyStop(better='min'), "better is 'min', expected min or max"), (lambda: SaveBest('a.pt', better='max'), "better is 'max'"),
                                         (lambda: SaveBest(Path()), 'is a folder, expected a file'), (lambda: StopOnNaN, 'StopOnNaN is a class'), (lambda: [None], 'None is no Callback')])
def test_callbacks_that_can_not_work(cbs, message):
    learn = learner(kind=Learner)
    before = learn.model.weight.clone()
    with pytest.raises((TypeError, OSError), match=message): learn.fit(2, .1, cbs=cbs())
    assert torch.equal(learn.model.weight, before)

def test_one_callback_and_whole_numbers_of_numpy_work():
    recorder = Recorder()
    learn = learner(kind=Learner, cbs=recorder)
    learn.fit(np.int64(2), .1, cbs=EarlyStop(np.int32(1)))
    learn.fit_one_cycle(3, .1, resume=True, cbs=StopOnNaN())
    assert len(recorder.valid) == 3 and len(learner(kind=Learner, cbs=None).fit(1, .1, cbs=None)) == 1

@pytest.mark.parametrize('func', [BasicOptim, optim.SGD, torch.optim.Adam, fastai_adam, fastai_wrapped])
def test_a_learning_rate_given_with_resume_is_used(func):
    learn = learner(func)
    learn.fit(1, .1); before = learn.model.weight.clone()
    learn.fit(2, lr=1e-30, resume=True)
    assert torch.equal(learn.model.weight, before)
    for bad in (-1, float('nan')):
        with pytest.raises(ValueError, match='lr is'): learn.fit(3, lr=bad, resume=True)
    two = learner(lambda params, lr: torch.optim.SGD([dict(params=[p], lr=lr*f) for p, f in zip(params, (1, 2))], lr=lr))
    two.fit(1, .1)
    with pytest.raises(ValueError, match='the groups have the learning rates'): two.fit(2, lr=.1, resume=True)

@pytest.mark.parametrize('kind', [BasicLearner, Learner])
@pytest.mark.parametrize('func', [BasicOptim, optim.SGD])
@pytest.mark.parametrize('model', [nn.Linear(4, 1).requires_grad_(False), nn.Identity()])
def test_nothing_to_train_is_said(kind, func, model):
    with pytest.raises(ValueError, match='everything is frozen, or there is none'): kind(loaders(), model, func, bce).fit(1, .1)
