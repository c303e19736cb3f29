"Rules of one's own under every driver: the plain driver's numbers, or refused by name at construction."
import pytest, torch
from fastbook_sgd import optim
from fastbook_sgd.base import Optimizer
from fastbook_sgd.adaptive import adam, adamw

def keeps(p, g, old, lr=1e-1):
    old.copy_(p); p.add_(g, alpha=-lr)
def swaps(p, g, old, lr=1e-1):
    before = p.clone(); p.add_(g, alpha=-lr).add_(old, alpha=.1); old.copy_(before)
def lag(p, g, old, lr=1e-1):
    p.add_(old, alpha=-lr); old.copy_(g)
def zero(p, g, m, lr=1e-1):
    m.zero_().add_(g); p.add_(m, alpha=-lr)
def averages(p, g, mean, t, lr=1e-1):
    p.add_(g, alpha=-lr); mean.lerp_(p, 1/t)
def counts(p, g, n, lr=1e-1):
    n.add_(1); p.addcdiv_(g, n, value=-lr)
def asks(p, g, b, t, lr=.1):
    b.copy_(g) if t == 1 else b.mul_(.9).add_(g)
    p.sub_(b, alpha=lr)
def decayed_adam(p, g, m, v, v_max, t, lr=1e-3, betas=(.9, .999), eps=1e-8, decay=.01, amsgrad=False):
    p.mul_(1 - lr*decay); adam(p, g, m, v, v_max, t, lr, betas, eps, 0, amsgrad)
def cautious(p, g, m, v, v_max, t, lr=1e-2):
    before = p.clone(); adamw(p, g, m, v, v_max, t, lr); step = p.sub(before)
    p.copy_(before).addcmul_(step, step.mul(g).sign().clamp_(max=0), value=-1)
def adamax(p, g, m, u, t, lr=2e-3, betas=(.9, .999), eps=1e-8, weight_decay=0):
    if weight_decay: g = g.add(p, alpha=weight_decay)
    m.lerp_(g, 1-betas[0])
    u.mul_(betas[1]).copy_(torch.maximum(u, g.abs().add_(eps)))
    p.addcdiv_(m, u, value=-lr/(1-betas[0]**t))
def radam(p, g, m, v, t, lr=1e-3, betas=(.9, .999), eps=1e-8):
    m.lerp_(g, 1-betas[0]); v.mul_(betas[1]).addcmul_(g, g, value=1-betas[1])
    most = 2/(1-betas[1]) - 1
    length = most - 2*t*betas[1]**t/(1-betas[1]**t)
    step = m/(1-betas[0]**t)
    if length > 5: step = step*lr*(((1-betas[1]**t)**.5)/v.sqrt().add_(eps))*((length-4)*(length-2)*most/((most-4)*(most-2)*length))**.5; p.add_(step, alpha=-1.)
    else: p.add_(step*lr, alpha=-1.)
def changes_gradient(p, g, b, lr=.1):
    g.mul_(.5); b.add_(g); p.add_(b, alpha=-lr)
def rebinds(p, g, b, lr=.1):
    b = b*.9 + g; p.add_(b, alpha=-lr)
def looks(p, g, b, lr=.1):
    if g.abs().max() > 1: g = g/g.abs().max()
    b.mul_(.9).add_(g); p.add_(b, alpha=-lr)
def where(p, g, b, lr=.1):
    b.copy_(torch.where(g > 0, g, b)); p.add_(b, alpha=-lr)
def by_shape(p, g, b, lr=.1):
    b.add_(g); p.add_(b, alpha=-lr*(p.shape[0] if p.ndim else 1))
def normed(p, g, b, lr=.1):
    b.add_(g/(g.norm() + 1e-8)); p.add_(b, alpha=-lr)
def draws(p, g, lr=.1): p.add_(g + torch.randn_like(g), alpha=-lr)

def cls(rule, **kw): return type(rule.__name__, (Optimizer,), {}, rule=rule, **kw)
TAKEN = {r.__name__: cls(r) for r in (keeps, swaps, lag, zero, averages, counts, asks, cautious, adamax, radam, rebinds, where)} | dict(decayed_adam=cls(decayed_adam, keep_if=dict(v_max='amsgrad')))
NO_LISTS = {'where', 'cautious'}                       # the rule calls what torch has no _foreach for
REFUSED = {r.__name__: cls(r) for r in (looks, by_shape, normed, draws)}
class Scalar(Optimizer, rule=lag):
    def start(self, p, group): return torch.zeros(())
class Factored(Optimizer, rule=lag):
    def start(self, p, group): return torch.zeros(p.shape[:1])
class Averages(Optimizer, rule=averages):
    def start(self, p, group): return p.detach().clone()
class OwnUpdate(Optimizer, rule=lag):
    def update(self, p, group): p.sub_(p.grad)
REFUSED |= dict(scalar=Scalar, factored=Factored, own_update=OwnUpdate)
TAKEN |= dict(averages_from_start=Averages)

def walk(make, driver, steps=12, dtype=torch.float32):
    g = torch.Generator().manual_seed(0)
    params = [torch.randn(s, generator=g, dtype=dtype).requires_grad_() for s in ((3, 4), (5,), (), (200, 200), (2, 3, 2), (31,))]
    opt = make(params, driver=driver)
    for step in range(steps):
        for i, p in enumerate(params): p.grad = None if (step + i) % 5 == 4 else torch.randn(p.shape, generator=g, dtype=dtype)
        opt.param_groups[0]['lr'] *= .9
        opt.step()
    return [*params, *(x for p in params for k, x in opt.state[p].items())]

@pytest.mark.parametrize('driver', ['foreach', 'flat', 'fused'])
@pytest.mark.parametrize('name', TAKEN)
def test_own_rules(name, driver):
    if driver == 'foreach' and name in NO_LISTS:
        with pytest.raises(ValueError, match="driver is 'foreach'"): walk(TAKEN[name], driver)
        return
    a, b = walk(TAKEN[name], driver), walk(TAKEN[name], 'each')
    for x, y in zip(a, b): assert torch.equal(x, y) if driver != 'fused' else (x - y).abs().max() <= 1e-5*y.abs().max().clamp(min=1e-3)

@pytest.mark.parametrize('driver', ['foreach', 'flat', 'fused'])
@pytest.mark.parametrize('name', REFUSED)
def test_refused_rules(name, driver):
    if (name, driver) == ('normed', 'foreach'): return    # many norms in one call
    with pytest.raises(ValueError, match=f"driver is '{driver}'"): REFUSED[name]([torch.ones(2, 2, requires_grad=True)], driver=driver)
    p = torch.ones(2, 2, requires_grad=True); p.grad = torch.ones(2, 2)
    REFUSED[name]([p])
