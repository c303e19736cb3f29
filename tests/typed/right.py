"The lessons' way of using the package, as pyright and mypy should accept it. It is read, never run."
from typing import Any

from fastbook_sgd.all import *
from fastbook_sgd import callbacks, compose, testing

set_seed(42)
data = load_threes_sevens()
dls = DataLoaders(TensorLoader(data.train_x, data.train_y, bs=64, shuffle=True),
                  TensorLoader(data.valid_x, data.valid_y))
learn = BasicLearner(dls, nn.Linear(28*28, 1), opt_func=BasicOptim,
                     loss_func=mnist_loss, metrics=batch_accuracy)
table = learn.fit(10, lr=1.)
print(f"accuracy {table.batch_accuracy.iloc[-1]:.4f}")

model = nn.Linear(2, 1)
named = optim.SGD(model.named_parameters(), lr=.1, momentum=.9, nesterov=True)
two: list[dict[str, Any]] = [{'params': [model.weight], 'lr': 1e-2}, {'params': [model.bias]}]
groups = optim.Adam(two, amsgrad=True)
tensors = optim.AdamW(model.parameters(), lr=torch.tensor(1e-3), betas=(.9, .99), weight_decay=.1, maximize=True, driver='flat')
matrices = optim.Muon([model.weight], lr=.02, ns_steps=5, adjust_lr_fn='match_rms_adamw')
others = [optim.Adagrad(model.parameters(), lr_decay=.1), optim.RMSprop(model.parameters(), centered=True), optim.Lion(model.parameters())]

loss = model(torch.ones(4, 2)).sum()
loss.backward()
for opt in (named, groups, tensors, matrices, *others):
    opt.step()
    opt.zero_grad()
    opt.load_state_dict(opt.state_dict())
schedule = torch.optim.lr_scheduler.OneCycleLR(tensors, max_lr=1e-2, total_steps=10)
schedule.step()
optimizers: list[torch.optim.Optimizer] = [named, groups, tensors, matrices]
testing.check_optimizer(optim.AdamW)

def slow(p, g, lr=.1): p.sub_(g, alpha=lr)
class Slow(optim.Optimizer, rule=slow): pass
Slow(model.parameters(), lr=.1).step()
