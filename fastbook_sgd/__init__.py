"""Build a neural network's optimizer step by step, from a linear layer by hand to fastai's Learner, and prove each step.

`fastbook_sgd` is the optimizer and the trainer of a neural network, built step by step in notebooks. What they build is here, to read, run and import; it leaves the same weights as torch's optimizers and fastai's `Learner`, to the last bit.

What is in it, a module a room:

- `optim`: the public door. Every optimizer, in the place of `torch.optim`
- `data`, `linear`, `descent`, `optimizer`, `learner`: digits, a linear layer, its loss, a step, a loop
- `momentum`, `adaptive`, `muon`, `compose`: each update rule as a plain function, and rules that take rules
- `schedules`, `callbacks`, `nets`: the learning rate over time, a trainer made of callbacks, a hidden layer
- `surfaces`, `pictures`, `race`: what descent looks like, and which optimizer is best
- `base`, `drivers`: the class behind every optimizer, and faster ways through the same rules
- `checks`, `sources`, `saving`, `testing`: what keeps it safe
- `practice`: the exercises of the lessons: `check` an answer, ask for a `hint`, `show` the solution
- `exercise`, `answers_layer`, `answers_rules`, `answers_training`, `answers_own`: how it names a mistake, and the answers
- `__main__`: `python -m fastbook_sgd`, a first look, and the notebooks written into a folder
- `javascript`: an update rule as JavaScript
- `moved`: where old import paths lead
- `all`: what a notebook of the series needs, with fastai's basics

Start with `from fastbook_sgd import optim` and `optim.AdamW(model.parameters(), lr=1e-3)`, or with `from fastbook_sgd.all import *` and the notebook `00_data`. Each module is written by the notebook that explains it, which its head names.

Modules:

- `fastbook_sgd.all`: How a neural network learns, by building the machine that does it."""

__version__ = "0.1.0"
