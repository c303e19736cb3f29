"Lessons 00 to 04: right answers in other styles."
from types import SimpleNamespace
import math, random

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from fastbook_sgd.data import TensorLoader, label_images, stack_images
from fastbook_sgd.descent import calc_grad, train_epoch, validate_epoch, weighted_means
from fastbook_sgd.linear import batch_accuracy, mnist_loss
from fastbook_sgd.optimizer import BasicOptim

# stack

def stack_comprehension(images): return torch.stack([i.float().flatten()/255 for i in images])
def stack_reshape(images):
    x = torch.stack(tuple(images))
    x = x.to(torch.float32)/255.
    return x.reshape(len(images), 784)
def stack_numpy(images): return torch.tensor(np.array([np.array(i)/255 for i in images]).reshape(len(images), -1), dtype=torch.float32)
def stack_loop(images):
    rows = torch.zeros(len(images), 784)
    for i, image in enumerate(images): rows[i] = image.view(-1)*(1/255)
    return rows

# nearest

def nearest_two_lines(x, mean3, mean7):
    to3 = torch.abs(x - mean3).mean(dim=-1)
    to7 = torch.abs(x - mean7).mean(dim=-1)
    return to3 < to7
def nearest_sums(x, mean3, mean7): return ((x - mean3[None]).abs().sum(1) - (x - mean7[None]).abs().sum(1)) < 0
def nearest_loop(x, mean3, mean7): return [float((r - mean3).abs().mean()) < float((r - mean7).abs().mean()) for r in x]
def nearest_argmin(x, mean3, mean7): return torch.cdist(x, torch.stack([mean3, mean7]), p=1).argmin(1) == 0
def nearest_numpy(x, mean3, mean7):
    x, a, b = x.numpy(), mean3.numpy(), mean7.numpy()
    return np.abs(x - a).mean(1) < np.abs(x - b).mean(1)

# batches

def batches_split(x, y, bs): return list(zip(x.split(bs), y.split(bs)))
def batches_generator(x, y, bs):
    for i in range(math.ceil(len(x)/bs)): yield x[i*bs:(i+1)*bs], y[i*bs:(i+1)*bs]
def batches_ours(x, y, bs): return TensorLoader(x, y, bs)
def batches_while(x, y, bs):
    out, i = [], 0
    while i < x.shape[0]:
        out.append([x[i:i+bs], y[i:i+bs]])
        i += bs
    return out

# accuracy, loss

def accuracy_flat(predictions, targets): return ((predictions[:,0] > 0).long() == targets[:,0]).float().mean()
def accuracy_sigmoid(predictions, targets): return ((predictions.sigmoid() > .5) == targets.bool()).double().mean()
def accuracy_loop(predictions, targets):
    right = [(p.item() > 0) == (t.item() == 1) for p, t in zip(predictions, targets)]
    return sum(right)/len(right)
def accuracy_numpy(predictions, targets): return np.mean((predictions.numpy() > 0) == (targets.numpy() == 1))

def loss_where(predictions, targets):
    predictions = predictions.sigmoid()
    return torch.where(targets == 1, 1-predictions, predictions).mean()
def loss_l1(predictions, targets): return F.l1_loss(torch.sigmoid(predictions), targets.float())
def loss_by_hand(predictions, targets):
    sure = 1/(1 + torch.exp(-predictions))
    return sum(abs(s - t) for s, t in zip(sure, targets))[0]/len(targets)
def loss_turned(predictions, targets): return (targets - predictions.sigmoid()).abs().sum()/predictions.shape[0]

# calc_grad

def grad_short(xb, yb, model, loss_func):
    (loss := loss_func(model(xb), yb)).backward()
    return loss.item()
def grad_data(xb, yb, model, loss_func):
    preds = model(xb)
    loss = loss_func(preds, yb)
    loss.backward()
    return loss.data
def grad_ours(xb, yb, model, loss_func): return calc_grad(xb, yb, model, loss_func)

# loop

def loop_zero_first(model, dl, opt, loss_func):
    for xb, yb in dl:
        opt.zero_grad()
        loss_func(model(xb), yb).backward()
        opt.step()
def loop_zero_middle(model, dl, opt, loss_func):
    for x, y in iter(dl):
        l = loss_func(model(x), y)
        opt.zero_grad(); l.backward(); opt.step()
def loop_model_clears(model, dl, opt, loss_func):
    losses = []
    for i in range(len(dl)):
        loss = loss_func(model(dl[i][0]), dl[i][1])
        loss.backward()
        losses.append(loss.item())
        opt.step()
        model.zero_grad()
    return losses
def loop_by_hand(model, dl, opt, loss_func):
    for xb, yb in dl:
        loss_func(model(xb), yb).backward()
        opt.step()
        for p in model.parameters(): p.grad = None
def loop_looks(model, dl, opt, loss_func):
    for xb, yb in dl:
        loss_func(model(xb), yb).backward()
        opt.step(); opt.zero_grad()
        with torch.no_grad(): print(loss_func(model(xb), yb))
def loop_ours(model, dl, opt, loss_func): train_epoch(model, dl, opt, loss_func)

# validate

def validate_totals(model, dl):
    model.eval()
    right = rows = 0
    with torch.no_grad():
        for xb, yb in dl:
            right += ((model(xb) > 0) == (yb == 1)).sum()
            rows += len(xb)
    model.train()
    return right/rows
