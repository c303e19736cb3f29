"Lessons 10 to 14: right answers in other styles."
import copy, math, statistics

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from fastbook_sgd.callbacks import Callback
from fastbook_sgd.nets import cross_entropy
from fastbook_sgd.pictures import share_kept
from fastbook_sgd.schedules import anneal_cosine, suggest_steep, warm_up

# cosine

def cosine_share(t, a, b):
    done = (1 - np.cos(np.pi*t))/2
    return a*(1 - done) + b*done
def cosine_middle(t, a, b): return (a + b)/2 + (a - b)/2 * torch.cos(torch.tensor(t*torch.pi, dtype=torch.float64))
def cosine_sine(t, a, b): return b + (a - b)*(1 - math.sin(math.pi*t/2)**2)
def cosine_lesson(t, a, b): return anneal_cosine(t, a, b)

# warm_up

def warm_up_if(k, warm, lr):
    if k >= warm: return lr
    return lr/warm*(k + 1)
def warm_up_min(k, warm, lr): return min(lr, (k + 1)*lr/warm)
def warm_up_numpy(k, warm, lr): return np.clip(np.float32(k + 1)/warm, 0, 1)*lr
def warm_up_loop(k, warm, lr):
    rate = 0.
    for step in range(k + 1):
        if step < warm: rate += lr/warm
    return rate
def warm_up_lesson(k, warm, lr): return warm_up(min(1, (k + 1)/100), 0., lr, share=warm/100)

# every_batch

def every_batch_count(batches, epochs, schedule, step):
    done = 0
    for _ in range(epochs):
        for batch in batches:
            step(batch, schedule(done/(epochs*len(batches))))
            done += 1
def every_batch_flat(batches, epochs, schedule, step):
    everything = batches*epochs
    for i, b in enumerate(everything): step(b, lr=schedule(i/len(everything)))
def every_batch_shares(batches, epochs, schedule, step):
    for e in range(epochs):
        for k in range(len(batches)): step(batches[k], schedule((e + k/len(batches))/epochs))

# steepest

def steepest_loop(lrs, losses):
    best, found = float('inf'), None
    for i in range(len(lrs) - 1):
        slope = (losses[i+1] - losses[i])/(math.log10(lrs[i+1]) - math.log10(lrs[i]))
        if slope < best: best, found = slope, lrs[i]
    return found
def steepest_numpy(lrs, losses): return lrs[np.argmin(np.diff(losses)/np.diff(np.log(lrs)))]
def steepest_torch(lrs, losses):
    fall = -torch.tensor(losses, dtype=torch.float64).diff()/torch.tensor(lrs, dtype=torch.float64).log2().diff()
    return lrs[fall.argmax().item()]
def steepest_lesson(lrs, losses): return suggest_steep(lrs, losses)

# clip

class ClipTorch(Callback):
    def __init__(self, longest): self.longest = longest
    def before_step(self, learn): nn.utils.clip_grad_norm_(learn.model.parameters(), self.longest)
class ClipPlain:
    "Without the base class"
    def __init__(self, longest): self.limit = longest
    def before_step(self, learn):
        total = sum((p.grad**2).sum().item() for p in learn.model.parameters())**.5
        factor = min(1, self.limit/total)
        for p in learn.model.parameters(): p.grad = p.grad*factor
class ClipOptimizer(Callback):
    "Through the optimizer, in double precision"
    def __init__(self, longest): self.longest = longest
    def before_step(self, learn):
        grads = [p.grad.double().reshape(-1) for p in learn.model.parameters() if p.grad is not None]
        length = torch.linalg.vector_norm(torch.cat(grads)).item()
        if length <= self.longest: return
        for p in learn.model.parameters(): p.grad.div_(length).mul_(self.longest)

# keep_best

def keep_best_lists(model, epochs, train, valid_loss):
    seen = []
    for _ in range(epochs):
        train(model)
        loss = valid_loss(model)
        seen.append((math.inf if math.isnan(loss) else loss, [p.detach().clone() for p in model.parameters()]))
    best = min(seen, key=lambda s: s[0])[1]
    with torch.no_grad():
        for p, kept in zip(model.parameters(), best): p.copy_(kept)
