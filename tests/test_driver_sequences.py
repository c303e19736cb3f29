"Random sequences of what a training script may do: after each event every driver is where torch.optim's plain loop is, bit for bit."
from copy import deepcopy
from functools import partial
from random import Random
import os, pickle, warnings

from hypothesis import Phase, given, settings, strategies as st
import pytest, torch

from fastbook_sgd import optim

warnings.filterwarnings('ignore')
F32, F64, BF16, F16, C64 = torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.complex64
HYPERS = dict(
    SGD=[{}, dict(momentum=.9), dict(momentum=.9, dampening=.3, weight_decay=.1), dict(momentum=.5, nesterov=True)],
    Adagrad=[{}, dict(lr_decay=.1, weight_decay=.01, initial_accumulator_value=.1)],
    RMSprop=[{}, dict(momentum=.9, centered=True, weight_decay=.01)],
    Adam=[{}, dict(amsgrad=True, weight_decay=.1)], AdamW=[{}, dict(amsgrad=True)], Lion=[{}, dict(weight_decay=.1)])
PLAIN = dict(Lion=optim.Lion, Adagrad=optim.Adagrad) | {n: partial(getattr(torch.optim, n), foreach=False) for n in ('SGD', 'RMSprop', 'Adam', 'AdamW')}  # torch's Adagrad starts its state only when it is made
DRIVERS = 'each', 'foreach', 'flat', 'fused'
BAR = {('fused', n): 1e-5 if n in ('RMSprop', 'Lion') else 1e-6 for n in HYPERS}
SHAPES = [(), (1,), (0,), (5,), (17,), (3, 4), (4, 3), (2, 3, 5), (2, 3, 4, 4), (7, 7), (5,), (3, 4), (3, 4)]
LAYOUTS = [lambda x: x]*5 + [lambda x: x.movedim(0, -1).contiguous().movedim(-1, 0) if x.ndim else x, lambda x: x.repeat_interleave(2, -1)[..., ::2] if x.ndim and x.numel() else x]

def laid(g, p):
    "In half precision as the parameter lies: torch's first buffer lies as its gradient does, and rounds by that"
    return torch.empty_like(p, requires_grad=False).copy_(g) if p.dtype in (BF16, F16) else g.clone().contiguous()

def param(x): return x.detach().requires_grad_()

