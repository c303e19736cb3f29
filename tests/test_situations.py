"What users do around a step, with every driver, against torch's optimizers: the same weights, to the last bit."
from copy import deepcopy
from functools import partial
import io, pickle

import pytest, torch
from torch import nn
from torch.optim import lr_scheduler as schedulers
from torch.optim.swa_utils import SWALR, AveragedModel

from conftest import COMPILER
from fastbook_sgd import optim

PLAIN = dict(foreach=False)
THEIRS = dict(SGD=partial(torch.optim.SGD, lr=.05, momentum=.9, fused=False, **PLAIN), AdamW=partial(torch.optim.AdamW, lr=.01, fused=False, **PLAIN),
              RMSprop=partial(torch.optim.RMSprop, lr=.01, momentum=.5, **PLAIN), Adagrad=partial(torch.optim.Adagrad, lr=.05, fused=False, **PLAIN))
OURS = dict(SGD=partial(optim.SGD, lr=.05, momentum=.9), AdamW=partial(optim.AdamW, lr=.01), RMSprop=partial(optim.RMSprop, lr=.01, momentum=.5), Adagrad=partial(optim.Adagrad, lr=.05))
DRIVERS = ['each', 'foreach', 'flat', *(['fused'] if COMPILER else [])]

G = torch.Generator().manual_seed(1)
X, Y = torch.randn(200, 6, generator=G), torch.randn(200, 1, generator=G)

def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 5), nn.Softplus(), nn.Linear(5, 1))

def batches(n=12):
    for i in range(n): yield i, X[i*16 % 184:][:16], Y[i*16 % 184:][:16]

def loss(model, x, y): return ((model(x) - y)**2).mean()

def backward(model, opt, x, y):
    opt.zero_grad()
    value = loss(model, x, y)
    value.backward()
    return value

def train(model, opt, after=lambda i: None):
    "Twelve steps, and `after(i)` behind each"
    for i, x, y in batches():
        backward(model, opt, x, y)
        opt.step()
        after(i)
    return model

# Each takes `make`, `(params)` to an optimizer, and returns a module whose weights are compared.

def tied_weights(make):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 1)
            self.b.weight = self.a.weight
        def forward(self, x): return self.c(torch.tanh(self.b(torch.tanh(self.a(x)))))
    torch.manual_seed(0)
    model = Tied()
    return train(model, make(model.parameters()))

def hooks_around_the_step(make):
    model, seen = net(), []
    opt = make(model.parameters())
    def before(opt, args, kwargs):
        for p in model.parameters(): p.grad.mul_(.5)
    opt.register_step_pre_hook(before)
    opt.register_step_post_hook(lambda *_: seen.append(1))
    train(model, opt)
    assert len(seen) == 12
    return model

def weights_kept_in_a_box(make):
    model = net()
    opt = make(model.parameters())
    @torch.no_grad()
    def clamp(*_):
        for p in model.parameters(): p.clamp_(-.3, .3)
    opt.register_step_post_hook(clamp)
    return train(model, opt)

def hooks_on_gradients(make):
    model = net()
    for p in model.parameters(): p.register_hook(lambda g: 2*g)
    return train(model, make(model.parameters()))

def steps_inside_backward(make):
    model = net()
    opts = {p: make([p]) for p in model.parameters()}
    def now(p):
        opts[p].step()
        opts[p].zero_grad()
    for p in opts: p.register_post_accumulate_grad_hook(now)
    for _, x, y in batches(): loss(model, x, y).backward()
    return model

def copied_midway(make, copy=deepcopy):
    model = net()
    opt = make(model.parameters())
    for i, x, y in batches():
        backward(model, opt, x, y)
        opt.step()
        if i % 4 == 3: model, opt = copy((model, opt))
    return model

def pickled_midway(make): return copied_midway(make, lambda both: pickle.loads(pickle.dumps(both)))

def saved_midway(make):
    def through_a_file(both):
        file = io.BytesIO()
        torch.save([b.state_dict() for b in both], file)
        file.seek(0)
        states, model = torch.load(file, weights_only=True), net()
        opt = make(model.parameters())
        model.load_state_dict(states[0])
        opt.load_state_dict(states[1])
        return model, opt
    return copied_midway(make, through_a_file)

