"What a faster driver must not miss, one thing a test."
from copy import deepcopy
from functools import partial
import io, pickle, re

import pytest, torch
from torch import nn

from fastbook_sgd import optim
from fastbook_sgd.base import Optimizer

DRIVERS = 'each', 'foreach', 'flat', 'fused'
every_driver = pytest.mark.parametrize('driver', DRIVERS)
MAKES = dict(SGD=partial(optim.SGD, lr=.1), momentum=partial(optim.SGD, lr=.1, momentum=.9), Adam=partial(optim.Adam, lr=.01), AdamW=partial(optim.AdamW, lr=.01), RMSprop=partial(optim.RMSprop, lr=.01))
every_make = pytest.mark.parametrize('make', MAKES)

def net(): torch.manual_seed(0); return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
X = torch.randn(20, 4, generator=torch.Generator().manual_seed(1))
def loss(m): return m(X).square().mean()
def train(m, opt, steps=3):
    for _ in range(steps): opt.zero_grad(); loss(m).backward(); opt.step()
    return m
def weights(m): return torch.cat([p.detach().flatten() for p in m.parameters()])
def near(a, b, driver): return (a - b).abs().max() <= (1e-5 if driver == 'fused' else 0)

@every_make
@every_driver
def test_backward_through_a_kept_graph_after_a_step(make, driver):
    m = net(); opt = MAKES[make](m.parameters(), driver=driver)
    for _ in range(2):
        out = m(X)
        out.square().mean().backward(retain_graph=True); opt.step(); opt.zero_grad()
        with pytest.raises(RuntimeError, match='modified by an inplace operation'): out.square().mean().backward()

@every_make
@every_driver
def test_frozen_after_a_step(make, driver):
    m = net(); opt = MAKES[make](m.parameters(), driver=driver)
    train(m, opt); opt.zero_grad()
    m[0].requires_grad_(False); before = weights(m[0])
    train(m, opt)
    assert torch.equal(before, weights(m[0])) and all(p.grad is None for p in m[0].parameters())

@every_driver
def test_gradients_are_torchs(driver):
    m = net(); opt = MAKES['Adam'](m.parameters(), driver=driver)
    loss(m).backward(); given = [p.grad for p in m.parameters()]
    opt.step()
    assert all(p.grad is g for p, g in zip(m.parameters(), given))
    opt.zero_grad(set_to_none=False)
    assert all(p.grad is g and not g.any() for p, g in zip(m.parameters(), given))
    opt.zero_grad()
    assert all(p.grad is None for p in m.parameters()) and 'step' not in vars(opt) and 'zero_grad' not in vars(opt)

@every_make
@every_driver
def test_parameters_stay_where_they_are(make, driver):
    m = net(); places = [p.data_ptr() for p in m.parameters()]
    alias = m[0].weight.detach()
    train(m, MAKES[make](m.parameters(), driver=driver))
    assert places == [p.data_ptr() for p in m.parameters()] and torch.equal(alias, m[0].weight)

@every_driver
def test_one_layer_saves_one_layer(driver):
    m = nn.Sequential(*[nn.Linear(64, 64) for _ in range(30)]); opt = MAKES['AdamW'](m.parameters(), driver=driver)
    m(torch.randn(5, 64)).sum().backward(); opt.step()
    def size(x): file = io.BytesIO(); torch.save(x, file); return len(file.getvalue())
    assert size(m[3].state_dict()) < 25_000
    assert size(opt.state[m[3].weight]) < 50_000

@every_make
@every_driver
def test_tied_memory(make, driver):
    ends = []
    for d in (driver, 'each'):
        torch.manual_seed(0); a, b = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False); b.weight = nn.Parameter(a.weight)
        m = train(nn.Sequential(a, nn.Tanh(), b, nn.Linear(4, 1)), MAKES[make](nn.Sequential(a, b).parameters(), driver=d), 5)
        assert torch.equal(a.weight, b.weight)
        ends.append(weights(m))
    assert near(*ends, driver)

@every_make
@every_driver
def test_shared_memory(make, driver):
    m = net(); opt = MAKES[make](m.parameters(), driver=driver); train(m, opt)
    m.share_memory()
    seen = [torch.from_numpy(p.detach().numpy()) for p in m.parameters()]
    train(m, opt)
    assert all(p.is_shared() and torch.equal(p, x) for p, x in zip(m.parameters(), seen))
    n = net()
    assert near(weights(m), weights(train(n, MAKES[make](n.parameters()), 6)), driver)

