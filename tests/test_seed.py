"The text that the series starts from: its calls, pasted as they are, and its table."
import pytest, torch

from fastbook_sgd.data import load_threes_sevens

START = '''
from fastbook_sgd.all import *
data = load_threes_sevens()
set_seed(42)
BS = 256 if data.source == 'mnist_sample' else 32
dl = DataLoader(list(zip(data.train_x, data.train_y)), batch_size=BS)
valid_dl = DataLoader(list(zip(data.valid_x, data.valid_y)), batch_size=BS)
lr = 1. if data.source == 'mnist_sample' else .1  # the small set is learned in smaller steps
'''
LINEAR = '''
linear_model = nn.Linear(28*28,1)
w,b = linear_model.parameters()
w.shape,b.shape,b
'''
OWN_DEFINITIONS = '''
class BasicOptim:
    def __init__(self,params,lr): self.params,self.lr = list(params),lr

    def step(self, *args, **kwargs):
        for p in self.params: p.data -= p.grad.data * self.lr

    def zero_grad(self, *args, **kwargs):
        for p in self.params: p.grad = None
opt = BasicOptim(linear_model.parameters(), lr)
def train_epoch(model):
    for xb,yb in dl:
        calc_grad(xb, yb, model)
        opt.step()
        opt.zero_grad()
def train_model(model, epochs):
    for i in range(epochs):
        train_epoch(model)
        print(validate_epoch(model), end=' ')
train_model(linear_model, 20)
'''
OURS = '''
opt = BasicOptim(linear_model.parameters(), lr)
train_epoch(linear_model)
train_model(linear_model, 19)
'''
FASTAI_SGD = '''
linear_model = nn.Linear(28*28,1)
opt = SGD(linear_model.parameters(), lr)
train_model(linear_model, 20)
'''
LEARNER = '''
dls = DataLoaders(dl, valid_dl)
learn = Learner(dls, nn.Linear(28*28,1), opt_func=SGD,
                loss_func=mnist_loss, metrics=batch_accuracy)
learn.fit(10, lr=lr)
'''

def paste(*cells):
    notebook = {'__name__': '__main__'}
    for cell in cells: exec(cell, notebook)
    return notebook

def accuracy(notebook, model): return notebook['validate_epoch'](model, notebook['valid_dl'])

def test_names_and_shapes():
    notebook = paste(START, LINEAR)
    assert (notebook['w'].shape, notebook['b'].shape) == ((1, 784), (1,))

@pytest.mark.parametrize('cells', [OWN_DEFINITIONS, OURS, OWN_DEFINITIONS + FASTAI_SGD, OURS + FASTAI_SGD], ids=['pasted', 'ours', 'pasted-SGD', 'ours-SGD'])
def test_twenty_epochs(cells, capsys):
    notebook = paste(START, LINEAR, cells)
    assert accuracy(notebook, notebook['linear_model']) > 0.95
    assert len(capsys.readouterr().out.split()) >= 19

def test_the_seeds_own_definitions_end_on_our_weights():
    "At learning rate 1; at others the seed's `p -= grad*lr` rounds once more than torch's and our `add_`"
    first, second = [paste(START, 'lr = 1.', LINEAR, cell)['linear_model'] for cell in (OWN_DEFINITIONS, OURS)]
    assert torch.equal(first.weight, second.weight) and torch.equal(first.bias, second.bias)

def test_the_learners_table(capsys):
    notebook = paste(START, LINEAR, OURS, FASTAI_SGD, LEARNER)
    rows = [list(r) for r in notebook['learn'].recorder.values]
    assert len(rows) == 10 and rows[-1][2] > 0.95
    assert 'batch_accuracy' in capsys.readouterr().out
    if notebook['data'].source != 'mnist_sample': pytest.skip('the figures below are those of MNIST_SAMPLE')
    assert rows[0][2] == pytest.approx(0.495584, abs=1e-6)
    assert rows[0][:2] == pytest.approx([0.637, 0.503], abs=2e-3)
    assert rows[9][:2] == pytest.approx([0.0174, 0.0384], abs=6e-4)
    assert rows[9][2] == pytest.approx(0.9671, abs=0.002)

def test_without_globals_the_error_says_what_is_missing():
    with pytest.raises(TypeError, match='no `dl` was passed, and there is no global variable `dl`: pass one'):
        paste('from fastbook_sgd.descent import *\ntrain_model(None, 1)')

def test_all_holds_every_public_name():
    import importlib
    import fastbook_sgd.all as everything
    for module in ('data', 'linear', 'descent', 'optimizer', 'learner'):
        ours = importlib.import_module(f'fastbook_sgd.{module}')
        for name in ours.__all__: assert getattr(everything, name) is getattr(ours, name), name
