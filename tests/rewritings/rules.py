"Lessons 05 to 09: right answers in other styles."
from copy import deepcopy
import math

import numpy as np
import torch

from fastbook_sgd import adaptive, optim
from fastbook_sgd.momentum import sgd
from fastbook_sgd.optimizer import BasicOptim
from fastbook_sgd.surfaces import Surface, descend

# path

def path_lists(f, start, lr, steps):
    x, y, rows = *start, [start]
    for _ in range(steps):
        a, b = torch.tensor(x, requires_grad=True), torch.tensor(y, requires_grad=True)
        f(a, b).backward()
        x, y = x - lr*a.grad.item(), y - lr*b.grad.item()
        rows.append((x, y))
    return torch.tensor(rows)
def path_filled(f, start, lr, steps):
    path = torch.empty(steps+1, 2)
    path[0] = torch.tensor(start)
    for k in range(steps):
        p = path[k].clone().requires_grad_()
        path[k+1] = path[k] - lr*torch.autograd.grad(f(*p), p)[0]
    return path
def path_optim(f, start, lr, steps):
    p = torch.tensor(start, requires_grad=True)
    opt, path = BasicOptim([p], lr), [p.tolist()]
    for _ in range(steps):
        f(*p).backward()
        opt.step()
        opt.zero_grad()
        path += [p.tolist()]
    return torch.tensor(path)
def path_ours(f, start, lr, steps):
    return descend(BasicOptim, Surface('', f, start, [], (-1, 1), (-1, 1)), steps, lr).float()

# pick_lr

def pick_loop(ends):
    best, lowest = None, float('inf')
    for lr, end in ends.items():
        if end < lowest: best, lowest = lr, end
    return best
def pick_isnan(ends): return min((end, lr) for lr, end in ends.items() if not math.isnan(end))[1]
def pick_infinite(ends): return min(ends, key=lambda lr: float('inf') if ends[lr] != ends[lr] else ends[lr])
def pick_numpy(ends): return list(ends)[int(np.nanargmin(list(ends.values())))]
def pick_torch(ends):
    heights = torch.tensor(list(ends.values())).nan_to_num(float('inf'))
    return list(ends)[heights.argmin()]

# momentum

def momentum_returns(p, g, b, lr, momentum, weight_decay):
    b = momentum*b + (g + weight_decay*p)
    return p - lr*b, b
def momentum_torch_methods(p, g, b, lr, momentum, weight_decay):
    g = g.add(p, alpha=weight_decay)
    b.mul_(momentum).add_(g)
    p.add_(b, alpha=-lr)
def momentum_numpy(p, g, b, lr, momentum, weight_decay):
    b[:] = torch.as_tensor(np.float64(momentum)*b.numpy() + g.numpy() + np.float64(weight_decay)*p.numpy())
    p -= np.float64(lr)*b
def momentum_below_zero(p, g, b, lr, momentum, weight_decay):
    b.mul_(momentum).sub_(g).sub_(weight_decay*p)
    p.add_(lr*b)
def momentum_rule(p, g, b, lr, momentum, weight_decay): sgd(p, g, b, 2, lr, momentum, 0, weight_decay)
class MomentumClass:
    def __init__(self, params, lr, momentum, weight_decay):
        self.params, self.lr, self.momentum, self.weight_decay, self.b = list(params), lr, momentum, weight_decay, {}
    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            self.b[i] = self.momentum*self.b.get(i, 0) + p.grad + self.weight_decay*p
            p -= self.lr*self.b[i]

# nesterov

def nesterov_returns(p, g, b, lr, momentum):
    b = momentum*b + g
    return p - lr*g - lr*momentum*b, b
def nesterov_expanded(p, g, b, lr, momentum):
    p.sub_(lr*((1 + momentum)*g + momentum**2*b))
    b.mul_(momentum).add_(g)