@every_driver
def test_counts_are_there(driver):
    m = net(); opt = MAKES['Adam'](m.parameters(), driver=driver)
    for k in range(1, 4):
        train(m, opt, 1)
        assert all(s['step'] == k for s in opt.state.values())
    opt.state[m[0].weight]['step'].fill_(7)
    train(m, opt, 1)
    assert [float(s['step']) for s in opt.state.values()] == [8, 4, 4, 4]

@every_driver
def test_copies_keep_their_driver(driver):
    m = net(); opt = MAKES['Adam'](m.parameters(), driver=driver); train(m, opt)
    copies = deepcopy((m, opt)), pickle.loads(pickle.dumps((m, opt)))
    before = weights(m)
    for n, o in copies: train(n, o); assert o.driver.name == driver and o.driver is not opt.driver
    assert torch.equal(before, weights(m))
    train(m, opt)
    for n, _ in copies: assert torch.equal(weights(n), weights(m))

@every_driver
def test_hooks_and_profiler(driver):
    from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
    seen, m = [], net(); opt = MAKES['SGD'](m.parameters(), driver=driver)
    handles = [register_optimizer_step_pre_hook(lambda *a: seen.append('before all')), register_optimizer_step_post_hook(lambda *a: seen.append('after all')),
               opt.register_step_pre_hook(lambda *a: seen.append('before')), opt.register_step_post_hook(lambda *a: seen.append('after'))]
    train(m, opt, 1)
    for h in handles: h.remove()
    train(m, opt, 1)
    assert seen == ['before all', 'before', 'after', 'after all']
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as prof: opt.step()
    assert 'Optimizer.step#SGD.step' in {e.key for e in prof.key_averages()}

class Own(optim.SGD):
    def step(self, closure=None):
        self.calls = getattr(self, 'calls', 0) + 1
        return super().step(closure)

@every_driver
def test_zero_grad_is_seen_by_the_profiler(driver):
    m = net(); opt = MAKES['SGD'](m.parameters(), driver=driver)
    loss(m).backward()
    with torch.profiler.profile() as profile: opt.zero_grad()
    assert any('zero_grad' in e.name for e in profile.events()) and all(p.grad is None for p in m.parameters())

@every_driver
def test_an_overridden_step(driver):
    m = net(); opt = Own(m.parameters(), lr=.1, driver=driver); seen = []
    opt.register_step_pre_hook(lambda *a: seen.append(1))
    train(m, opt, 3)
    n = net(); train(n, optim.SGD(n.parameters(), lr=.1))
    assert opt.calls == 3 == len(seen) and near(weights(m), weights(n), driver)

class OwnStart(optim.Adam):
    def start(self, p, group): return torch.full_like(p, .5)

@every_driver
def test_an_overridden_start(driver):
    m = net(); train(m, OwnStart(m.parameters(), driver=driver)); n = net(); train(n, OwnStart(n.parameters()))
    assert near(weights(m), weights(n), driver)

class OwnUpdate(optim.SGD):
    def update(self, p, group): p.sub_(1)

@every_driver
def test_an_overridden_update(driver):
    p = torch.ones(3, requires_grad=True); p.grad = torch.ones(3)
    if driver == 'each': OwnUpdate([p]).step(); assert not p.any()
    else:
        with pytest.raises(ValueError, match=f"OwnUpdate: driver is '{driver}', but the class has its own update"): OwnUpdate([p], driver=driver)

@every_make
@every_driver
def test_compiled_step(make, driver):
    torch._dynamo.reset(); m, n = net(), net(); a, b = MAKES[make](m.parameters(), driver=driver), MAKES[make](n.parameters())
    step = torch.compile(lambda: a.step(), backend='eager')
    for _ in range(4):
        for k in (m, n): k.zero_grad(); loss(k).backward()
        step(); b.step()
    assert near(weights(m), weights(n), driver)

