"""Cases for the JavaScript of the playground that computes, each with the numbers that the module has for it in float64.

tests/parity.mjs runs them, in node and in a browser alike. Python and JavaScript draw from the same generator of random numbers, `random` in
net.js and `Drawn` here, so that no case holds more than a seed."""
from itertools import product
from math import sqrt
from pathlib import Path
import shutil

import torch
from torch import nn

from fastbook_sgd import optim
from fastbook_sgd.data import load_embedded
from fastbook_sgd.descent import calc_grad
from fastbook_sgd.linear import batch_accuracy, mnist_loss
from fastbook_sgd.surfaces import SURFACES

from play_rules import FOLDER, ROOT, RULES

STEPS, SEEN, SIZE = 200, (1, 2, 20, 200), 7
CLASSES = dict(sgd=optim.SGD, adagrad=optim.Adagrad, rmsprop=optim.RMSprop, adam=optim.Adam, adamw=optim.AdamW, lion=optim.Lion)

def copy_code(folder):
    "What tests/parity.mjs runs, and that file, into a folder where it may be changed"
    page = Path(folder)/'play'/'src'
    shutil.copytree(FOLDER, page/'generated')
    for name in ('net.js', 'digits.js'): shutil.copy(FOLDER.parent/name, page)
    (Path(folder)/'tests').mkdir()
    shutil.copy(ROOT/'tests'/'parity.mjs', Path(folder)/'tests')

class Drawn:
    "Random numbers in [0,1): mulberry32, as in net.js"
    def __init__(self, seed): self.state = seed
    def __call__(self):
        whole = lambda x: x & 0xFFFFFFFF
        self.state = whole(self.state + 0x6D2B79F5)
        z = whole((self.state ^ self.state >> 15) * (1 | self.state))
        z = z ^ whole(z + whole((z ^ z >> 7) * (61 | z)))
        return (z ^ z >> 14)/4294967296

# Rules

OPTIONS = dict(
    sgd=dict(lr=[.03], momentum=[0, .9], dampening=[0, .3], weight_decay=[0, .02], nesterov=[False, True], maximize=[False, True]),
    adagrad=dict(lr=[.1], lr_decay=[0, .01], weight_decay=[0, .02], eps=[1e-10], maximize=[False, True]),
    rmsprop=dict(lr=[.01], alpha=[.95], eps=[1e-8], weight_decay=[0, .02], momentum=[0, .9], centered=[False, True], maximize=[False, True]),
    adam=dict(lr=[.02], beta1=[.9], beta2=[.99, .999], eps=[1e-8], weight_decay=[0, .02], amsgrad=[False, True], maximize=[False, True]),
    adamw=dict(lr=[.02], beta1=[.8], beta2=[.999], eps=[1e-8], weight_decay=[0, .02], amsgrad=[False, True], maximize=[False, True]),
    lion=dict(lr=[.01], beta1=[.9], beta2=[.99], weight_decay=[0, .02], maximize=[False, True]))

def allowed(hypers):
    "Nesterov needs momentum without dampening, and dampening momentum"
    return not (hypers.get('nesterov') or hypers.get('dampening')) or bool(hypers['momentum']) and not (hypers['nesterov'] and hypers['dampening'])

def torchs(hypers):
    "As Python takes them: the two betas as a pair"
    rest = {k: v for k, v in hypers.items() if k not in ('beta1', 'beta2')}
    return rest | (dict(betas=(hypers['beta1'], hypers['beta2'])) if 'beta1' in hypers else {})

def rule_case(name, hypers, seed):
    "200 steps with gradients that depend on where we are, and on chance"
    draw = Drawn(seed)
    p = torch.tensor([4*draw() - 2 for _ in range(SIZE)], dtype=torch.float64, requires_grad=True)
    opt, seen = CLASSES[name]([p], **torchs(hypers)), {}
    for t in range(1, STEPS + 1):
        p.grad = torch.tensor([.5*x + (2*draw() - 1) for x in p.tolist()], dtype=torch.float64)
        opt.step()
        if t in SEEN: seen[t] = p.tolist()
    state = {symbol: opt.state[p][name].tolist() for symbol, name in opt.names.items() if symbol != 't' and name in opt.state[p]}
    return dict(rule=name, hypers=hypers, seed=seed, size=SIZE, steps=STEPS, seen=seen, state=state)

