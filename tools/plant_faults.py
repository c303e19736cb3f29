"Plant one fault after another in exported code, and report which of them no check notices (in a copy of the tree)."
from pathlib import Path
import os, shutil, subprocess, sys, sysconfig, tempfile

from tqdm import tqdm

from notebooks import ROOT, code_cells, read, write

FAULTS = [
    ('00_data', 'div(255)', 'div(256)'),
    ('00_data', 'torch.cat([threes, sevens])', 'torch.cat([sevens, threes])'),
    ('00_data', 'torch.ones(len(threes), 1), torch.zeros(len(sevens), 1)', 'torch.zeros(len(threes), 1), torch.ones(len(sevens), 1)'),
    ('00_data', '-(-len(self.x) // self.bs)', 'len(self.x) // self.bs'),
    ('00_data', 'y.index_select(0, rows.to(y.device))', 'y[:len(rows)]'),
    ('00_data', 'torch.randperm(len(x), generator=self.generator)', 'torch.randperm(len(x))'),
    ('00_data', 'if target.exists(): shutil.rmtree(target)', 'pass'),
    ('00_data', 'finally: part.unlink(missing_ok=True)', 'finally: pass'),
    ('00_data', 'bool(names) and all(', 'all('),
    ('00_data', 'timeout=wait', 'timeout=None'),
    ('00_data', '% 5 == 4', '% 5 == 3'),
    ('01_linear', 'xb @ weights + bias', 'xb @ weights - bias'),
    ('01_linear', 'torch.randn(size) * std', 'torch.rand(size) * std'),
    ('01_linear', 'predictions > 0)', 'predictions >= 0)'),
    ('01_linear', 'predictions = predictions.sigmoid()', 'pass'),
    ('01_linear', 'torch.where(targets == 1, 1 - predictions, predictions)', 'torch.where(targets == 0, 1 - predictions, predictions)'),
    ('01_linear', "shapes[0] != shapes[1] or len(shapes[0]) != 2", 'len(shapes[0]) != 2'),
    ('01_linear', '(targets == 0) | (targets == 1)', '(targets >= 0) | (targets == 1)'),
    ('02_descent', 'if not loss.isfinite()', 'if loss.isnan()'),
    ('02_descent', 'loss.backward()\n', 'pass\n'),
    ('02_descent', '        opt.zero_grad()\n', ''),
    ('02_descent', 'f(predictions, yb)*len(yb)', 'f(predictions, yb)'),
    ('02_descent', '    if was_training: model.eval()\n', ''),
    ('02_descent', '        if was_training: model.train()\n', '        pass\n'),
    ('02_descent', 't.copy_(old)', 'old.copy_(t)'),
    ('02_descent', 'epochs < 0', 'epochs < 1'),
    ('02_descent', '*model.parameters(), *model.buffers()', '*model.parameters()'),
    ('02_descent', 'all(t.isfinite().all() for t in tensors)', 'True'),
    ('03_optimizer', 'alpha=-self.lr', 'alpha=self.lr'),
    ('03_optimizer', 'alpha=-self.lr', 'alpha=-1'),
    ('03_optimizer', 'if p.grad is not None: p.add_', 'p.add_'),
    ('03_optimizer', 'p.grad = None\n', 'pass\n'),
    ('03_optimizer', '    params = list(params)\n', ''),
    ('03_optimizer', '(lr > 0 and', '(lr >= 0 and'),
    ('03_optimizer', 'not p.is_leaf', 'False'),
    ('04_learner', 'beta=0.98', 'beta=0.9'),
    ('04_learner', '1 - self.beta**self.count', '1'),
    ('04_learner', 'torch.lerp(loss, self.value, self.beta)', 'torch.lerp(self.value, loss, self.beta)'),
    ('04_learner', 'self.dls.valid)', 'self.dls.train)'),
    ('04_learner', 'self.model.train()\n', 'pass\n'),
    ('04_learner', 'time.perf_counter() - begin]', '0]'),
    ('04_learner', 'self.rows, smooth = [], SmoothLoss()', 'smooth = SmoothLoss()'),
]
CHECKS = ['tests/test_data.py', 'tests/test_parity.py', 'tests/test_seed.py']

def copy_tree(to):
    "The repository's files, without environment and history"
    shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns('.venv', '.git', '_*', 'node_modules', 'jupyter_execute'), dirs_exist_ok=True)
    shutil.copytree(ROOT/'fastbook_sgd', to/'fastbook_sgd', dirs_exist_ok=True)  # its names begin with _ too

def exported(nb): return [c for c in code_cells(nb) if '#| export\n' in c.source]

def plant(tree, notebook, old, new):
    "Change the one exported place that holds `old`, and export"
    path = tree/'nbs'/f'{notebook}.ipynb'
    nb = read(path)
    cells = [c for c in exported(nb) if old in c.source + '\n']
    if len(cells) != 1: raise ValueError(f'{notebook}: {old!r} stands in {len(cells)} exported cells, expected 1')
    cells[0].source = (cells[0].source + '\n').replace(old, new, 1).rstrip('\n')
    write(nb, path)
    run(tree, 'nbdev-export')

def run(tree, command, *args):
    "The exit status of a command in the copy, which imports the copy's module"
    env = {**os.environ, 'PYTHONPATH': str(tree), 'FASTBOOK_SGD_DATA': os.environ.get('FASTBOOK_SGD_DATA', 'digits')}
    return subprocess.run([shutil.which(command, path=sysconfig.get_path('scripts')), *args], cwd=tree, env=env, capture_output=True).returncode

def noticed_by(tree, notebook):
    "The first check that fails, or None"
    if run(tree, 'nbdev-test', f'nbs/{notebook}.ipynb'): return notebook
    return next((check for check in CHECKS if run(tree, 'pytest', '-q', '-x', check)), None)

def main():
    "Plant each fault in a fresh copy"
    missed = []
    for notebook, old, new in tqdm(FAULTS, unit='fault', ncols=80):
        with tempfile.TemporaryDirectory() as folder:
            copy_tree(Path(folder))
            plant(Path(folder), notebook, old, new)
            by = noticed_by(Path(folder), notebook)
        tqdm.write(f'{by or "NOT NOTICED":22} {notebook}: {old.strip()!r} → {new.strip()!r}')
        if not by: missed.append(old)
    print(f'{len(FAULTS) - len(missed)} of {len(FAULTS)} faults were noticed')
    sys.exit(bool(missed))

if __name__ == '__main__': main()