class World:
    "An optimizer of each kind, and parameters of each: `for_both` does the same to both"
    def __init__(self, name, driver, hypers, dtypes, seed):
        self.rng, self.name, self.driver, self.dtypes = Random(seed), name, driver, dtypes
        self.g = torch.Generator().manual_seed(seed)
        exact = {k: v for k, v in hypers.items()}
        self.make = [partial(getattr(optim, name), lr=.01, driver=driver, **exact), partial(PLAIN[name] if C64 not in dtypes else getattr(optim, name), lr=.01, **exact)]
        self.params = [[], []]
        self.new(self.rng.choice([1, 2, 3, 4, 5, 6, 6, 24]))               # more than 16 small ones are gathered for a compiled loop
        n = len(self.params[0])
        cut = self.rng.randint(1, n)
        self.opts = [make([dict(params=ps[:cut]), *([dict(params=ps[cut:], lr=.003)] if cut < n else [])]) for make, ps in zip(self.make, self.params)]
        self.log = []

    def randn(self, shape, dtype): return torch.randn(shape, generator=self.g, dtype=C64 if dtype.is_complex else F32).to(dtype)
    def new(self, n):
        "Further parameters; some lie transposed, with gaps, or share a memory"
        made = [[], []]
        for _ in range(n):
            x, layout = self.randn(self.rng.choice(SHAPES), self.rng.choice(self.dtypes)), self.rng.choice(LAYOUTS)
            for into in made: into.append(param(layout(x.clone())))
        if self.rng.random() < .1 and made[0][0].numel() > 1:
            for into in made: into.append(torch.nn.Parameter(into[0].detach()))
        for into, ps in zip(made, self.params): ps += into
        return made

    def both(self): return zip(self.params, self.opts)

    # What may happen

    def give(self):
        "Gradients: some missing, some added to what is there, some laid out otherwise"
        for i, p in enumerate(self.params[0]):
            g = self.randn(p.shape, p.dtype) * 10**self.rng.uniform(-2, 1)
            missing, swapped = self.rng.random() < .1, self.rng.random() < .1 and p.dtype not in (BF16, F16)
            if swapped and p.ndim > 1: g = g.transpose(0, 1).contiguous().transpose(0, 1)
            for ps in self.params:
                if not ps[i].requires_grad or missing: continue
                if ps[i].grad is not None and ps[i].grad.shape == g.shape and ps[i].grad.dtype == g.dtype: ps[i].grad = ps[i].grad + g
                else: ps[i].grad = g.clone() if swapped else laid(g, ps[i])
    def step(self):
        self.give()
        for opt in self.opts: opt.step()
    def only_step(self):
        for opt in self.opts: opt.step()
    def closure(self):
        given = []
        def closure():
            if not given: self.give()
            given.append(1)
            return torch.tensor(3.)
        assert [float(opt.step(closure)) for opt in self.opts] == [3, 3]
    def zero_none(self):
        for opt in self.opts: opt.zero_grad()
    def zero_zero(self):
        for opt in self.opts: opt.zero_grad(set_to_none=False)
    def no_grads(self):
        for ps in self.params:
            for p in ps: p.grad = None
    def freeze(self):
        i, forget = self.rng.randrange(len(self.params[0])), self.rng.random() < .5
        for ps in self.params:
            ps[i].requires_grad_(False)
            if forget: ps[i].grad = None
    def unfreeze(self):
        for ps in self.params:
            for p in ps: p.requires_grad_(True)
    def add_group(self):
        if len(self.params[0]) > 12: return
        made = self.new(self.rng.randint(1, 3))
        for into, opt in zip(made, self.opts): opt.add_param_group(dict(params=into, lr=.02))
    def append(self):
        if len(self.params[0]) > 12 or self.name == 'Adagrad': return
        for into, opt in zip(self.new(1), self.opts): opt.param_groups[-1]['params'] += into
    def replace(self):
        if self.name == 'Adagrad': return
        made, gi = self.new(1), self.rng.randrange(len(self.opts[0].param_groups))
        if not self.opts[0].param_groups[gi]['params']: return
        i = self.rng.randrange(len(self.opts[0].param_groups[gi]['params']))
        for into, opt in zip(made, self.opts): opt.param_groups[gi]['params'][i] = into[0]
    def remove(self):
        gi = self.rng.randrange(len(self.opts[0].param_groups))
        if len(self.opts[0].param_groups[gi]['params']) > 1:
            for opt in self.opts: del opt.param_groups[gi]['params'][0]
    def remove_group(self):
        if len(self.opts[0].param_groups) > 1:
            for opt in self.opts: del opt.param_groups[0]
    def hyper(self):
        new = dict(lr=self.rng.choice([.1, .01, .001]), weight_decay=self.rng.choice([0, .1]), maximize=self.rng.random() < .3)
        group = self.opts[0].param_groups[0]
        if group.get('momentum'): new['momentum'] = self.rng.choice([.5, .9])
        if 'betas' in group: new['betas'] = self.rng.choice([(.9, .99), (.5, .9), (0., .9)])
        if C64 in self.dtypes: new['weight_decay'] = group['weight_decay']
        gi = self.rng.randrange(len(self.opts[0].param_groups))
        for opt in self.opts: opt.param_groups[gi].update(deepcopy(new))
    def tidy(self):
        "torch's own state_dict fails on state of a parameter that is in no group"
        for opt in self.opts:
            ids = {id(p) for g in opt.param_groups for p in g['params']}
            for p in [p for p in opt.state if id(p) not in ids]: del opt.state[p]
    def reload(self):
        self.tidy()
        for opt in self.opts: opt.load_state_dict(deepcopy(opt.state_dict()))
    def through_file(self):
        self.tidy()
        for k, opt in enumerate(self.opts):
            saved = pickle.loads(pickle.dumps(opt.state_dict()))
            groups = [{**g, 'params': g['params']} for g in opt.param_groups]
            self.opts[k] = self.make[k]([dict(params=g['params']) for g in groups])
            self.opts[k].load_state_dict(saved)
    def exchange(self):
        "Ours goes on from torch's state, torch's from ours"
        self.tidy()
        saved = [deepcopy(opt.state_dict()) for opt in self.opts]
        if self.name == 'SGD' and any('momentum' not in s for s in saved[0]['param_groups']): return
        for opt, other in zip(self.opts, saved[::-1]):
            if isinstance(opt, torch.optim.SGD):
                for s in other['state'].values(): s.pop('step', None)
            opt.load_state_dict({**other, 'param_groups': [{**mine, 'params': theirs['params']} for mine, theirs in zip(opt.state_dict()['param_groups'], other['param_groups'])]})
    def clear(self):
        if self.name == 'Adagrad': return
        for opt in self.opts: opt.state.clear()
    def pop(self):
        i = self.rng.randrange(len(self.params[0]))
        for ps, opt in self.both(): opt.state.pop(ps[i], None)
    def new_state(self):
        for opt in self.opts: opt.state = type(opt.state)(dict, {k: {n: x.clone() if torch.is_tensor(x) else x for n, x in v.items()} for k, v in opt.state.items()})
    def replace_state(self):
        i = self.rng.randrange(len(self.params[0]))
        for ps, opt in self.both():
            state = opt.state.get(ps[i], {})
            for n in state:
                if n != 'step': state[n] = state[n]*.5
    def in_place_state(self):
        i = self.rng.randrange(len(self.params[0]))
        for ps, opt in self.both():
            for n, x in opt.state.get(ps[i], {}).items():
                if n != 'step': x.mul_(.5)
    def set_count(self):
        if self.name == 'SGD': return
        i, t = self.rng.randrange(len(self.params[0])), self.rng.randint(1, 9)
        for ps, opt in self.both():
            if 'step' in opt.state.get(ps[i], {}): opt.state[ps[i]]['step'].fill_(t) if t % 2 else opt.state[ps[i]].update(step=torch.tensor(float(t)))
    def swap_data(self):
        i = self.rng.randrange(len(self.params[0]))
        for ps in self.params: ps[i].data = ps[i].data.clone()*.9
    def swap_grad_data(self):
        for ps in self.params:
            for p in ps:
                if p.grad is not None: p.grad.data = p.grad.data*.5
    def grad_data_in_place(self):
        for ps in self.params:
            for p in ps:
                if p.grad is not None: p.grad.data.mul_(.7)
    def tie(self):
        "Two parameters come to lie on one memory"
        ps = self.params[0]
        pairs = [(i, j) for i in range(len(ps)) for j in range(i) if ps[i].shape == ps[j].shape and ps[i].dtype == ps[j].dtype and ps[i].numel()]
        if pairs and self.rng.random() < .3:
            i, j = self.rng.choice(pairs)
            for ps in self.params: ps[i].data = ps[j].data
    def assign(self):
        with torch.no_grad():
            for ps in self.params:
                for p in ps: p.mul_(.99)
    def to_dtype(self):
        if C64 in self.dtypes: return
        i, dtype = self.rng.randrange(len(self.params[0])), self.rng.choice([F32, F64])
        self.tidy()
        for ps, opt in self.both():
            ps[i].grad, ps[i].data = None, ps[i].data.to(dtype)
            opt.load_state_dict(opt.state_dict())
    def copy(self):
        for k in (0, 1): self.params[k], self.opts[k] = deepcopy((self.params[k], self.opts[k]))
    def pickled(self):
        for k in (0, 1): self.params[k], self.opts[k] = pickle.loads(pickle.dumps((self.params[k], self.opts[k])))
    def clip(self):
        for ps in self.params:
            grads = [p.grad for p in ps if p.grad is not None and p.grad.numel() and p.grad.dtype == F32]
            for g in grads: g.clamp_(-.5, .5) if not g.is_complex() else None
    # What must hold

    def compare(self):
        bar, (ours, theirs) = BAR.get((self.driver, self.name), 0), self.params
        assert self.opts[0].driver.name == self.driver
        for p, q in zip(ours, theirs):
            close(p, q, bar, 'parameter')
            assert (p.grad is None) == (q.grad is None)
            if p.grad is not None: close(p.grad, q.grad, 0, 'gradient')
            a, b = [{k: v for k, v in o.state.get(x, {}).items() if k != 'step' or self.name != 'SGD'} for o, x in zip(self.opts, (p, q))]
            assert a.keys() == b.keys(), (a.keys(), b.keys())
            for k in a: close(torch.as_tensor(a[k]), torch.as_tensor(b[k]), bar, k)
            if bar:                                               # so that differences don't add up
                with torch.no_grad(): p.copy_(q); [a[k].copy_(b[k]) for k in a if k != 'step']