def weights_loaded_by_assignment(make):
    def assigned(both):
        model, opt = both
        model.load_state_dict({k: v.clone() for k, v in model.state_dict().items()}, assign=True)
        new = make(model.parameters())
        new.load_state_dict(opt.state_dict())
        return model, new
    return copied_midway(make, assigned)

def autocast(make):
    model = net()
    opt = make(model.parameters())
    for _, x, y in batches():
        opt.zero_grad()
        with torch.autocast('cpu', torch.bfloat16): value = loss(model, x, y)
        value.backward()
        opt.step()
    return model

def scaled_and_clipped(make, clip=True):
    model = net()
    opt, scaler = make(model.parameters()), torch.amp.GradScaler('cpu', init_scale=2.**10, growth_interval=3)
    for i, x, y in batches():
        opt.zero_grad()
        scaler.scale(loss(model, x, y)*(float('inf') if i == 4 else 1.)).backward()      # the fifth step is left out
        if clip:
            scaler.unscale_(opt)
            nn.utils.clip_grad_norm_(model.parameters(), 1.)
        scaler.step(opt)
        scaler.update()
    return model

def scaled(make): return scaled_and_clipped(make, clip=False)

def averaged_weights(make):
    model = net()
    opt, mean = make(model.parameters()), AveragedModel(model)
    schedule = SWALR(opt, swa_lr=.01, anneal_epochs=3)
    def after(_):
        mean.update_parameters(model)
        schedule.step()
    train(model, opt, after)
    return mean

def schedules_one_after_another(make):
    model = net()
    opt = make(model.parameters())
    schedule = schedulers.SequentialLR(opt, [schedulers.LinearLR(opt, .1, 1, 3), schedulers.CosineAnnealingWarmRestarts(opt, 4)], [3])
    return train(model, opt, lambda _: schedule.step())

def a_plateau(make):
    model = net()
    opt = make(model.parameters())
    schedule = schedulers.ReduceLROnPlateau(opt, patience=0)
    return train(model, opt, lambda i: schedule.step(1 + i % 3))

def one_cycle(make):
    model = net()
    opt = make(model.parameters())
    schedule = schedulers.OneCycleLR(opt, .1, 12, cycle_momentum=bool(opt.defaults.get('momentum') or opt.defaults.get('betas')))
    return train(model, opt, lambda _: schedule.step())

def normed_weights(make):
    model = net()
    nn.utils.parametrizations.weight_norm(model[0])
    nn.utils.parametrizations.spectral_norm(model[2])
    return train(model, make(model.parameters()))

def another_memory_format(make):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3), nn.Flatten(), nn.Linear(32, 1))
    opt = make(model.parameters())
    for i in range(10):
        if i == 4: model = model.to(memory_format=torch.channels_last)
        x = torch.randn(4, 3, 8, 8).contiguous(memory_format=[torch.contiguous_format, torch.channels_last][i % 2])
        opt.zero_grad()
        (model(x)**2).mean().backward()
        opt.step()
    return model

def odd_shapes_with_expanded_gradients(make):
    torch.manual_seed(0)
    params = nn.ParameterList([torch.randn(4, 3), torch.randn(()), torch.zeros(0, 3), nn.Parameter(torch.randn(3, 4).t())])
    opt = make(params)
    for i in range(10):
        opt.zero_grad()
        sum(p.sum()*(i + 1) for p in params).backward()
        opt.step()
    return params

def gradients_that_are_views_of_one_tensor(make):
    torch.manual_seed(0)
    params, shared = nn.ParameterList([torch.randn(4, 3), torch.randn(5, 2)]), torch.randn(20)
    opt = make(params)
    for _ in range(10):
        params[0].grad, params[1].grad = shared[:12].view(4, 3), shared[10:].view(2, 5).t()
        opt.step()
        shared.mul_(-.9)
    return params

def frozen_and_accumulated(make):
    model = net()
    opt = make(model.parameters())
    for i, x, y in batches(24):
        loss(model, x, y).backward()
        if i % 3 == 2:
            opt.step()
            opt.zero_grad(set_to_none=i % 2 == 0)
        if i == 8: model[0].requires_grad_(False)
        if i == 14:
            model[0].requires_grad_(True)
            model[4].requires_grad_(False)
    return model