def rule_cases():
    "Every rule with each way of setting its switches, and of turning on and off what may be 0"
    found = []
    for name, options in OPTIONS.items():
        for values in product(*options.values()):
            hypers = dict(zip(options, values))
            if allowed(hypers): found.append(rule_case(name, hypers, len(found) + 1))
    return found

# Surfaces

def surface_case(surface, points=100):
    "Heights and slopes at points all over the picture, by autograd"
    draw = Drawn(len(surface.name))
    between = lambda ends: ends[0] + (ends[1] - ends[0])*draw()
    at = torch.tensor([[between(surface.xlim), between(surface.ylim)] for _ in range(points)], dtype=torch.float64, requires_grad=True)
    heights = surface.f(*at.unbind(-1))
    heights.sum().backward()
    return dict(surface=surface.name.lower(), points=at.tolist(), values=heights.tolist(), grads=at.grad.tolist())

# Nets

def net_of(name):
    "A net in float64 and its parameters"
    model = nn.Linear(784, 1) if name == 'linear' else nn.Sequential(nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 1))
    return model.double()

def begin(model, seed):
    "Set the parameters to what `start` of net.js draws"
    draw = Drawn(seed)
    with torch.no_grad():
        for layer in (m for m in model.modules() if isinstance(m, nn.Linear)):
            for p in layer.parameters(): p.copy_(torch.tensor([(2*draw() - 1)/sqrt(layer.in_features) for _ in range(p.numel())]).double().view_as(p))

def shuffled(n, draw):
    "As in net.js"
    order = [*range(n)]
    for k in range(n - 1, 0, -1):
        other = int(draw()*(k + 1))
        order[k], order[other] = order[other], order[k]
    return order

def flat_loss(predictions, targets):
    "What torch makes of labels `[n]` beside scores `[n,1]`; ours refuses them"
    return (predictions.sigmoid() - targets.view(-1)).abs().mean()

def training_case(net, rule, hypers, sort=False, keep_grad=False, flat=False, sign=1, seed=3, bs=64, epochs=10):
    "Loss and accuracy on the validation digits before training and after each epoch, with what people do wrong where asked"
    digits, model, draw = load_embedded(), net_of(net), Drawn(seed + 1)
    x, y, vx, vy = digits.train_x.double(), digits.train_y, digits.valid_x.double(), digits.valid_y
    begin(model, seed)
    opt = CLASSES[rule](model.parameters(), maximize=sign < 0, **torchs(hypers))
    measure = lambda: [f(model(vx), vy).item() for f in (mnist_loss, batch_accuracy)]
    curve = [measure()]
    for _ in range(epochs):
        order = [*range(len(x))] if sort else shuffled(len(x), draw)
        for k in range(0, len(x), bs):
            rows = order[k:k+bs]
            calc_grad(x[rows], y[rows], model, flat_loss if flat else mnist_loss)
            opt.step()
            if not keep_grad: opt.zero_grad()
        curve.append(measure())
    return dict(net=net, rule=rule, hypers=hypers | dict(maximize=sign < 0), sort=sort, keep_grad=keep_grad, flat=flat, seed=seed, bs=bs, epochs=epochs, curve=curve)

def training_cases():
    "The linear layer, right and with each fault, and the hidden one"
    sgd, adam = dict(lr=1, momentum=0, dampening=0, weight_decay=0, nesterov=False), dict(lr=.01, beta1=.9, beta2=.999, eps=1e-8, weight_decay=0, amsgrad=False)
    faults = [dict(), dict(sort=True), dict(keep_grad=True), dict(flat=True), dict(sign=-1)]
    right = [('linear', 'sgd', sgd | dict(lr=100)), ('linear', 'adam', adam), ('hidden', 'sgd', sgd | dict(lr=.5, momentum=.9)), ('hidden', 'adam', adam)]
    return [training_case('linear', 'sgd', sgd, **fault) for fault in faults] + [training_case(*case) for case in right]

def cases():
    "All of them, as JSON can hold them"
    return dict(rules=rule_cases(), surfaces=[*map(surface_case, SURFACES)], trainings=training_cases())

assert [*CLASSES] == [*OPTIONS] == [rule.__name__ for rule in RULES]
