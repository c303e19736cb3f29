"Random problems: ours against torch.optim, lion_pytorch and fastai, to the bit where the order of operations is the same. How long the rules are."
from copy import deepcopy
from functools import partial
import ast, inspect, statistics

from hypothesis import Phase, given, settings, strategies as st
import fastai.optimizer, lion_pytorch, pytest, torch

from fastbook_sgd import optim

STEPS = 100
CASES = dict(SGD=350, Adagrad=300, RMSprop=300, Adam=350, AdamW=300, Lion=250, Muon=250)
OURS = {name: getattr(optim, name) for name in CASES}
THEIRS = {name: partial(getattr(torch.optim, name), foreach=False) for name in CASES if name not in ('Lion', 'Muon')} | dict(Lion=lion_pytorch.Lion, Muon=torch.optim.Muon)

def repeatable(cases):
    "The same cases each time; they are small as they are, so none is shrunk"
    return settings(max_examples=cases, deadline=None, derandomize=True, database=None, phases=[Phase.generate])

# Hyper-parameters

yes_or_no = st.booleans()
rates  = st.sampled_from([1e-3, .1]) | st.floats(1e-5, .5)
shares = st.sampled_from([0., .5, .9, .99]) | st.floats(0, .999)
decays = st.sampled_from([0, 0., .01, .1]) | st.floats(0, 1)
small  = st.sampled_from([1e-10, 1e-8, 1e-5, 1e-3]) | st.floats(1e-12, 1)
pairs  = st.tuples(shares, shares)

def hypers(**kw): return st.fixed_dictionaries(dict(lr=rates, weight_decay=decays, **kw))
HYPERS = dict(
    SGD=hypers(momentum=shares, dampening=st.just(0) | st.floats(-1, 1), nesterov=yes_or_no, maximize=yes_or_no).map(
        lambda h: {**h, 'dampening': 0, 'momentum': h['momentum'] or .9} if h['nesterov'] else h),
    Adagrad=hypers(lr_decay=decays, initial_accumulator_value=decays, eps=small, maximize=yes_or_no),
    RMSprop=hypers(alpha=st.sampled_from([.5, .9, .99]) | st.floats(.5, .999), eps=small, momentum=shares, centered=yes_or_no, maximize=yes_or_no),
    Adam=hypers(betas=pairs, eps=small, amsgrad=yes_or_no, maximize=yes_or_no),
    AdamW=hypers(betas=pairs, eps=small, amsgrad=yes_or_no, maximize=yes_or_no),
    Lion=hypers(betas=pairs),
    Muon=hypers(momentum=shares, nesterov=yes_or_no, eps=small, ns_steps=st.integers(0, 6), adjust_lr_fn=st.sampled_from([None, 'original', 'match_rms_adamw']),
                ns_coefficients=st.sampled_from([(3.4445, -4.7750, 2.0315), (15/8, -10/8, 3/8)])),
)
SCHEDULED = 'lr', 'weight_decay', 'momentum', 'betas', 'eps', 'alpha'     # what may change between steps

# Parameters and their gradients

REAL = [torch.float32, torch.float64, torch.bfloat16]
LAYOUTS = dict(
    plain=lambda x: x,
    transposed=lambda x: x.movedim(0, -1).contiguous().movedim(-1, 0) if x.ndim else x,
    strided=lambda x: x.repeat_interleave(2, -1)[..., ::2] if x.ndim else x,
    channels_last=lambda x: x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x,
)
any_shape = st.sampled_from([(), (1,), (0,), (5,), (40,), (3,4), (4,0,2), (2,3,5), (2,3,4,4)])
matrices = st.tuples(st.integers(1, 9), st.integers(1, 9)) | st.sampled_from([(0,3), (20,3), (3,20)])

def parameters(shapes, dtypes):
    return st.lists(st.fixed_dictionaries(dict(
        shape=shapes, dtype=st.sampled_from(dtypes), layout=st.sampled_from([*LAYOUTS]), group=st.integers(0, 2),
        starts=st.sampled_from([0, 0, 1, 30]),                                              # the step of its first gradient
        every=st.sampled_from([0, 0, 2, 5]),                                                # so often one is missing
        frozen=st.just((-1,-1)) | st.tuples(st.integers(0, 60), st.integers(61, STEPS-1)),  # from here to there it isn't trained
    )), min_size=1, max_size=3)

