"What a notebook can't say of saving and going on: other processes, killed ones, and every optimizer."
from functools import partial
from pathlib import Path
from types import SimpleNamespace
import os, signal, subprocess, sys, time

import pytest, torch
from torch import nn

from fastbook_sgd import optim
from fastbook_sgd.callbacks import Callback, EarlyStop, Learner, Recorder, SaveBest, Scheduled, StopOnNaN
from fastbook_sgd.learner import BasicLearner
from fastbook_sgd.optimizer import BasicOptim
from fastbook_sgd.saving import read_whole, write_whole
from fastbook_sgd.schedules import anneal_cosine, lr_find, one_cycle_schedules

OPTIMIZERS = {
    'SGD': optim.SGD, 'Momentum': partial(optim.SGD, momentum=.9, dampening=.1), 'Nesterov': partial(optim.SGD, momentum=.9, nesterov=True, weight_decay=.01),
    'RMSprop': partial(optim.RMSprop, momentum=.9, centered=True), 'Adagrad': optim.Adagrad, 'Adam': optim.Adam, 'AdamAmsgrad': partial(optim.Adam, amsgrad=True),
    'AdamW': optim.AdamW, 'Lion': optim.Lion, 'Muon': optim.Muon, 'torch_Adam': torch.optim.Adam, 'torch_SGD': partial(torch.optim.SGD, momentum=.9),
}

def make(name, kind=Learner, seed=0, **kw):
    "A learner on random data; Muon takes matrices only, so there is no bias"
    g = torch.Generator().manual_seed(seed)
    x, y = torch.randn(60, 8, generator=g), torch.randint(0, 2, (60, 1), generator=g)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(8, 6, bias=False), nn.ReLU(), nn.Linear(6, 1, bias=False))
    def loss(p, t): return nn.functional.binary_cross_entropy_with_logits(p, t.float())
    dls = SimpleNamespace(train=list(zip(x.split(10), y.split(10))), valid=[(x, y)])
    return kind(dls, model, OPTIMIZERS.get(name, BasicOptim), loss, **kw)

def schedule(name):
    "One-cycle of lr and, where there is one, momentum (Nesterov's form may not pass 0)"
    functions = one_cycle_schedules(.01)
    if name in ('SGD', 'Adagrad', 'Muon'): functions.pop('momentum')
    return Scheduled(**functions)

def forgets(scheduled):
    "The schedule as if the training began when this `fit` did"
    class FromZero(Callback):
        def before_fit(self, learn): scheduled.before_fit(learn); self.before = len(learn.rows)
        def before_batch(self, learn):
            learn.epoch -= self.before
            scheduled.before_batch(learn)
            learn.epoch += self.before
    return FromZero()

def weights(learn): return torch.cat([p.detach().flatten() for p in learn.model.parameters()])
def state(learn): return [v for s in learn.opt.state_dict()["state"].values() for _, v in sorted(s.items()) if torch.is_tensor(v)]

class StopAfter(Callback):
    def __init__(self, epochs): self.epochs = epochs
    def after_epoch(self, learn): learn.stop = 'enough' if len(learn.rows) == self.epochs else None

def in_new_process(code, *args, **kw):
    return subprocess.Popen([sys.executable, '-c', 'from test_callbacks import *\n' + code, *map(str, args)], cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True, **kw)

def go_on(folder):
    "In the new process: load each, go on to 5 epochs, save what came out"
    for name in OPTIMIZERS:
        learn = make(name, seed=0)
        with torch.no_grad(): [p.zero_() for p in learn.model.parameters()]
        learn.load(folder/f'{name}.pt')
        learn.fit(5, resume=True, cbs=[schedule(name)])
        torch.save(dict(weights=weights(learn), state=state(learn), rows=learn.rows), folder/f'{name}.out')

def test_every_optimizer_goes_on_in_a_new_process_with_a_schedule(tmp_path):
    for name in OPTIMIZERS:
        half = make(name)
        half.fit(5, lr=.01, cbs=[schedule(name), StopAfter(2)])
        half.save(tmp_path/f'{name}.pt')
        assert sorted(torch.load(tmp_path/f'{name}.pt', weights_only=True)) == ['made_by', 'model', 'opt', 'rows', 'smooth']
    child = in_new_process('go_on(Path(sys.argv[1]))', tmp_path)
    assert child.wait(120) == 0
    for name in OPTIMIZERS:
        whole, resumed = make(name), torch.load(tmp_path/f'{name}.out', weights_only=True)
        whole.fit(5, lr=.01, cbs=[schedule(name)])
        assert torch.equal(weights(whole), resumed['weights']), name
        assert len(state(whole)) == len(resumed['state']) and all(map(torch.equal, state(whole), resumed['state'])), name
        assert [r[:2] for r in whole.rows] == [r[:2] for r in resumed['rows']], name
        restarted = make(name)
        restarted.load(tmp_path/f'{name}.pt')
        restarted.fit(5, resume=True, cbs=[forgets(schedule(name))])
        assert not torch.equal(weights(whole), weights(restarted)), name