def keep_best_model(model, epochs, train, valid_loss):
    best_loss, best_model = None, None
    for epoch in range(epochs):
        train(model)
        loss = valid_loss(model)
        if best_loss is None or loss < best_loss: best_loss, best_model = loss, copy.deepcopy(model)
    return best_model
def keep_best_dict(model, epochs, train, valid_loss):
    lowest = float('inf')
    while epochs > 0:
        train(model); epochs -= 1
        now = valid_loss(model)
        if not now < lowest: continue
        lowest = now
        state = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(state)
    return model

# early_stop

def early_stop_index(losses, patience):
    for epoch in range(len(losses)):
        so_far = losses[:epoch+1]
        if epoch - so_far.index(min(so_far)) >= patience: break
    return epoch
def early_stop_when(losses, patience):
    best = 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best]: best = epoch
        if epoch - best == patience: return epoch
    return len(losses) - 1
def early_stop_numpy(losses, patience):
    waits = [i - int(np.argmin(losses[:i+1])) for i in range(len(losses))]
    return next((i for i, w in enumerate(waits) if w >= patience), len(losses) - 1)

# hidden_layer

def hidden_layer_linear(x, w1, b1, w2, b2): return F.linear(F.relu(F.linear(x, w1, b1)), w2, b2)
def hidden_layer_modules(x, w1, b1, w2, b2):
    net = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 1))
    for p, new in zip(net.parameters(), (w1, b1, w2, b2)): p.data = new
    return net(x)
def hidden_layer_units(x, w1, b1, w2, b2):
    scores = b2.repeat(len(x))
    for unit in range(len(b1)):
        scores = scores + w2[0,unit]*torch.clamp((x*w1[unit]).sum(1) + b1[unit], min=0)
    return scores[:,None]
def hidden_layer_where(x, w1, b1, w2, b2):
    h = torch.addmm(b1, x, w1.t())
    h[h < 0] = 0
    return torch.matmul(h, w2.t()) + b2

# cross_entropy

def cross_entropy_torch(scores, targets): return F.binary_cross_entropy_with_logits(scores, targets.float())
def cross_entropy_softplus(scores, targets): return F.softplus(scores*(1 - 2*targets)).mean()
def cross_entropy_two_sides(scores, targets):
    t = targets.to(scores.dtype)
    return -(t*F.logsigmoid(scores) + (1 - t)*F.logsigmoid(-scores)).sum()/len(scores)
def cross_entropy_exp(scores, targets): return torch.logaddexp(torch.zeros_like(scores), torch.where(targets.bool(), -scores, scores)).mean()
def cross_entropy_classes(scores, targets): return F.cross_entropy(torch.cat([torch.zeros_like(scores), scores], dim=1), targets[:,0])
def cross_entropy_lesson(scores, targets): return cross_entropy(scores, targets)

# all_alike

def all_alike_linear(n_in, n_hidden):
    net = nn.Sequential(nn.Linear(n_in, n_hidden), nn.ReLU(), nn.Linear(n_hidden, 1))
    return list(net.parameters())
def all_alike_kaiming(n_in, n_hidden):
    w1, w2 = torch.empty(n_hidden, n_in), torch.empty(1, n_hidden)
    for w in (w1, w2): nn.init.kaiming_normal_(w)
    return w1, torch.zeros(n_hidden), w2, torch.zeros(1)
def all_alike_small(n_in, n_hidden): return torch.randn(n_hidden, n_in)*.01, torch.zeros(n_hidden), torch.randn(1, n_hidden)*.01, torch.zeros(1)
def all_alike_first_only(n_in, n_hidden):
    "A last layer of zeros is no harm: the units differ, and it moves first"
    return (torch.rand(n_hidden, n_in) - .5)/n_in**.5, torch.zeros(n_hidden), torch.zeros(1, n_hidden), torch.zeros(1)