class Problem:
    "What happens in all steps, the same for every optimizer"
    def __init__(self, specs, groups, seed, changes={}, closure=False, set_to_none=True, swap=False):
        self.specs, self.seed, self.changes, self.closure, self.set_to_none, self.swap = specs, seed, changes, closure, set_to_none, swap
        self.all_groups = groups
        self.groups = [([i for i, s in enumerate(specs) if s['group'] == k], groups[k]) for k in sorted({s['group'] for s in specs})]
        g = torch.Generator().manual_seed(seed)
        draw = lambda s, *n: torch.randn((*n, *s['shape']), generator=g, dtype=torch.complex64 if s['dtype'].is_complex else torch.float32)
        self.start = [draw(s).to(s['dtype']) for s in specs]
        self.grads = [(draw(s, STEPS)*10**torch.randn((STEPS, *s['shape']), generator=g)).to(s['dtype']) for s in specs]

    def __repr__(self): return 'Problem(' + ', '.join(f'{k}={v}' for k, v in vars(self).items() if k not in ('start', 'grads')) + ')'

    def made(self, make):
        "Parameters, and an optimizer of them"
        params = [LAYOUTS[s['layout']](x.clone()).detach().requires_grad_() for s, x in zip(self.specs, self.start)]
        same_for_all = {k: v for k, v in self.groups[0][1].items() if k == 'initial_accumulator_value'}
        return params, make([{**hypers, 'params': [params[i] for i in ids]} for ids, hypers in self.groups], **same_for_all)

    def give(self, params, step):
        "Each parameter its gradient, as backward would: added where there is one"
        for s, p, g in zip(self.specs, params, self.grads):
            if step == s['frozen'][0]: p.requires_grad_(False); p.grad = None
            if step == s['frozen'][1]: p.requires_grad_(True)
            if step < s['starts'] or s['every'] and step % s['every'] == 1 or not p.requires_grad: continue
            if p.grad is not None: p.grad += g[step]
            else: p.grad = torch.empty_like(p, requires_grad=False).copy_(g[step])    # laid out as the parameter: that is what backward makes

    def walk(self, make, other):
        "Parameters and optimizer at the end; if `swap`, another optimizer goes on half-way from the saved state"
        params, opt = self.made(make)
        for step in range(STEPS):
            if step == STEPS//2 and self.swap:
                saved, opt = deepcopy(opt.state_dict()), other([{**g} for g in opt.param_groups])
                opt.load_state_dict(saved)
            which, new = self.changes.get(step, (0, {}))
            group = opt.param_groups[which % len(opt.param_groups)]
            group.update({k: v for k, v in new.items() if k in SCHEDULED and (k != 'momentum' or group[k] and v or 'dampening' in group and not group.get('nesterov'))})  # torch's RMSprop can't turn it on later
            if self.closure: assert opt.step(lambda: self.give(params, step) or torch.tensor(float(step))) == step
            else: self.give(params, step); assert opt.step() is None
            if self.set_to_none is None: [setattr(p, 'grad', None) for p in params]   # for fastai's
            else: opt.zero_grad(set_to_none=self.set_to_none)
        return params, opt

@st.composite
def problems(draw, name):
    specs = draw(parameters(matrices if name == 'Muon' else any_shape, [*REAL, torch.complex64] if name in (*L2_ALONE, 'AdamW') else REAL))
    groups = draw(st.lists(HYPERS[name], min_size=3, max_size=3))
    changes = draw(st.dictionaries(st.integers(1, STEPS-1), st.tuples(st.integers(0, 2), HYPERS[name]), max_size=3))
    dtypes = {s['dtype'] for s in specs}
    for g in [*groups, *(new for _, new in changes.values())]:
        if name == 'Adagrad': g['initial_accumulator_value'] = groups[0]['initial_accumulator_value']    # torch's doesn't look at a group's own
        if name == 'Muon' and torch.bfloat16 in dtypes: g['nesterov'] = True                              # see test_muon_keeps_its_buffer
        if name in L2_ALONE and torch.complex64 in dtypes: g['weight_decay'] = 0                          # see test_complex
    return Problem(specs, groups, draw(st.integers(0, 2**31)), changes, draw(yes_or_no), draw(yes_or_no), draw(yes_or_no))

L2_ALONE = 'Adagrad', 'RMSprop', 'Adam'