def close(a, b, bar, what):
    assert (a.shape, a.dtype) == (b.shape, b.dtype), what
    a, b = [torch.view_as_real(x.detach()) if x.is_complex() else x.detach() for x in (a, b)]
    if not bar or a.dtype in (BF16, F16): assert torch.equal(a.nan_to_num(7), b.nan_to_num(7)), (what, a, b)
    elif a.numel():
        assert torch.equal(a.isfinite(), b.isfinite()), what          # half precision overflows, and may become float32 later
        a, b = [x.nan_to_num(7, 7, 7) for x in (a, b)]
        assert (a - b).abs().max() <= bar*b.abs().max().clamp(min=1e-3), (what, a, b)

OFTEN = ['step']*8 + ['zero_none']*3 + ['zero_zero', 'closure', 'hyper']
EVENTS = [k for k, v in vars(World).items() if callable(v) and not k.startswith('_') and k not in ('randn', 'new', 'both', 'compare', 'give')]

def sequence(name, driver, hypers, dtypes, seed, events=25):
    world = World(name, driver, hypers, dtypes, seed)
    for _ in range(events):
        event = world.rng.choice(OFTEN + EVENTS)
        world.log.append(event)
        try: getattr(world, event)(); world.compare()
        except Exception as e: raise AssertionError(f"{name} {driver} {hypers} {dtypes} seed {seed}: after {world.log}: {type(e).__name__}: {e}") from e

KINDS = [[F32], [F64], [F32, F64], [BF16], [F16], [F32, BF16, F64], [C64, F32]]
CASES = int(os.environ.get('DRIVER_SEQUENCES', 14))   # for each optimizer under each driver; CI takes 92, 2,050 in all
COMPILED = [('RMSprop', 'fused'), ('Lion', 'fused')]    # a compiler takes seconds for each: a seventh of the cases

@pytest.mark.parametrize('driver', DRIVERS)
@pytest.mark.parametrize('name', HYPERS)
def test_sequences(name, driver):
    @settings(max_examples=CASES//7 if (name, driver) in COMPILED else CASES, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    @given(st.sampled_from(HYPERS[name]), st.sampled_from(KINDS), st.integers(0, 10**6))
    def check(hypers, dtypes, seed):
        if C64 in dtypes: hypers = {k: v for k, v in hypers.items() if k != 'weight_decay'}
        sequence(name, driver, hypers, dtypes, seed)
    check()