@every_driver
def test_a_tensor_as_learning_rate(driver):
    "Its number is taken: torch's bits with that number, and within 1e-6 of torch's with the tensor, which divides in float32"
    m, n, ref, tensors = net(), net(), net(), net()
    lr, made = torch.tensor(.01), partial(torch.optim.Adam, foreach=False)
    theirs, with_tensor, opt = made(ref.parameters(), lr=lr.item()), made(tensors.parameters(), lr=torch.tensor(.01)), optim.Adam(m.parameters(), lr=lr, driver=driver)
    for k, o in ((m, opt), (ref, theirs), (tensors, with_tensor)): train(k, o)
    again = optim.Adam(n.parameters(), driver=driver)
    n.load_state_dict(tensors.state_dict()); again.load_state_dict(deepcopy(with_tensor.state_dict()))
    assert torch.is_tensor(again.param_groups[0]['lr']) and again.param_groups[0]['lr'].item() == lr.item()
    for o in (opt, again, with_tensor): o.param_groups[0]['lr'].mul_(.5)                 # in place: no new object tells of it
    theirs.param_groups[0]['lr'] = lr.item()
    for k, o in ((m, opt), (n, again), (ref, theirs), (tensors, with_tensor)): train(k, o)
    assert near(weights(m), weights(ref), driver) and (weights(n) - weights(tensors)).abs().max() <= 1e-6
    for bad in (torch.tensor(-1.), torch.ones(2)):
        with pytest.raises(ValueError, match='lr is'): optim.Adam(net().parameters(), lr=bad, driver=driver)

def test_torchs_switches():
    ps = lambda: net().parameters()
    assert optim.SGD(ps(), foreach=True).driver.name == 'foreach' and optim.SGD(ps(), fused=True).driver.name == 'fused'
    assert optim.SGD(ps(), foreach=False, fused=None, capturable=False).driver.name == 'each'
    with pytest.raises(TypeError, match='capturable'): optim.Adam(ps(), capturable=True)
    with pytest.raises(TypeError, match='driver'): optim.Adam(ps(), foreach=True, driver='flat')
    with pytest.raises(TypeError, match='driver'): optim.Adam(ps(), foreach=True, fused=True)

@every_driver
def test_a_sparse_gradient_changes_nothing(driver):
    emb, p = nn.Embedding(5, 3, sparse=True), torch.ones(3, requires_grad=True)
    opt = MAKES['Adam']([p, emb.weight], driver=driver)
    p.grad = torch.ones(3)
    for _ in range(2):
        emb(torch.tensor([1])).sum().backward()
        with pytest.raises(ValueError, match='sparse'): opt.step()
        assert torch.equal(p, torch.ones(3)) and not opt.state
    emb.weight.grad = torch.ones(5, 3); opt.step(); before = p.clone()
    emb.weight.grad = None; emb(torch.tensor([1])).sum().backward()
    with pytest.raises(ValueError, match='sparse'): opt.step()
    assert torch.equal(p, before) and opt.state[p]['step'] == 1

SIZES = 1, 2, 3, 5, 8, 13, 31, 33, 63, 65, 127, 255, 257, 1000, 1023, 4095, 4097, 10007, 32767, 32769, 65537, 99999, 100000
HOLDS = {(d, dt): 0 for d in DRIVERS for dt in (torch.float32, torch.float64, torch.bfloat16, torch.float16)} | {('fused', torch.float32): 1e-6, ('fused', torch.float64): 1e-6}
RULES = dict(SGD=dict(momentum=.9, weight_decay=.01), Adagrad={}, RMSprop=dict(momentum=.9, centered=True), Adam=dict(amsgrad=True), AdamW={})

@pytest.mark.parametrize('threads', [1, 2])
@pytest.mark.parametrize('driver,dtype', HOLDS, ids=str)
@pytest.mark.parametrize('name', RULES)
def test_what_holds(name, driver, dtype, threads):
    "Sizes up to 100,000 in one optimizer, 12 steps, one and two threads: the largest difference to torch's plain loop, relative to the parameter's largest number"
    bar, g = HOLDS[driver, dtype], torch.Generator().manual_seed(0)
    if bar and name == 'RMSprop': bar = 1e-5
    start = [torch.randn(n, generator=g).to(dtype) for n in SIZES]
    ours, theirs = [[x.clone().requires_grad_() for x in start] for _ in range(2)]
    eps = {'eps': 1e-3} if dtype == torch.float16 and name != 'SGD' else {}
    opts = getattr(optim, name)(ours, lr=.01, driver=driver, **RULES[name], **eps), getattr(torch.optim, name)(theirs, lr=.01, foreach=False, **RULES[name], **eps)
    before = torch.get_num_threads(); torch.set_num_threads(threads)
    try:
        for step in range(12):
            for i, (p, q) in enumerate(zip(ours, theirs)):
                p.grad = None if (step + i) % 7 == 6 else torch.randn(p.shape, generator=g).to(dtype)
                q.grad = p.grad
            for o in opts: o.step()
    finally: torch.set_num_threads(before)
    for p, q in zip(ours, theirs):
        assert p.isfinite().all() and ((p - q).abs().max() <= bar*q.abs().max() if bar else torch.equal(p, q)), p.numel()