def real(x): return torch.view_as_real(x) if x.is_complex() else x
def same(a, b): return a.shape == b.shape and a.dtype == b.dtype and torch.allclose(real(a), real(b), rtol=0, atol=0, equal_nan=True)
def apart(a, b):
    "The largest difference between two tensors, relative to their largest number"
    a, b = [real(x.detach()).double().nan_to_num() for x in (a, b)]
    return ((a - b).abs().max()/b.abs().max().clamp(min=1e-30)).item() if a.numel() else 0.

def watching(make, tops):
    "`make`, and `tops` is told the largest number that each parameter had, by its id"
    def watched(groups):
        opt = make(groups)
        def look(*_):
            for p in [p for g in opt.param_groups for p in g['params'] if p.numel()]: tops[id(p)] = max(tops.get(id(p), 1e-30), p.detach().abs().max().item())
        look()
        opt.register_step_post_hook(look)
        return opt
    return watched

@pytest.mark.parametrize('name', CASES)
def test_ours_are_torchs(name, record):
    "Parameters and state, to the bit"
    @repeatable(CASES[name])
    @given(problems(name))
    def check(problem):
        given = [g.clone() for g in problem.grads]
        ours, opt = problem.walk(OURS[name], THEIRS[name])
        theirs, ref = problem.walk(THEIRS[name], OURS[name])
        record(('lion_pytorch' if name == 'Lion' else 'torch.optim', name), max(map(apart, ours, theirs)))
        assert all(map(same, ours, theirs))
        for p, q in zip(ours, theirs):
            a, b = [{k: v for k, v in o.state.get(x, {}).items() if k != 'step' or name != 'SGD'} for o, x in ((opt, p), (ref, q))]   # torch.optim.SGD doesn't count
            assert a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
        assert all(map(same, given, problem.grads)), 'a gradient was changed'
    check()

def one(shape, dtype, group=0): return dict(shape=shape, dtype=dtype, layout='plain', group=group, starts=0, every=0, frozen=(-1,-1))

@pytest.mark.parametrize('name', ['SGD', *L2_ALONE])
@pytest.mark.parametrize('seed', range(10))
def test_complex(name, seed):
    "Within 1e-6: torch adds the decay (SGD: everything) as complex numbers, which rounds once more than our pairs of real ones"
    problem = Problem([one((5,), torch.complex64), one((), torch.complex64)], [dict(lr=.01, weight_decay=.1, **(dict(momentum=.9) if name == 'SGD' else {}))], seed)
    (ours, _), (theirs, _) = problem.walk(OURS[name], None), problem.walk(THEIRS[name], None)
    assert max(map(apart, ours, theirs)) <= 1e-6

def test_muon_keeps_its_buffer():
    "torch.optim.Muon divides its own buffer by its size where it is bfloat16 and nesterov is off; ours doesn't, and is there what torch's is in float32"
    p = torch.zeros(3, 4, dtype=torch.bfloat16, requires_grad=True)
    for opt, kept in ((optim.Muon([p], nesterov=False, momentum=.5), True), (torch.optim.Muon([p], nesterov=False, momentum=.5), False)):
        p.grad = torch.full_like(p, 8.)
        opt.step()
        assert torch.equal(opt.state[p]['momentum_buffer'], torch.full_like(p, 4.)) == kept

@pytest.mark.parametrize('swap', [False, True])
def test_momentum_that_comes_and_goes(swap):
    "The first buffer is the whole gradient, dampening or not, also where momentum is turned on later"
    changes = {10: (0, dict(momentum=.9)), 30: (0, dict(momentum=0.)), 60: (0, dict(momentum=.5))}
    problem = Problem([one((3,4), torch.float32), {**one((), torch.float32), 'starts': 30}], [dict(lr=.01, momentum=0., dampening=.4)], 0, changes, swap=swap)
    (ours, _), (theirs, _) = problem.walk(OURS['SGD'], THEIRS['SGD']), problem.walk(THEIRS['SGD'], OURS['SGD'])
    assert all(map(same, ours, theirs))