def a_group_added_late(make):
    model = net()
    opt = make(model[0].parameters())
    def after(i):
        if i == 3: opt.add_param_group(dict(params=model[2:].parameters(), lr=.002))
        if i == 6: opt.param_groups[0]['lr'] *= .3
    return train(model, opt, after)

def data_set_from_outside(make):
    model = net()
    def after(i):
        if i == 5: model[0].weight.data = model[0].weight.data*.5
        if i == 7: model[2].weight.data.copy_(torch.full((5, 5), .1))
        if i == 9: nn.utils.vector_to_parameters(nn.utils.parameters_to_vector(model.parameters()).detach()*.9, model.parameters())
    return train(model, make(model.parameters()), after)

def two_optimizers_for_the_same_weights(make):
    model = net()
    opts = [make(model.parameters()), make(model.parameters())]
    for i, x, y in batches():
        backward(model, opts[i % 2], x, y)
        opts[i % 2].step()
    return model

def two_nets_in_turn(make):
    torch.manual_seed(0)
    maker, judge = nn.Linear(3, 6), nn.Linear(6, 1)
    makers, judges = make(maker.parameters()), make(judge.parameters())
    for _ in range(10):
        z = torch.randn(8, 3)
        judges.zero_grad()
        (judge(maker(z).detach()) - judge(X[:8])).mean().backward()
        judges.step()
        makers.zero_grad()
        judge(maker(z)).mean().backward()
        makers.step()
    return nn.ModuleList([maker, judge])

def hooks_on_the_state(make):
    model = net()
    opt = make(model.parameters())
    opt.register_state_dict_post_hook(lambda opt, state: {**state, 'mine': 1})
    opt.register_load_state_dict_pre_hook(lambda opt, state: {k: v for k, v in state.items() if k != 'mine'})
    return train(model, opt, lambda i: opt.load_state_dict(opt.state_dict()) if i == 6 else None)

def gradients_from_functions(make):
    model = net()
    opt = make(model.parameters())
    for _, x, y in batches():
        params = dict(model.named_parameters())
        grads = torch.func.grad(lambda ps: ((torch.func.functional_call(model, ps, x) - y)**2).mean())({k: p.detach() for k, p in params.items()})
        for k, p in params.items(): p.grad = grads[k]
        opt.step()
    return model

def a_penalty_on_gradients(make):
    model = net()
    opt = make(model.parameters())
    for _, x, y in batches():
        opt.zero_grad()
        value = loss(model, x, y)
        grads = torch.autograd.grad(value, [*model.parameters()], create_graph=True)
        (value + .1*sum((g**2).sum() for g in grads)).backward()
        opt.step()
    return model

def a_graph_kept_over_a_step(make):
    model = net()
    opt = make(model.parameters())
    value = loss(model, X, Y)
    value.backward(retain_graph=True)
    opt.step()
    with pytest.raises(RuntimeError, match='modified by an inplace operation'): value.backward()
    return model

def checkpointed(make):
    model = net()
    opt = make(model.parameters())
    for _, x, y in batches():
        opt.zero_grad()
        ((torch.utils.checkpoint.checkpoint(model, x, use_reentrant=False) - y)**2).mean().backward()
        opt.step()
    return model

SITUATIONS = [f for f in list(globals().values()) if callable(f) and getattr(f, '__module__', '') == __name__ and f.__name__ not in ('net', 'batches', 'loss', 'backward', 'train')]

@pytest.mark.parametrize('driver', DRIVERS)
@pytest.mark.parametrize('name', OURS)
def test_situations(name, driver):
    off = {}
    for situation in SITUATIONS:
        want, got = [situation(make).state_dict() for make in (THEIRS[name], partial(OURS[name], driver=driver))]
        same = partial(torch.allclose, rtol=1e-4, atol=1e-6) if driver == 'fused' else torch.equal
        off |= {(situation.__name__, k): (want[k] - got[k]).abs().max() for k in want if not same(want[k], got[k])}
    assert off == {} and len(SITUATIONS) == 30
