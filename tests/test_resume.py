"Training goes on from a saved optimizer in another process, bit for bit, for every optimizer and driver, with a schedule running."
from copy import deepcopy
import os, pickle, subprocess, sys

import pytest, torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from fastbook_sgd import optim
from fastbook_sgd.drivers import KERNELS
from conftest import COMPILER

OPTIMIZERS = dict(SGD=dict(momentum=.9, nesterov=True), Adagrad=dict(lr_decay=.01), RMSprop=dict(momentum=.9, centered=True), Adam=dict(amsgrad=True, weight_decay=.1), AdamW={}, Lion=dict(weight_decay=.1), Muon={})
SCHEDULES = dict(OneCycleLR=lambda opt: OneCycleLR(opt, max_lr=[.05, .01], total_steps=41, cycle_momentum='momentum' in opt.defaults or 'betas' in opt.defaults), CosineAnnealingLR=lambda opt: CosineAnnealingLR(opt, T_max=40))
BEFORE, AFTER = 17, 23
DRIVEN = [(name, driver) for name in OPTIMIZERS for driver in ('each', 'foreach', 'flat', 'fused')
          if driver == 'each' or name != 'Muon' and (driver != 'fused' or getattr(optim, name).rule in KERNELS or COMPILER)]

def start(name, driver, schedule):
    "A net of two matrices, in two groups"
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 5, bias=False), nn.ReLU(), nn.Linear(5, 2, bias=False))
    opt = getattr(optim, name)([dict(params=net[0].parameters()), dict(params=net[2].parameters(), weight_decay=.05)], lr=.01, driver=driver, **OPTIMIZERS[name])
    return net, opt, SCHEDULES[schedule](opt)

def train(net, opt, scheduler, steps):
    for step in steps:
        x = torch.randn(8, 6, generator=torch.Generator().manual_seed(step))
        (net(x)**2).mean().backward()
        opt.step(); opt.zero_grad(); scheduler.step()

def go_on(folder):
    "What the other process does: load what is there, train to the end, save the weights and what the optimizer knows"
    for path in sorted(os.listdir(folder)):
        *made, _ = path.split('.')
        parts, saved = start(*made), torch.load(os.path.join(folder, path), weights_only=True)
        for part, state in zip(parts, saved): part.load_state_dict(state)
        train(*parts, range(BEFORE, BEFORE + AFTER))
        torch.save([part.state_dict() for part in parts], os.path.join(folder, path))

@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    "One other process for all of them"
    folder = tmp_path_factory.mktemp('saved')
    for name, driver in DRIVEN:
        for schedule in SCHEDULES:
            parts = start(name, driver, schedule)
            train(*parts, range(BEFORE))
            torch.save([part.state_dict() for part in parts], folder/f'{name}.{driver}.{schedule}.pt')
    subprocess.run([sys.executable, __file__, folder], check=True)
    return folder

def same(a, b):
    if torch.is_tensor(a): return torch.equal(a, b)
    if isinstance(a, dict): return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)): return len(a) == len(b) and all(map(same, a, b))
    return a == b

@pytest.mark.parametrize('schedule', SCHEDULES)
@pytest.mark.parametrize('name,driver', DRIVEN)
def test_goes_on_in_another_process(finished, name, driver, schedule):
    "n steps, saved, loaded with weights_only, m more: weights, state and schedule are those of n + m in one go"
    straight = start(name, driver, schedule)
    first = [p.clone() for p in straight[0].parameters()]
    train(*straight, range(BEFORE + AFTER))
    assert all(not torch.equal(p, q) for p, q in zip(first, straight[0].parameters()))
    for part, state in zip(straight, torch.load(finished/f'{name}.{driver}.{schedule}.pt', weights_only=True)): assert same(part.state_dict(), state)

@pytest.mark.parametrize('name', OPTIMIZERS)
def test_a_copy_goes_on_alike(name):
    "deepcopy and pickle take an optimizer and its net together, and then neither touches the other"
    parts = start(name, 'each', 'CosineAnnealingLR')
    train(*parts, range(BEFORE))
    copies = [deepcopy(parts), pickle.loads(pickle.dumps(parts[:2]))]
    before = deepcopy([part.state_dict() for part in parts])
    for net, opt, *_ in copies: train(net, opt, CosineAnnealingLR(opt, T_max=40), range(BEFORE, BEFORE + 5))
    assert same(before, [part.state_dict() for part in parts])
    train(*parts[:2], CosineAnnealingLR(parts[1], T_max=40), range(BEFORE, BEFORE + 5))
    for net, opt, *_ in copies: assert same(net.state_dict(), parts[0].state_dict()) and same(opt.state_dict(), parts[1].state_dict())

if __name__ == '__main__': go_on(sys.argv[1])