# tuned_report

def tuned_report_loop(rates, train_loss, held_out_loss, valid_accuracy):
    best, lowest = None, float('inf')
    for lr in rates:
        if held_out_loss(lr) < lowest: best, lowest = lr, held_out_loss(lr)
    return [best, valid_accuracy(best)]
def tuned_report_sorted(rates, train_loss, held_out_loss, valid_accuracy):
    first = sorted((held_out_loss(lr), lr) for lr in rates)[0][1]
    return first, valid_accuracy(first)
def tuned_report_torch(rates, train_loss, held_out_loss, valid_accuracy):
    lr = rates[torch.tensor([held_out_loss(r) for r in rates]).argmin()]
    return torch.tensor([lr, valid_accuracy(lr)])
def tuned_report_numpy(rates, train_loss, held_out_loss, valid_accuracy):
    best = np.array(rates)[np.argmin([held_out_loss(r) for r in rates])]
    return best, np.float64(valid_accuracy(best))

# whole_path

def whole_path_copy(p, step, n):
    points = [copy.deepcopy(p.data)]
    for _ in range(n): step(); points.append(p.data.clone())
    return torch.stack(points)
def whole_path_filled(p, step, n):
    path = torch.empty(n + 1, *p.shape)
    for k in range(n + 1):
        if k: step()
        path[k] = p.detach()
    return path
def whole_path_numpy(p, step, n):
    rows = [p.detach().numpy().copy()]
    for _ in range(n):
        step()
        rows.append(p.detach().numpy().copy())
    return np.stack(rows)
@torch.no_grad()
def whole_path_no_grad(p, step, n):
    path = p[None] + 0
    for _ in range(n):
        step()
        path = torch.cat([path, p[None]])
    return path

# row_lengths

def row_lengths_normalize(d, w): return F.normalize(d, dim=1)*w.norm(dim=1)[:,None]
def row_lengths_in_place(d, w):
    d.mul_((w.square().sum(1)/d.square().sum(1)).sqrt().unsqueeze(1))
    return d
def row_lengths_loop(d, w): return torch.stack([row/row.norm()*other.norm() for row, other in zip(d, w)])
def row_lengths_numpy(d, w):
    lengths = np.linalg.norm(w.numpy(), axis=1)/np.linalg.norm(d.numpy(), axis=1)
    return d.numpy()*lengths[:,None]
def row_lengths_transposed(d, w): return (d.T/d.norm(dim=1)*w.norm(dim=1)).T

# share_kept

def share_kept_var(path, directions): return ((path @ directions.T).var(0).sum()/path.var(0).sum()).item()
def share_kept_numpy(path, directions):
    x, d = path.numpy(), directions.numpy()
    x = x - x.mean(axis=0, keepdims=True)
    return np.sum((x @ d.T)**2)/np.sum(x**2)
def share_kept_loop(path, directions):
    middle, kept, total = path.mean(dim=0), 0., 0.
    for point in path:
        kept += sum(torch.dot(point - middle, d).item()**2 for d in directions)
        total += (point - middle).norm().item()**2
    return kept/total
def share_kept_lesson(path, directions): return share_kept(path, directions)

# paired_difference

def paired_numpy(a, b):
    d = np.array(a) - np.array(b)
    return d.mean(), d.std(ddof=1)/np.sqrt(len(d))
def paired_torch(a, b):
    d = torch.tensor(a, dtype=torch.float64) - torch.tensor(b, dtype=torch.float64)
    return torch.stack([d.mean(), d.std()/len(d)**.5])
def paired_sums(a, b):
    n = len(a)
    middle = (sum(a) - sum(b))/n
    squares = sum((x - y - middle)**2 for x, y in zip(a, b))
    return middle, math.sqrt(squares/(n - 1)/n)
def paired_variance(a, b):
    d = list(map(float.__sub__, a, b))
    return [statistics.fmean(d), (statistics.variance(d)/len(d))**.5]

# told_apart