def nesterov_rule(p, g, b, lr, momentum): sgd(p, g, b, 1, lr, momentum, nesterov=True)
class NesterovTorch(torch.optim.SGD):
    def __init__(self, params, lr, momentum): super().__init__(params, lr, momentum, nesterov=True)

# dampened

def dampened_rule(p, g, b, t, lr, momentum, dampening): sgd(p, g, b, t, lr, momentum, dampening)
def dampened_branches(p, g, b, t, lr, momentum, dampening):
    if t == 1: b += g
    else: b.copy_(momentum*b + (1-dampening)*g)
    p -= lr*b
def dampened_returns(p, g, b, t, lr, momentum, dampening):
    b = g.clone() if t == 1 else b*momentum + g - dampening*g
    return [p - lr*b, b]

# adagrad

def adagrad_returns(p, g, s, t, lr, eps):
    s = s + g*g
    return p - lr*g/(s**.5 + eps), s
def adagrad_addcdiv(p, g, s, t, lr, eps):
    s.addcmul_(g, g)
    p.addcdiv_(g, s.sqrt().add_(eps), value=-lr)
def adagrad_numpy(p, g, s, t, lr, eps):
    p, g, s = p.numpy(), g.numpy(), s.numpy()
    s += np.square(g)
    p -= lr*g/(np.sqrt(s) + eps)
class AdagradClass:
    def __init__(self, params, lr, eps): self.params, self.lr, self.eps, self.s = list(params), lr, eps, None
    def step(self):
        with torch.no_grad():
            for p in self.params:
                self.s = p.grad**2 if self.s is None else self.s + p.grad**2
                p.sub_(self.lr*p.grad/(self.s.sqrt() + self.eps))

# rmsprop

def rmsprop_returns(p, g, v, t, lr, alpha, eps):
    v = alpha*v + (1-alpha)*g.pow(2)
    return p - lr*g/(v.sqrt() + eps), v
def rmsprop_lerp(p, g, v, t, lr, alpha, eps):
    v.lerp_(g*g, 1-alpha)
    p.addcdiv_(g, v.sqrt() + eps, value=-lr)
def rmsprop_numpy(p, g, v, t, lr, alpha, eps):
    average = np.float64(alpha)*v.numpy() + np.float64(1 - alpha)*g.numpy()**2
    v.copy_(torch.from_numpy(average))
    return p - torch.from_numpy(lr*g.numpy()/(np.sqrt(average) + eps))
def rmsprop_rule(p, g, v, t, lr, alpha, eps): adaptive.rmsprop(p, g, v, None, None, lr, alpha, eps)

# adam, and the one to mend

def adam_returns(p, g, m, v, t, lr, beta1, beta2, eps):
    m, v = beta1*m + (1-beta1)*g, beta2*v + (1-beta2)*g**2
    return p - lr*(m/(1-beta1**t))/((v/(1-beta2**t))**.5 + eps), m, v
def adam_torch_order(p, g, m, v, t, lr, beta1, beta2, eps):
    m.lerp_(g, 1-beta1)
    v.mul_(beta2).addcmul_(g, g, value=1-beta2)
    p.addcdiv_(m, v.sqrt().div_((1 - beta2**t)**.5).add_(eps), value=-lr/(1 - beta1**t))
def adam_multiplied_out(p, g, m, v, t, lr, beta1, beta2, eps):
    m += (1-beta1)*(g - m)
    v += (1-beta2)*(g*g - v)
    root = math.sqrt(1 - beta2**t)
    p -= lr*root/(1 - beta1**t)*m/(v.sqrt() + eps*root)
def adam_numpy(p, g, m, v, t, lr, beta1, beta2, eps):
    p, g, m, v, t = p.numpy(), g.numpy(), m.numpy(), v.numpy(), np.float64(t)
    m[:] = beta1*m + (1-beta1)*g
    v[:] = beta2*v + (1-beta2)*g*g
    p[:] = p - lr*(m/(1-np.power(beta1, t)))/(np.sqrt(v/(1-np.power(beta2, t))) + eps)
