"Lessons 15 and 16: right answers in other styles."
from statistics import median

import numpy as np
import torch

from fastbook_sgd.base import Optimizer
from fastbook_sgd.compose import decayed
from fastbook_sgd.data import TensorLoader

# signum

def signum_lerp(p, g, m, lr=1e-3, beta=0.9):
    m.lerp_(g, 1-beta)
    p.sub_(lr*torch.sign(m))
def signum_copy(p, g, m, lr=1e-3, beta=0.9):
    m.copy_(beta*m + (1-beta)*g)
    p.copy_(p - lr*m.sign())
def signum_undamped(p, g, m, lr=1e-3, beta=0.9):
    m *= beta
    m += g
    p -= lr*m.sign()
def signum_slices(p, g, m, lr=1e-3, beta=0.9):
    m[:] = beta*m + (1-beta)*g
    p[:] = p - lr*(m > 0).to(p.dtype) + lr*(m < 0).to(p.dtype)
    return p
class SignumClass(Optimizer, rule=signum_lerp): pass

# decayed_rule

def decayed_kwargs(rule):
    def shrunk(**given):
        given['p'].sub_(given['p']*given['lr']*given.pop('weight_decay'))
        return rule(**given)
    return shrunk
def decayed_class(rule):
    class Decayed:
        def __call__(self, p, g, lr, weight_decay, **rest):
            p *= 1 - lr*weight_decay
            rule(p, g, lr=lr, **rest)
    return Decayed()
def decayed_lambda(rule): return lambda p, lr, weight_decay, **rest: (p.mul_(1 - lr*weight_decay), rule(p=p, lr=lr, **rest))
def decayed_afterwards(rule):
    def remembers(p, g, *, weight_decay, lr, **rest):
        pull = weight_decay*lr*p
        rule(p, g, lr=lr, **rest)
        p -= pull
    return remembers
decayed_ours = decayed

# lookahead

def lookahead_copies(p, g, slow, t, lr, every, share):
    if t == 1: slow.copy_(p)
    p -= lr*g
    if t % every == 0: p.copy_(slow.lerp_(p, share))
def lookahead_returns(p, g, slow, t, lr, every, share):
    if t == 1: slow = p.clone()
    p = p - lr*g
    if t % every: return p, slow
    slow = (1-share)*slow + share*p
    return slow.clone(), slow
def lookahead_plus(p, g, slow, t, lr, every, share):
    if t == 1: slow += p
    p.sub_(g, alpha=lr)
    if not t % every:
        slow += share*(p - slow)
        p[:] = slow

# fair_times

def medians_statistics(functions, rounds, clock):
    for f in functions.values(): f()
    times = {name: [] for name in functions}
    for _ in range(rounds):
        for name in functions:
            start = clock()
            functions[name]()
            end = clock()
            times[name].append(end - start)
    return {name: median(ms) for name, ms in times.items()}
def medians_first_dropped(functions, rounds, clock):
    def once(f):
        begin = clock(); f()
        return clock() - begin
    table = np.array([[once(f) for f in functions.values()] for _ in range(rounds + 1)])
    return dict(zip(functions, np.median(table[1:], axis=0)))
def medians_chained(functions, rounds, clock):
    [f() for _ in range(2) for f in functions.values()]
    looks = [clock()]
    for _ in range(rounds):
        for f in functions.values():
            f()
            looks.append(clock())
    steps = torch.tensor(looks).diff().view(rounds, -1)
    return {name: steps[:,i].median() for i, name in enumerate(functions)}
def medians_warm_each_time(functions, rounds, clock):
    times = {}
    for _ in range(rounds):
        for name, f in functions.items():
            f()
            begin = clock()
            f()
            times.setdefault(name, []).append(clock() - begin)
    return {name: np.median(ms) for name, ms in times.items()}

# slices

def slices_split(x, y, bs): return list(zip(x.split(bs), y.split(bs)))
def slices_loader(x, y, bs): return TensorLoader(x, y, bs)
def slices_selected(x, y, bs):
    for rows in torch.arange(len(x)).split(bs): yield x.index_select(0, rows), y[rows]
def slices_numpy(x, y, bs):
    x, y = x.numpy(), y.numpy()
    return [(torch.tensor(x[i:i+bs]), torch.tensor(y[i:i+bs])) for i in range(0, len(x), bs)]

REWRITINGS = dict(
    signum=[signum_lerp, signum_copy, signum_undamped, signum_slices, SignumClass],
    decayed_rule=[decayed_kwargs, decayed_class, decayed_lambda, decayed_afterwards, decayed_ours],
    lookahead=[lookahead_copies, lookahead_returns, lookahead_plus],
    fair_times=[medians_statistics, medians_first_dropped, medians_chained, medians_warm_each_time],
    slices=[slices_split, slices_loader, slices_selected, slices_numpy])