@pytest.mark.parametrize('name', [*OPTIMIZERS, 'BasicOptim'])
def test_basic_learner_goes_on_too(name, tmp_path):
    whole, half, other = [make(name, BasicLearner) for _ in range(3)]
    whole.fit(4, lr=.01)
    half.fit(1, lr=.01); half.save(tmp_path/'a.pt')
    other.load(tmp_path/'a.pt'); other.fit(4, resume=True)
    assert torch.equal(weights(whole), weights(other)) and [r[:2] for r in whole.rows] == [r[:2] for r in other.rows]

def die_at(where, path):
    "In the new process: train on, and begin to save; stay in the middle of it until killed"
    learn = make('Adam'); learn.load(path); learn.fit(9, resume=True)
    def wait(*_): print('in the middle', flush=True); time.sleep(60)
    if where == 'writing':
        real = torch.save
        def half(contents, f): real(contents, f); f.truncate(f.tell()//2); f.flush(); wait()
        torch.save = half
    else: setattr(os, where, wait)
    learn.save(path)

@pytest.mark.skipif(os.name == 'nt', reason='there is no SIGKILL on Windows')
@pytest.mark.parametrize('where', ['writing', 'fsync', 'replace'])
def test_killed_in_the_middle_of_a_save(where, tmp_path):
    path, learn, reader = tmp_path/'kept.pt', make('Adam'), make('Adam')
    learn.fit(3, lr=.01); learn.save(path)
    before = path.read_bytes()
    child = in_new_process('die_at(sys.argv[1], Path(sys.argv[2]))', where, path)
    assert child.stdout.readline() == 'in the middle\n'
    child.send_signal(signal.SIGKILL)
    assert child.wait(30) == -signal.SIGKILL
    part, = tmp_path.glob('kept.pt.*.part')
    assert path.read_bytes() == before
    reader.load(path)
    assert torch.equal(weights(reader), weights(learn)) and len(reader.rows) == 3
    if where == 'writing': pytest.raises(ValueError, read_whole, part, ['model']).match("can't be loaded")
    reader.fit(4, resume=True); reader.save(path)            # the leftover is no hindrance
    assert [f.name for f in tmp_path.iterdir()] == ['kept.pt']
    learn.load(path)
    assert len(learn.rows) == 4

def save_for_ever(path):
    print('begin', flush=True)
    for i in range(10**9): write_whole(dict(i=i, t=torch.full((200_000,), float(i))), path)

@pytest.mark.skipif(os.name == 'nt', reason='there is no SIGKILL on Windows')
def test_killed_at_any_time(tmp_path):
    "Whenever it happens, the file is one whole save"
    path = tmp_path/'kept.pt'
    for wait in (0.05, 0.11, 0.17):
        child = in_new_process('save_for_ever(Path(sys.argv[1]))', path)
        child.stdout.readline()
        while not path.exists(): time.sleep(.01)
        time.sleep(wait)
        child.send_signal(signal.SIGKILL); child.wait(30)
        kept = read_whole(path, ['i', 't'])
        assert torch.equal(kept['t'], torch.full((200_000,), float(kept['i'])))

@pytest.mark.parametrize('moment', ['before_epoch', 'before_batch', 'before_step', 'after_batch'])
@pytest.mark.parametrize('error', [RuntimeError, ValueError, KeyboardInterrupt])
def test_an_error_in_a_callback_keeps_the_last_good_epoch(moment, error):
    def fail(self, learn):
        if learn.epoch == 2 and learn.batch in (None, 3): raise error('mine')
    fails = type('Fails', (Callback,), {moment: fail})()
    learn, good, whole = make('Adam'), make('Adam'), make('Adam')
    with pytest.raises(error, match='mine'): learn.fit(5, lr=.01, cbs=[fails])
    good.fit(2, lr=.01); whole.fit(5, lr=.01)
    assert torch.equal(weights(learn), weights(good)) and all(map(torch.equal, state(learn), state(good)))
    assert (len(learn.rows), learn.smooth.count, learn.batch) == (2, good.smooth.count, None)
    learn.fit(5, resume=True)
    assert torch.equal(weights(learn), weights(whole)) and [r[:2] for r in learn.rows] == [r[:2] for r in whole.rows]

@pytest.mark.parametrize('moment', ['before_fit', 'after_epoch', 'after_fit', 'on_error'])
def test_an_error_between_epochs_keeps_what_was_learned(moment):
    def fail(self, learn): raise RuntimeError('mine')
    learn, good = make('Adam'), make('Adam')
    cbs = [type('Fails', (Callback,), {moment: fail})()]
    if moment == 'on_error': cbs.append(type('First', (Callback,), {'after_epoch': fail})())
    with pytest.raises(RuntimeError, match='mine'): learn.fit(1, lr=.01, cbs=cbs)
    if moment != 'before_fit': good.fit(1, lr=.01)
    assert torch.equal(weights(learn), weights(good))

def test_stop_on_nan_leaves_other_errors_alone():
    def fail(self, learn): raise KeyError('mine')
    with pytest.raises(KeyError): make('Adam').fit(1, lr=.01, cbs=[StopOnNaN(), type('Fails', (Callback,), {'before_step': fail})()])

def test_a_step_to_infinity_is_noticed():
    "The loss is finite, the weights after the last batch are not"
    def blow_up(self, learn):
        if learn.batch == 5: [p.grad.fill_(float('inf')) for p in learn.model.parameters()]
    learn, good = make('SGD', cbs=[type('Blow', (Callback,), {'before_step': blow_up})(), StopOnNaN()]), make('SGD')
    before = weights(learn)
    learn.fit(3, lr=.01)
    assert 'the weights became NaN or infinite' in learn.stop and torch.equal(weights(learn), before) and learn.rows == []

def test_a_file_that_does_not_fit_changes_nothing(tmp_path):
    learn = make('Adam'); learn.fit(2, lr=.01); learn.save(tmp_path/'a.pt')
    for other, message in [(make('SGD'), 'saved with the optimizer Adam'), (make('Adam'), 'the saved model is')]:
        if 'model' in message: other.model = nn.Sequential(nn.Linear(8, 7, bias=False), nn.ReLU(), nn.Linear(7, 1, bias=False))
        before = weights(other)
        with pytest.raises(ValueError, match=message): other.load(tmp_path/'a.pt')
        assert torch.equal(weights(other), before) and other.opt is None and other.rows == []
    whole = (tmp_path/'a.pt').read_bytes()
    before, rows = weights(learn), list(learn.rows)
    for broken in (b'', b'hello', whole[:len(whole)//2], whole[:-5]):
        (tmp_path/'b.pt').write_bytes(broken)
        with pytest.raises(ValueError, match="b.pt can't be loaded"): learn.load(tmp_path/'b.pt')
    torch.save(dict(model=learn.model.state_dict()), tmp_path/'b.pt')
    with pytest.raises(ValueError, match=r"holds \['model'\], expected"): learn.load(tmp_path/'b.pt')
    with pytest.raises(FileNotFoundError): learn.load(tmp_path/'none.pt')
    assert torch.equal(weights(learn), before) and learn.rows == rows

def test_a_file_with_code_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self): return os.system, (f'touch {tmp_path}/was_here',)
    torch.save(Evil(), tmp_path/'evil.pt')
    with pytest.raises(ValueError, match="can't be loaded"): make('Adam').load(tmp_path/'evil.pt')
    assert not (tmp_path/'was_here').exists()

def test_a_state_dict_is_a_copy():
    learn = make('Adam'); learn.fit(1, lr=.01)
    saved = learn.state_dict()
    before = [v.clone() for s in saved['opt']['state'].values() for v in s.values()]
    learn.fit(3, resume=True)
    assert all(map(torch.equal, before, [v for s in saved['opt']['state'].values() for v in s.values()])) and len(saved['rows']) == 1

def test_the_best_is_kept_though_the_training_is_killed(tmp_path):
    learn = make('Adam', cbs=[SaveBest(tmp_path/'best.pt'), Recorder(), EarlyStop(2)])
    learn.fit(30, lr=.05)
    best = make('Adam'); best.load(tmp_path/'best.pt')
    assert best.column('valid_loss')[-1] == min(learn.column('valid_loss'))

@pytest.mark.parametrize('name', ['SGD', 'Adam', 'Lion', 'Muon', 'torch_Adam'])
def test_lr_find_leaves_the_model_as_it_was(name):
    learn = make(name)
    before = weights(learn)
    found = lr_find(learn.model, learn.dls.train, learn.opt_func, learn.loss_func, start_lr=1e-5, num_it=50)
    assert torch.equal(weights(learn), before) and len(found.lrs) == len(found.losses)
    learn.fit(1, lr=found.valley, cbs=[Scheduled(lr=partial(anneal_cosine, start=found.valley))])
    assert not torch.equal(weights(learn), before)

@pytest.mark.parametrize('name', ['Adam', 'RMSprop', 'torch_SGD'])
def test_files_of_an_earlier_version_load(name):
    "Saved after 2 of 5 epochs by the version before saving had a module of its own; and where that version ended"
    folder, learn = Path(__file__).parent/'saved', make(name)
    learn.load(folder/f'{name}.pt')
    learn.fit(5, resume=True, cbs=[schedule(name)])
    assert torch.equal(weights(learn), torch.load(folder/f'{name}.end', weights_only=True))