def walked(make, driver, change, n=5, shape=(3, 3)):
    "Three steps, a change, three more: parameters and state"
    g = torch.Generator().manual_seed(0)
    ps = [torch.randn(shape, generator=g).requires_grad_() for _ in range(n)]
    opt = MAKES[make](ps, driver=driver)
    for step in range(6):
        if step == 3: change(ps, remembered(opt, ps))
        for p in ps: p.grad = torch.randn(p.shape, generator=g).to(p.dtype)
        opt.step()
    return [*ps, *(x for p in ps for x in opt.state[p].values())]

def remembered(opt, ps): return [x for p in ps for name, x in opt.state[p].items() if name != 'step']
def tie(ps, kept): ps[1].data = ps[0].data
def overlap(ps, kept): x = torch.randn(12, generator=torch.Generator().manual_seed(1)); ps[1].data, ps[2].data = x[:9].view(3, 3), x[3:].view(3, 3)
def turn(ps, kept): ps[0].data = ps[0].data.t()
def gaps(ps, kept): ps[0].data = torch.zeros(3, 6)[:, ::2].copy_(ps[0].data)
def move(ps, kept): ps[0].data = ps[0].data.clone()
def move_state(ps, kept):
    for x in kept: x.data = x.data.clone()
def turn_state(ps, kept):
    for x in kept[:2]: x.data = x.data.t().contiguous().t()
def change_state(ps, kept):
    for x in kept[1:]: x.data = x.data*2
def share_state(ps, kept):
    for x in kept: x.share_memory_()
@pytest.mark.parametrize('n', [5, 20])
@pytest.mark.parametrize('change', [tie, overlap, turn, gaps, move, move_state, turn_state, change_state, share_state])
@every_make
@every_driver
def test_memory_that_changes(make, driver, change, n):
    for x, y in zip(walked(make, driver, change, n), walked(make, 'each', change, n)): assert near(x.double(), y.double(), driver)

@every_make
@every_driver
def test_state_that_shrank(make, driver):
    "torch's kernel would read beyond it"
    m = net(); opt = MAKES[make](m.parameters(), driver=driver); train(m, opt)
    kept = remembered(opt, list(m.parameters()))
    if not kept: return
    before = weights(m)
    kept[0].data = kept[0].data[:1].clone()
    with pytest.raises(ValueError, match='expected the same'): train(m, opt)
    assert torch.equal(before, weights(m))

@every_make
@every_driver
def test_layouts_of_gradients_that_alternate(make, driver):
    ends = []
    for d in (driver, 'each'):
        g = torch.Generator().manual_seed(0)
        ps = [torch.randn(3, 3, generator=g).requires_grad_() for _ in range(5)]; opt = MAKES[make](ps, driver=d)
        for step in range(9):
            for i, p in enumerate(ps):
                x = torch.randn(3, 3, generator=g)
                p.grad = [x, x.t(), torch.zeros(3, 6)[:, ::2].copy_(x), None if i else x, x[:1].expand(3, 3)][(step if i < 3 else 0) % 5]
            opt.step()
        ends.append(torch.cat([p.detach().flatten() for p in ps]))
    assert near(*ends, driver)

@every_make
@every_driver
def test_without_the_quick_look(make, driver, monkeypatch):
    "A torch that lacks the call in C++: the closer look alone sees the same"
    from fastbook_sgd import drivers
    monkeypatch.setattr(drivers, 'as_now', lambda tensors: None)
    for change in (tie, turn, move, turn_state):
        for x, y in zip(walked(make, driver, change), walked(make, 'each', change)): assert near(x.double(), y.double(), driver)

FACTOR = .1
def by_factor(p, g, lr=.1): p.add_(g, alpha=-lr*FACTOR)
class ByFactor(Optimizer, rule=by_factor): pass

def test_a_shared_loop_is_tried_by_each_optimizer(monkeypatch):
    "A loop holds what the rule read elsewhere when it was recorded: an optimizer that is made later sees what stands there now"
    for factor in (.1, .5, .1):
        monkeypatch.setitem(globals(), 'FACTOR', factor)
        p = torch.zeros(3, requires_grad=True); p.grad = torch.ones(3)
        ByFactor([p], lr=1., driver='fused').step()
        assert torch.allclose(p.detach(), torch.full((3,), -factor))
