"What pyright and mypy should refuse: each line marked so, and no other."
import torch
from fastbook_sgd import optim

params = [torch.zeros(2, requires_grad=True)]
optim.AdamW(params, lr=1e-3)
optim.AdamW(params, lr='0.1')  # wrong
optim.AdamW(params, learning_rate=.1)  # wrong
optim.AdamW(params, betas=.9)  # wrong
optim.AdamW()  # wrong
optim.SGD(params, .1, driver='fast')  # wrong
optim.Adamw(params)  # wrong