def adam_rule(p, g, m, v, t, lr, beta1, beta2, eps): adaptive.adam(p, g, m, v, None, t, lr, (beta1, beta2), eps)
class AdamClass:
    def __init__(self, params, lr, beta1, beta2, eps):
        self.params, self.lr, self.beta1, self.beta2, self.eps, self.t = list(params), lr, beta1, beta2, eps, 0
        self.m, self.v = ([torch.zeros_like(p) for p in self.params] for _ in range(2))
    @torch.no_grad()
    def step(self):
        self.t += 1
        for p, m, v in zip(self.params, self.m, self.v): adam_torch_order(p, p.grad, m, v, self.t, self.lr, self.beta1, self.beta2, self.eps)

# adamw

def adamw_returns(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    return adam_returns(p - lr*weight_decay*p, g, m, v, t, lr, beta1, beta2, eps)
def adamw_lines(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    p -= lr*weight_decay*p
    adam_multiplied_out(p, g, m, v, t, lr, beta1, beta2, eps)
def adamw_at_the_end(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    pull = lr*weight_decay*p
    adam_torch_order(p, g, m, v, t, lr, beta1, beta2, eps)
    p -= pull
def adamw_rule(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay): adaptive.adamw(p, g, m, v, None, t, lr, (beta1, beta2), eps, weight_decay)

# lion

def lion_returns(p, g, m, lr, beta1, beta2):
    return p - lr*torch.sign(m*beta1 + g*(1-beta1)), m*beta2 + g*(1-beta2)
def lion_kept_first(p, g, m, lr, beta1, beta2):
    before = m.clone()
    m.lerp_(g, 1-beta2)
    p.add_(before.lerp(g, 1-beta1).sign(), alpha=-lr)
def lion_numpy(p, g, m, lr, beta1, beta2):
    step = np.sign(beta1*m.numpy() + (1-beta1)*g.numpy())
    m *= beta2
    m += (1-beta2)*g
    p -= torch.from_numpy(lr*step)
def lion_where(p, g, m, lr, beta1, beta2):
    mix = beta1*m + (1-beta1)*g
    p -= torch.where(mix > 0, lr, -lr)
    m.copy_(beta2*m + (1-beta2)*g)

# newton_schulz

def round_left_to_right(X, a, b, c): return a*X + b*(X @ X.T @ X) + c*(X @ X.T @ X @ X.T @ X)
def round_factored(X, a, b, c):
    A = X @ X.T
    return (a*torch.eye(len(X), dtype=X.dtype) + b*A + c*A @ A) @ X
def round_addmm(X, a, b, c):
    A = X @ X.T
    return torch.addmm(X, torch.addmm(A, A, A, beta=b, alpha=c), X, beta=a)
def round_from_the_right(X, a, b, c):
    B = X.T @ X
    return X @ (a*torch.eye(len(B), dtype=X.dtype) + b*B + c*torch.linalg.matrix_power(B, 2))
def round_svd(X, a, b, c):
    U, s, Vt = torch.linalg.svd(X, full_matrices=False)
    return U @ torch.diag(a*s + b*s**3 + c*s**5) @ Vt
def round_in_place(X, a, b, c):
    A = X @ X.T
    X.copy_(a*X + (b*A + c*A @ A) @ X)

# orthogonal

def orthogonal_frobenius(G, steps, a, b, c):
    X = G/torch.linalg.matrix_norm(G)
    for _ in range(steps): X = round_left_to_right(X, a, b, c)
    return X
def orthogonal_right_side(G, steps, a, b, c):
    X = G/(G*G).sum().sqrt()
    for _ in range(steps): X = round_from_the_right(X, a, b, c)
    return X
def orthogonal_svd(G, steps, a, b, c):
    U, s, Vt = torch.linalg.svd(G, full_matrices=False)
    s = s/s.pow(2).sum()**.5
    for _ in range(steps): s = a*s + b*s**3 + c*s**5
    return U*s @ Vt

# muon

def muon_undamped(p, g, b, lr, momentum, weight_decay, orthogonalized):
    b.mul_(momentum).add_(g)
    step = orthogonalized(g + momentum*b)*max(1, p.shape[0]/p.shape[1])**.5
    p.mul_(1 - lr*weight_decay).add_(step, alpha=-lr)
def muon_returns(p, g, b, lr, momentum, weight_decay, orthogonalized):
    b = momentum*b + (1-momentum)*g
    r = math.sqrt(max(1, len(p)/p.shape[1]))
    return p - lr*weight_decay*p - lr*r*orthogonalized(momentum*b + (1-momentum)*g), b
def muon_by_shape(p, g, b, lr, momentum, weight_decay, orthogonalized):
    b += (1-momentum)*(g - b)
    m, n = p.shape
    step = orthogonalized(torch.lerp(g, b, momentum))
    if m > n: step = step*np.sqrt(m/n)
    p -= lr*(step + weight_decay*p)

# fastai_adam

def fastai_adam_ours(params, lr): return optim.AdamW(params, lr, betas=(.9, .99), eps=1e-5)
def fastai_adam_itself(params, lr):
    from fastai.optimizer import Adam
    return Adam(params, lr=lr)
def fastai_adam_default_decay(params, lr):
    opt = torch.optim.AdamW(params, lr)
    opt.param_groups[0].update(betas=(.9, .99), eps=1e-5)
    return opt
def fastai_adam_decoupled(params, lr): return torch.optim.Adam(params, lr, (.9, .99), 1e-5, .01, decoupled_weight_decay=True)

# snapshot

def snapshot_clones(opt):
    saved = opt.state_dict()
    state = {i: {k: v.clone() if torch.is_tensor(v) else v for k, v in s.items()} for i, s in saved['state'].items()}
    return dict(state=state, param_groups=saved['param_groups'])
def snapshot_first_copied(opt):
    saved = deepcopy(opt.state_dict())
    return saved
def snapshot_file(opt):
    import io
    f = io.BytesIO()
    torch.save(opt.state_dict(), f)
    f.seek(0)
    return torch.load(f)

REWRITINGS = dict(
    path=[path_lists, path_filled, path_optim, path_ours],
    pick_lr=[pick_loop, pick_isnan, pick_infinite, pick_numpy, pick_torch],
    momentum=[momentum_returns, momentum_torch_methods, momentum_numpy, momentum_below_zero, momentum_rule, MomentumClass, torch.optim.SGD],
    nesterov=[nesterov_returns, nesterov_expanded, nesterov_rule, NesterovTorch],
    dampened=[dampened_rule, dampened_branches, dampened_returns],
    adagrad=[adagrad_returns, adagrad_addcdiv, adagrad_numpy, torch.optim.Adagrad, AdagradClass],
    rmsprop=[rmsprop_returns, rmsprop_lerp, rmsprop_numpy, rmsprop_rule, torch.optim.RMSprop],
    adam=[adam_returns, adam_torch_order, adam_multiplied_out, adam_numpy, adam_rule, AdamClass, torch.optim.Adam],
    adam_drifts=[adam_returns, adam_torch_order, adam_multiplied_out],
    adamw=[adamw_returns, adamw_lines, adamw_at_the_end, adamw_rule, torch.optim.AdamW],
    lion=[lion_returns, lion_kept_first, lion_numpy, lion_where, optim.Lion],
    newton_schulz=[round_left_to_right, round_factored, round_addmm, round_from_the_right, round_svd, round_in_place],
    orthogonal=[orthogonal_frobenius, orthogonal_right_side, orthogonal_svd],
    muon=[muon_undamped, muon_returns, muon_by_shape],
    fastai_adam=[fastai_adam_ours, fastai_adam_itself, fastai_adam_default_decay, fastai_adam_decoupled],
    snapshot=[snapshot_clones, snapshot_first_copied, snapshot_file])