def told_apart_all(a, b): return all(x < y for x in a for y in b) or all(x > y for x in a for y in b)
def told_apart_sorted(a, b):
    a, b = sorted(a), sorted(b)
    if a[-1] < b[0]: return True
    return b[-1] < a[0]
def told_apart_torch(a, b):
    less = torch.tensor(a)[:,None] < torch.tensor(b)
    more = torch.tensor(a)[:,None] > torch.tensor(b)
    return less.all() | more.all()
def told_apart_numpy(a, b): return np.max(a) < np.min(b) or np.max(b) < np.min(a)

# own_rate

def own_rate_loop(racers, rates, search, run):
    ends = {}
    for name in racers:
        losses = [search(name, lr) for lr in rates]
        ends[name] = run(name, rates[losses.index(min(losses))])
    return ends
def own_rate_pairs(racers, rates, search, run):
    own = {name: min((search(name, lr), lr) for lr in rates)[1] for name in racers}
    return dict((name, run(name, lr)) for name, lr in own.items())
def own_rate_numpy(racers, rates, search, run):
    table = np.array([[search(name, lr) for lr in rates] for name in racers])
    return {name: run(name, rates[i]) for name, i in zip(racers, table.argmin(1))}

# grid_edge

def grid_edge_numpy(search):
    rates = np.array(sorted(search))
    i = np.argmin([np.mean(search[lr]) for lr in rates])
    return i == 0 or i == len(rates) - 1
def grid_edge_inside(search):
    best = min(search, key=lambda lr: statistics.fmean(search[lr]))
    return not min(search) < best < max(search)
def grid_edge_loop(search):
    best, lowest = None, math.inf
    for lr, losses in search.items():
        total = 0.
        for loss in losses: total += loss
        if total/len(losses) < lowest: best, lowest = lr, total/len(losses)
    smaller, larger = [lr for lr in search if lr < best], [lr for lr in search if lr > best]
    return not smaller or not larger
def grid_edge_torch(search):
    rates = sorted(search)
    best = torch.tensor([torch.tensor(search[lr]).mean() for lr in rates]).argmin().item()
    return int(best in (0, len(rates) - 1))

REWRITINGS = dict(
    cosine=[cosine_share, cosine_middle, cosine_sine, cosine_lesson],
    warm_up=[warm_up_if, warm_up_min, warm_up_numpy, warm_up_loop, warm_up_lesson],
    every_batch=[every_batch_count, every_batch_flat, every_batch_shares],
    steepest=[steepest_loop, steepest_numpy, steepest_torch, steepest_lesson],
    clip=[ClipTorch, ClipPlain, ClipOptimizer],
    keep_best=[keep_best_lists, keep_best_model, keep_best_dict],
    early_stop=[early_stop_index, early_stop_when, early_stop_numpy],
    hidden_layer=[hidden_layer_linear, hidden_layer_modules, hidden_layer_units, hidden_layer_where],
    cross_entropy=[cross_entropy_torch, cross_entropy_softplus, cross_entropy_two_sides, cross_entropy_exp, cross_entropy_classes, cross_entropy_lesson],
    all_alike=[all_alike_linear, all_alike_kaiming, all_alike_small, all_alike_first_only],
    tuned_report=[tuned_report_loop, tuned_report_sorted, tuned_report_torch, tuned_report_numpy],
    whole_path=[whole_path_copy, whole_path_filled, whole_path_numpy, whole_path_no_grad],
    row_lengths=[row_lengths_normalize, row_lengths_in_place, row_lengths_loop, row_lengths_numpy, row_lengths_transposed],
    share_kept=[share_kept_var, share_kept_numpy, share_kept_loop, share_kept_lesson],
    paired_difference=[paired_numpy, paired_torch, paired_sums, paired_variance],
    told_apart=[told_apart_all, told_apart_sorted, told_apart_torch, told_apart_numpy],
    own_rate=[own_rate_loop, own_rate_pairs, own_rate_numpy],
    grid_edge=[grid_edge_numpy, grid_edge_inside, grid_edge_loop, grid_edge_torch])
