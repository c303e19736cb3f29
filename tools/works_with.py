"""Ours in the seat of torch's AdamW, in two trainers that are too heavy for every test run: Hugging Face's Trainer and Lightning.

To run it: `pip install transformers accelerate lightning`, then `python tools/works_with.py`. The last result lies in tools/works_with.txt.
Each trains the same small net with torch's optimizer and with ours, with a schedule and clipped gradients, stops halfway,
goes on from what was saved, and must end at the same weights, bit for bit."""
from datetime import date
from importlib.metadata import version
from pathlib import Path
import os
import platform
import sys
import tempfile

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ['CUDA_VISIBLE_DEVICES'] = ''

import torch
from torch import nn
from torch.optim.lr_scheduler import LinearLR
from torch.utils.data import DataLoader, TensorDataset

from fastbook_sgd import optim

STEPS, HALF = 40, 20
MAKERS = {'torch': torch.optim.AdamW, **{f'ours, {d}': (lambda params, d=d, **kw: optim.AdamW(params, driver=d, **kw)) for d in ('each', 'foreach', 'flat')}}

def problem():
    "160 inputs and what to say to them"
    g = torch.Generator().manual_seed(0)
    x = torch.randn(160, 8, generator=g)
    return x, (x.sum(1, keepdim=True) > 0).float()

def net():
    "The same net each time"
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))

def schedule(opt): return LinearLR(opt, 1., .1, STEPS)
def weights(model): return torch.cat([p.detach().flatten() for p in model.parameters()])

class Asked(nn.Module):
    "A net as Hugging Face asks for it: named inputs, and its own loss"
    def __init__(self): super().__init__(); self.net = net()
    def forward(self, x, labels): return {'loss': nn.functional.binary_cross_entropy_with_logits(self.net(x), labels)}

def by_trainer(make, folder):
    "Hugging Face's Trainer: train to the end; and from the checkpoint in the middle"
    from transformers import Trainer, TrainingArguments
    data = [dict(x=x, labels=y) for x, y in zip(*problem())]
    def trained(resume):
        model = Asked()
        opt = make(model.parameters(), lr=.01, weight_decay=.1)
        args = TrainingArguments(folder, max_steps=STEPS, per_device_train_batch_size=16, save_steps=HALF, max_grad_norm=.5, seed=3,
                                 report_to=[], disable_tqdm=True, logging_strategy='no', use_cpu=True, remove_unused_columns=False)
        Trainer(model, args, train_dataset=data, optimizers=(opt, schedule(opt))).train(resume_from_checkpoint=resume)
        return weights(model)
    return trained(None), trained(str(Path(folder)/f'checkpoint-{HALF}'))

def by_lightning(make, folder):
    "Lightning's Trainer: the same"
    import lightning as L
    class Net(L.LightningModule):
        def __init__(self): super().__init__(); self.net = net()
        def training_step(self, batch): return nn.functional.binary_cross_entropy_with_logits(self.net(batch[0]), batch[1])
        def configure_optimizers(self):
            opt = make(self.parameters(), lr=.01, weight_decay=.1)
            return dict(optimizer=opt, lr_scheduler=dict(scheduler=schedule(opt), interval='step'))
    def trained(epochs, resume=None):
        trainer = L.Trainer(max_epochs=epochs, accelerator='cpu', gradient_clip_val=.5, logger=False, enable_progress_bar=False,
                            enable_checkpointing=False, enable_model_summary=False, default_root_dir=folder)
        model = Net()
        trainer.fit(model, DataLoader(TensorDataset(*problem()), batch_size=16), ckpt_path=resume)
        trainer.save_checkpoint(half)
        return weights(model)
    half = Path(folder)/'half.ckpt'
    whole = trained(STEPS // 10)      # an epoch has ten steps
    trained(HALF // 10)
    return whole, trained(STEPS // 10, half)

def line(name, package, train):
    "A line of the result: what each driver leaves beside torch's"
    ends = {}
    for who, make in MAKERS.items():
        with tempfile.TemporaryDirectory() as folder: ends[who] = train(make, folder)
    theirs = ends['torch'][0]
    assert not torch.equal(theirs, weights(net())), 'nothing was trained'
    said = [f'{who}: {"equal" if torch.equal(end, theirs) else f"off by {(end - theirs).abs().max():.2g}"}, '
            f'gone on {"equal" if torch.equal(again, theirs) else f"off by {(again - theirs).abs().max():.2g}"}' for who, (end, again) in ends.items()]
    return f'{name} {version(package)}: ' + '; '.join(said)

def main():
    "Run both, print and save what they say"
    lines = [f'{date.today()}, {platform.system()}, Python {platform.python_version()}, torch {torch.__version__.split("+")[0]}. '
             'Weights after 40 steps beside those of torch.optim.AdamW:',
             line('Hugging Face Trainer', 'transformers', by_trainer), line('Lightning', 'lightning', by_lightning)]
    (ROOT/'tools'/'works_with.txt').write_text('\n'.join(lines) + '\n', encoding='utf-8', newline='\n')
    print('\n'.join(lines))

if __name__ == '__main__': main()