@pytest.mark.parametrize('enabled', [True, False])
@pytest.mark.parametrize('name', CASES)
def test_a_closure_may_call_backward(name, enabled):
    "As torch's users write it: forget, compute, go back, return the loss; also where gradients are off around the step"
    ends = []
    for make in (OURS[name], THEIRS[name]):
        torch.manual_seed(0)
        layer, x = torch.nn.Linear(3, 2, bias=False), torch.randn(8, 3)
        opt = make(layer.parameters(), lr=.01)
        def closure():
            opt.zero_grad()
            loss = (layer(x)**2).mean()
            loss.backward()
            return loss
        with torch.set_grad_enabled(enabled): losses = [opt.step(closure) for _ in range(5)]
        ends.append([layer.weight, *losses])
    assert all(map(torch.equal, *ends)) and len({x.item() for x in ends[0][1:]}) == 5

def test_muon_waits_at_a_gradient_of_zero():
    p = torch.ones(3, 4, requires_grad=True)
    p.grad = torch.zeros_like(p)
    optim.Muon([p], lr=.1, weight_decay=0).step()
    assert torch.equal(p, torch.ones_like(p))

# fastai

longer = st.tuples(shares, st.sampled_from([.5, .9, .999]) | st.floats(.5, .999))

SAME_IN_FASTAI = dict(
    SGD=(dict(momentum=shares), lambda ps, h: fastai.optimizer.SGD(ps, h['lr'], mom=h['momentum'], wd=h['weight_decay'], decouple_wd=False)),
    RMSprop=(dict(alpha=shares, eps=st.just(1e-8)), lambda ps, h: fastai.optimizer.RMSProp(ps, h['lr'], sqr_mom=h['alpha'], wd=h['weight_decay'], decouple_wd=False)),  # it forgets its eps
    Adam=(dict(betas=longer, eps=small), lambda ps, h: fastai.optimizer.Adam(ps, h['lr'], *h['betas'], h['eps'], h['weight_decay'], decouple_wd=False)),
    AdamW=(dict(betas=longer, eps=small), lambda ps, h: fastai.optimizer.Adam(ps, h['lr'], *h['betas'], h['eps'], h['weight_decay'])),
)

@pytest.mark.parametrize('name', SAME_IN_FASTAI)
def test_ours_are_fastais(name, record):
    """SGD and RMSProp to the bit; Adam and AdamW within 1e-6, because fastai divides before it takes the root.
    Of the largest number that a parameter had on its way: one that ends near 0 keeps the rounding of where it was.
    A second beta near 0 divides by the last gradient alone; where weight decay has cancelled that, rounding is all that is left (1e-5 was seen)."""
    extra, theirs = SAME_IN_FASTAI[name]
    @repeatable(60)
    @given(parameters(any_shape, [torch.float32, torch.float64]), hypers(**extra), st.integers(0, 2**31))
    def check(specs, h, seed):
        problem = Problem([{**s, 'group': 0} for s in specs], [h], seed, set_to_none=None)
        tops = {}
        (a, _), (b, _) = problem.walk(watching(OURS[name], tops), None), problem.walk(lambda groups: theirs(groups[0]['params'], h), None)
        difference = max([0., *((x - y).detach().abs().max().item()/tops[id(x)] for x, y in zip(a, b) if x.numel())])
        record(('fastai', name), difference)
        assert difference <= (1e-6 if name.startswith('Adam') else 0)
    check()

# The classes and the rules

@pytest.mark.parametrize('name', CASES)
def test_names_order_and_defaults_are_theirs(name):
    ours, theirs = [{k: p.default for k, p in inspect.signature(cls).parameters.items()} for cls in (OURS[name], THEIRS[name].func if isinstance(THEIRS[name], partial) else THEIRS[name])]
    extra = {'params', 'maximize', 'driver'}                # after the star in ours
    shared = [k for k in ours if k not in extra]
    assert shared == [k for k in theirs if k in shared] and {k: ours[k] for k in shared} == {k: theirs[k] for k in shared}
    assert {*theirs} - {*ours} <= {'foreach', 'fused', 'capturable', 'differentiable', 'decoupled_weight_decay', 'use_triton'}
    assert ours['maximize'] is False

def test_rules_are_short():
    "Lines below the docstring: the median at most 6, none over 12"
    sizes = []
    for rule in (optim.sgd, optim.adagrad, optim.rmsprop, optim.adam, optim.adamw, optim.lion, optim.muon):
        source = inspect.getsource(rule)
        body = ast.parse(source).body[0].body[1:]
        sizes.append(sum(bool(line.strip()) for line in source.splitlines()[body[0].lineno-1:]))
    assert statistics.median(sizes) <= 6 and max(sizes) <= 12