@torch.no_grad()
def validate_decorated(model, dl):
    was = model.training
    model.eval()
    batches = [(model(xb), yb) for xb, yb in dl]
    model.train(was)
    return batch_accuracy(torch.cat([p for p, _ in batches]), torch.cat([y for _, y in batches]))
def validate_numpy(model, dl):
    model.train(False)
    with torch.inference_mode():
        shares, sizes = zip(*[(float(batch_accuracy(model(x), y)), len(x)) for x, y in dl])
    model.train()
    return np.average(shares, weights=sizes)
def validate_ours(model, dl): return validate_epoch(model, dl)

# shuffle

def shuffle_argsort(x, y, bs, generator):
    order = torch.rand(len(x), generator=generator).argsort()
    x, y = x[order], y[order]
    return [(x[i:i+bs], y[i:i+bs]) for i in range(0, len(x), bs)]
def shuffle_python(x, y, bs, generator):
    rows = list(range(len(x)))
    random.Random(torch.randint(10**9, (1,), generator=generator).item()).shuffle(rows)
    return [(x[rows[i:i+bs]], y[rows[i:i+bs]]) for i in range(0, len(x), bs)]
def shuffle_generator(x, y, bs, generator):
    for rows in torch.randperm(x.shape[0], generator=generator).split(bs): yield x.index_select(0, rows), y.index_select(0, rows)
def shuffle_ours(x, y, bs, generator): return TensorLoader(x, y, bs, shuffle=True, generator=generator)

# basic_optim

class OptimData:
    def __init__(self, params, lr):
        self.params = [*params]
        self.lr = lr
    def step(self):
        for p in self.params:
            if p.grad is None: continue
            p.data = p.data - self.lr*p.grad.data
    def zero_grad(self):
        for p in self.params:
            if p.grad is not None: p.grad.zero_()
class OptimGroups(OptimData):
    @torch.no_grad()
    def step(self):
        for p in [p for p in self.params if p.grad is not None]: p.sub_(p.grad, alpha=self.lr)
class OptimNumpy(OptimData):
    def step(self):
        for p in self.params:
            if p.grad is not None: p.data.copy_(torch.tensor(p.detach().numpy() - np.float64(self.lr)*p.grad.numpy()))
def optim_of_functions(params, lr):
    params = tuple(params)
    def step():
        with torch.no_grad():
            for p in params:
                if p.grad is not None: p.add_(-lr*p.grad)
    def zero_grad():
        for p in params: p.grad = None
    return SimpleNamespace(step=step, zero_grad=zero_grad)
class OptimTorch(torch.optim.SGD): pass
OptimTorch([torch.zeros(1, requires_grad=True)], .1)     # the first one loads torch's compiler, which takes seconds

# smooth

def smooth_lerp(losses, beta):
    value, out = torch.tensor(0.), []
    for i, loss in enumerate(losses):
        value = torch.lerp(torch.tensor(loss), value, beta)
        out.append(value/(1 - beta**(i+1)))
    return out
def smooth_weights(losses, beta):
    out = []
    for t in range(1, len(losses)+1):
        weights = beta**np.arange(t)[::-1]
        out.append(np.float64((weights*np.array(losses[:t])).sum()/weights.sum()))
    return np.array(out)
def smooth_generator(losses, beta):
    m, kept = 0, 1
    for loss in losses:
        m += (1 - beta)*(loss - m)
        kept *= beta
        yield m/(1 - kept)

# fit

def fit_means(model, epochs, train_dl, valid_dl, opt, loss_func):
    out = []
    for _ in range(epochs):
        model.train()
        for xb, yb in train_dl:
            loss_func(model(xb), yb).backward()
            opt.step(); opt.zero_grad()
        out += weighted_means([loss_func], model, valid_dl)
    return out
def fit_end(model, epochs, train_dl, valid_dl, opt, loss_func):
    def one():
        model.train(True)
        train_epoch(model, train_dl, opt, loss_func)
        model.train(False)
        with torch.no_grad(): return float(sum(loss_func(model(xb), yb) for xb, yb in valid_dl)/len(valid_dl))
    losses = [one() for _ in range(epochs)]
    model.train()
    return losses

REWRITINGS = dict(
    stack=[stack_comprehension, stack_reshape, stack_numpy, stack_loop, stack_images],
    nearest=[nearest_two_lines, nearest_sums, nearest_loop, nearest_argmin, nearest_numpy],
    batches=[batches_split, batches_generator, batches_ours, batches_while],
    accuracy=[accuracy_flat, accuracy_sigmoid, accuracy_loop, accuracy_numpy, batch_accuracy],
    loss=[loss_where, loss_l1, loss_by_hand, loss_turned, mnist_loss],
    calc_grad=[grad_short, grad_data, grad_ours],
    loop=[loop_zero_first, loop_zero_middle, loop_model_clears, loop_by_hand, loop_looks, loop_ours],
    validate=[validate_totals, validate_decorated, validate_numpy, validate_ours],
    shuffle=[shuffle_argsort, shuffle_python, shuffle_generator, shuffle_ours],
    basic_optim=[OptimData, OptimGroups, OptimNumpy, optim_of_functions, OptimTorch, BasicOptim],
    stuck=[OptimData, OptimGroups, optim_of_functions],
    smooth=[smooth_lerp, smooth_weights, smooth_generator],
    fit=[fit_means, fit_end])
