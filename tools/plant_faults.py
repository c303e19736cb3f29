"Plant one fault after another in exported code, and report which of them no check notices (in a copy of the tree)."
from pathlib import Path
import os, re, shutil, subprocess, sys, sysconfig, tempfile

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
    ('01_linear', '(predictions - targets.to(predictions.dtype)).abs()', '(predictions + targets.to(predictions.dtype)).abs()'),
    ('01_linear', "shapes[0] != shapes[1] or len(shapes[0]) != 2", 'len(shapes[0]) != 2'),
    ('01_linear', 'torch.equal(targets*targets, targets)', 'torch.equal(targets.abs(), targets)'),
    ('02_descent', 'check_loss(loss, finite)', 'check_loss(loss, False)'),
    ('02_descent', 'check_predictions(nans)', 'pass'),
    ('02_descent', 'loss.backward()\n', 'pass\n'),
    ('02_descent', '        opt.zero_grad()\n', ''),
    ('02_descent', 'float(v)*n for', 'float(v)*len(sizes) for'),
    ('02_descent', 'finally: put_back()', 'finally: pass'),
    ('02_descent', 'not (rows := rows_of(xb, yb))', 'not (rows := len(xb))'),
    ('C_saving', 'if modes: model.eval()', 'if False: model.eval()'),
    ('02_descent', 'check_epochs(epochs)', 'epochs'),
    ('C_saving', 't.copy_(old)', 'old.copy_(t)'),
    ('C_saving', '*model.parameters(), *model.buffers()', '*model.parameters()'),
    ('C_saving', 'check_finite_tensors(self.tensors, self.saved)', 'pass'),
    ('03_optimizer', 'alpha=-self.lr', 'alpha=self.lr'),
    ('03_optimizer', 'alpha=-self.lr', 'alpha=-1'),
    ('03_optimizer', 'if p.grad is not None: p.add_', 'p.add_'),
    ('03_optimizer', 'p.grad = None\n', 'pass\n'),
    ('03_optimizer', '    params = list(params)\n', ''),
    ('03_optimizer', '(lr > 0 and', '(lr >= 0 and'),
    ('03_optimizer', 'not p.is_leaf', 'False'),
    ('04_learner', 'beta=0.98', 'beta=0.9'),
    ('04_learner', '1 - self.beta**self.count', '1'),
    ('04_learner', 'torch.lerp(loss, self.value.to(loss), self.beta)', 'torch.lerp(self.value.to(loss), loss, self.beta)'),
    ('04_learner', 'self.dls.valid)', 'self.dls.train)'),
    ('04_learner', 'self.model.train()\n', 'pass\n'),
    ('04_learner', 'time.perf_counter() - begin]', '0]'),
    ('04_learner', 'self.new_opt(float(check_lr(lr))), [], SmoothLoss()', 'self.new_opt(float(check_lr(lr))), self.rows, SmoothLoss()'),
    # 06: the rule
    ('06_momentum', 'g.add(p, alpha=weight_decay)', 'g.sub(p, alpha=weight_decay)'),
    ('06_momentum', '    if weight_decay: g = g.add(p, alpha=weight_decay)\n', '    if weight_decay: p.mul_(1 - lr*weight_decay)\n'),
    ('06_momentum', 'alpha=1 if t == 1 else 1-dampening', 'alpha=1-dampening'),
    ('06_momentum', '1 if t == 1 else', '1 if t <= 2 else'),
    ('06_momentum', 'else 1-dampening)', 'else 1+dampening)'),
    ('06_momentum', 'b.mul_(momentum)', 'b.mul_(1-momentum)'),
    ('06_momentum', 'g = g.add(b, alpha=momentum) if nesterov else b', 'g = b'),
    ('06_momentum', 'g.add(b, alpha=momentum) if', 'g.add(b) if'),
    ('06_momentum', 'p.add_(g, alpha=-lr)', 'p.add_(g, alpha=lr)'),
    # 06: what is allowed, and what fits together
    ('06_momentum', 'math.isfinite(x)', 'True'),
    ('06_momentum', 'not isinstance(x, bool)', 'True'),
    ('06_momentum', '_number(x) and x >= 0', '_number(x) and x > 0'),
    ('06_momentum', '_number(x) and x >= 0', '_number(x)'),
    ('06_momentum', '0 <= b < 1', '0 <= b <= 1'),
    ('06_momentum', "'weight_decay', 'eps'", "'eps'"),
    ('06_momentum', "'maximize', 'amsgrad'", "'amsgrad'"),
    ('06_momentum', 'g is not None and g.is_sparse', 'False'),
    ('06_momentum', 'x.shape != p.shape', 'x.numel() != p.numel()'),
    ('06_momentum', "{'gradient': g, **state}", 'dict(state)'),
    ('06_momentum', 'if sizes[0] != sizes[1]', 'if len(sizes[0]) != len(sizes[1])'),
    ('06_momentum', 'if extra := ', 'if extra := False and '),
    ('06_momentum', 'if unknown := old.keys()', 'if unknown := False and old.keys()'),
    ('06_momentum', 'if unknown := state.keys()', 'if unknown := False and state.keys()'),
    ('06_momentum', "*ALSO_IN_GROUPS}", '}'),
    ('06_momentum', '        opt.check_group(group)\n', ''),
    ('06_momentum', 'if state and missing', 'if False'),
    ('06_momentum', 'group.get(opt.keep_if.get(s), True)', 'True'),
    ('06_momentum', "key == 'step' and not _count(x)", 'False'),
    ('06_momentum', "key != 'step' and not torch.is_tensor(x): raise ValueError(f\"{name}: the saved", "False: raise ValueError(f\"{name}: the saved"),
    ('06_momentum', '            check_fit(name, p, state)\n', ''),
    # 06: the driver
    ('06_momentum', 'torch.view_as_real(x) if', 'x if'),
    ('06_momentum', 'keep_if or {}', '{}'),
    ('06_momentum', "- {id(p) for g in self.param_groups for p in g['params']}", ''),
    ('06_momentum', 'self.check_group({**self.defaults, **group})', 'self.check_group(self.defaults)'),
    ('06_momentum', "if not isinstance(group, dict) or 'params' not in group", 'if False'),
    ('06_momentum', '        for p in tensors: self.check_param(p)\n', ''),
    ('06_momentum', 'torch.zeros_like(p, memory_format=torch.preserve_format)', 'torch.ones_like(p, memory_format=torch.preserve_format)'),
    ('06_momentum', 'state = self.state[p]\n', "state = self.state[group['params'][0]]\n"),
    ('06_momentum', 'if name not in state and group', 'if group'),
    ('06_momentum', 'group.get(self.keep_if.get(symbol), True)', 'True'),
    ('06_momentum', "        if 'step' in state: state['step'] += 1\n", ''),
    ('06_momentum', "state['step'] += 1", "state['step'] += 2"),
    ('06_momentum', "-p.grad if group['maximize'] else p.grad", 'p.grad'),
    ('06_momentum', '{k: group[k] for k in self.hypers})', '{k: self.defaults[k] for k in self.hypers})'),
    ('06_momentum', '            self.check_param(p)\n', ''),
    ('06_momentum', '            check_fit(type(self).__name__, p, self.state.get(p, {}), p.grad)\n', ''),
    ('06_momentum', 'self.state.get(p, {}), p.grad', '{}, p.grad'),
    ('06_momentum', 'with torch.enable_grad(): loss = closure() if closure else None', 'loss = closure() if closure else None'),
    ('06_momentum', 'return loss', 'return None'),
    ('06_momentum', '        check_saved(self, saved)\n', ''),
    ('06_momentum', 'if k not in HOW_TORCH_COMPUTES', ''),
    ('06_momentum', 'for group in self.param_groups: group.update(', 'for group in []: group.update('),
    ('06_momentum', "keep_if=dict(b='momentum', t='momentum')", "keep_if=dict(b='momentum')"),
    ('06_momentum', "group['momentum'] <= 0 or", ''),
    ('06_momentum', "or group['dampening'] != 0", ''),
    ('06_momentum', "'step': torch.tensor(1.)", "'step': torch.tensor(0.)"),
    ('06_momentum', 'if v is not None', ''),
    # 07
    ('07_adaptive', 'alpha=weight_decay)\n    s.addcmul_', 'alpha=-weight_decay)\n    s.addcmul_'),
    ('07_adaptive', 's.addcmul_(g, g)', 's.addcmul_(g, g, value=.5)'),
    ('07_adaptive', 's.sqrt().add_(eps), value=-lr/(1', 's.add(eps).sqrt(), value=-lr/(1'),
    ('07_adaptive', '(t-1)*lr_decay', 't*lr_decay'),
    ('07_adaptive', 'value=-lr/(1 + (t', 'value=lr/(1 + (t'),
    ('07_adaptive', 'complex(value, value)', 'complex(value, 0)'),
    ('07_adaptive', "value = group['initial_accumulator_value']", 'value = 0'),
    ('07_adaptive', 'self.state_of(p, self.param_groups[-1])', 'pass'),
    ('07_adaptive', 'alpha=weight_decay)\n    v.mul_(alpha)', 'alpha=-weight_decay)\n    v.mul_(alpha)'),
    ('07_adaptive', 'v.mul_(alpha)', 'v.mul_(1-alpha)'),
    ('07_adaptive', 'value=1-alpha)', 'value=1)'),
    ('07_adaptive', 'v = v.addcmul(mean', 'v = v.addcmul_(mean'),
    ('07_adaptive', 'mean.lerp_(g, 1-alpha)', 'mean.lerp_(g, alpha)'),
    ('07_adaptive', 'mean, value=-1)', 'mean, value=1)'),
    ('07_adaptive', 'addcdiv_(g, v.sqrt().add_(eps)), alpha=-lr)', 'addcdiv_(g, v.add(eps).sqrt()), alpha=-lr)'),
    ('07_adaptive', 'else: p.addcdiv_(g, v.sqrt().add_(eps)', 'else: p.addcdiv_(g, v.add(eps).sqrt()'),
    ('07_adaptive', 'b.mul_(momentum).addcdiv_', 'b.mul_(momentum).mul_(alpha).addcdiv_'),
    ('07_adaptive', "keep_if=dict(mean='centered', b='momentum')", "keep_if=dict(b='momentum')"),
    ('07_adaptive', 'alpha=weight_decay)\n    m.lerp_', 'alpha=-weight_decay)\n    m.lerp_'),
    ('07_adaptive', 'm.lerp_(g, 1-betas[0])', 'm.lerp_(g, betas[0])'),
    ('07_adaptive', 'm.lerp_(g, 1-betas[0])', 'm.lerp_(g, 1-betas[1])'),
    ('07_adaptive', 'v.mul_(betas[1])', 'v.mul_(betas[0])'),
    ('07_adaptive', 'value=1-betas[1])', 'value=1)'),
    ('07_adaptive', 'v_max.maximum(v)', 'v_max.minimum(v)'),
    ('07_adaptive', 'v = v_max.copy_(v_max.maximum(v))', 'v = v_max.maximum(v)'),
    ('07_adaptive', '.div_((1 - betas[1]**t)**.5)', ''),
    ('07_adaptive', '(1 - betas[1]**t)**.5', '(1 - betas[1]**t)'),
    ('07_adaptive', '.div_((1 - betas[1]**t)**.5).add_(eps)', '.add_(eps).div_((1 - betas[1]**t)**.5)'),
    ('07_adaptive', 'v.sqrt().div_((1 - betas[1]**t)**.5).add_(eps)', 'v.div(1 - betas[1]**t).add_(eps).sqrt_()'),
    ('07_adaptive', 'value=-lr/(1 - betas[0]**t)', 'value=-lr'),
    ('07_adaptive', '!= self.decoupled:', 'is None:'),
    ('07_adaptive', 'eps=1e-8, # Added to the root, at least 0\n    weight_decay=0, # L2: added to the gradient, times `p`; at least 0\n    amsgrad', 'eps=1e-7, # Added to the root, at least 0\n    weight_decay=0, # L2: added to the gradient, times `p`; at least 0\n    amsgrad'),
    ('07_adaptive', 'weight_decay=1e-2', 'weight_decay=0'),
    ('07_adaptive', 'p.mul_(1 - lr*weight_decay)\n    adam', 'p.mul_(1 - weight_decay)\n    adam'),
    ('07_adaptive', '    if weight_decay: p.mul_(1 - lr*weight_decay)\n    adam(p, g, m, v, v_max, t, lr, betas, eps, 0, amsgrad)', '    adam(p, g, m, v, v_max, t, lr, betas, eps, 0, amsgrad)\n    if weight_decay: p.mul_(1 - lr*weight_decay)'),
    ('07_adaptive', 'eps, 0, amsgrad)', 'eps, weight_decay, amsgrad)'),
    ('07_adaptive', 'keep_if=Adam.keep_if', 'keep_if={}'),
    ('07_adaptive', 'decoupled = True', 'pass'),
    ('07_adaptive', '.sign_(), alpha=-lr)', ', alpha=-lr)'),
    ('07_adaptive', '.sign_(), alpha=-lr)', '.sign_(), alpha=lr)'),
    ('07_adaptive', 'm.mul(betas[0]).add_(g, alpha=1-betas[0])', 'm.mul(betas[1]).add_(g, alpha=1-betas[1])'),
    ('07_adaptive', 'm.mul_(betas[1]).add_(g, alpha=1-betas[1])', 'm.mul_(betas[0]).add_(g, alpha=1-betas[0])'),
    ('07_adaptive', 'm.mul(betas[0]).add_(g', 'm.mul_(betas[0]).add_(g'),
    ('07_adaptive', '    if weight_decay: p.mul_(1 - lr*weight_decay)\n    p.add_(m', '    if weight_decay: g = g.add(p, alpha=weight_decay)\n    p.add_(m'),
    # 08
    ('08_muon', 'G.to(dtype).T if len(G) > G.shape[1] else', 'G.to(dtype).T if len(G) < G.shape[1] else'),
    ('08_muon', '.clamp(min=eps)', ''),
    ('08_muon', 'X / X.norm()', 'X / G.norm()'),
    ('08_muon', 'beta=b, alpha=c', 'beta=c, alpha=b'),
    ('08_muon', 'X, beta=a)', 'X, beta=1)'),
    ('08_muon', 'range(steps)', 'range(steps+1)'),
    ('08_muon', 'dtype=torch.bfloat16', 'dtype=torch.float32'),
    ('08_muon', "None: lambda m, n: math.sqrt(max(1, m/n)), 'original'", "None: lambda m, n: math.sqrt(max(1, n/m)), 'original'"),
    ('08_muon', "'original': lambda m, n: math.sqrt(max(1, m/n))", "'original': lambda m, n: math.sqrt(m/n)"),
    ('08_muon', '0.2*math', '0.1*math'),
    ('08_muon', 'b.lerp_(g, 1-momentum)', 'b.lerp_(g, momentum)'),
    ('08_muon', 'g.lerp(b, momentum)', 'g.lerp(b, 1-momentum)'),
    ('08_muon', 'if nesterov else b', 'if not nesterov else b'),
    ('08_muon', 'ns_steps, eps)\n    p', '5, eps)\n    p'),
    ('08_muon', 'p.mul_(1 - lr*weight_decay)', 'p.mul_(1 - weight_decay)'),
    ('08_muon', '    p.mul_(1 - lr*weight_decay)\n    p.add_(update, alpha=-lr*RATIOS[adjust_lr_fn](*p.shape))', '    p.add_(update, alpha=-lr*RATIOS[adjust_lr_fn](*p.shape))\n    p.mul_(1 - lr*weight_decay)'),
    ('08_muon', 'alpha=-lr*RATIOS[adjust_lr_fn](*p.shape)', 'alpha=-lr'),
    ('08_muon', 'momentum=0.95', 'momentum=0.9'),
    ('08_muon', "group['momentum'] <= 1", 'True'),
    ('08_muon', 'and 0 <= group', 'and 1 <= group'),
    ('08_muon', "type(group['ns_steps']) is int", 'True'),
    ('08_muon', "in [*RATIOS]", 'not in []'),
    ('08_muon', 'p.ndim != 2 or', ''),
    ('08_muon', ' or p.is_complex()', ''),
    ('08_muon', 'not p.shape[1] or', ''),
    ('08_muon', ', elementwise=False', ''),
    # 09: the checks that a reader's own optimizer goes through
    ('09_optim', 'sign * torch.randn', 'torch.randn'),
    ('09_optim', '(step + i) % 5 == 4', 'False'),
    ('09_optim', 'step == steps//2', 'False'),
    ('09_optim', 'saved, opt = deepcopy(opt.state_dict()), then(params)\n', 'saved, opt = opt.state_dict(), opt\n'),
    ('09_optim', 'shapes[0] != shapes[1]', 'False'),
    ('09_optim', '(x - y).detach().abs().max()', '(x - y).detach().max()'),
    ('09_optim', 'dtype=torch.float64).max()', 'dtype=torch.float64).min()'),
    ('09_optim', 'assert largest_difference(straight, start) > 0', 'assert True'),
    ('09_optim', 'assert all(x.isfinite().all() for x in straight)', 'assert True'),
    ('09_optim', 'assert uphill < 0', 'assert True'),
    ('09_optim', 'assert largest_difference(straight, random_steps(make, shapes=shapes)) == 0', 'assert True'),
    ('09_optim', 'assert largest_difference(straight, random_steps(make, shapes=shapes, then=make)) == 0', 'assert True'),
    ('09_optim', 'assert largest_difference(random_steps(lambda ps: make(ps, lr=0.), shapes=shapes), start) == 0', 'assert True'),
    ('09_optim', 'assert largest_difference(straight, climbed) == 0', 'assert True'),
    ('09_optim', 'assert largest_difference(halves[:1], straight[:1]) == 0 == ', 'assert 0 == '),
    ('09_optim', ' == largest_difference(halves[1:], start[1:])', ''),
    # 16: the drivers
    ('16_fast', "g.neg() if group['maximize'] else g", 'g'),
    ('16_fast', "p.dtype, p.device, float(state.get('step', 0))", 'p.dtype, p.device, 0'),
    ('16_fast', 'if name in state: part.copy_(state[name])', 'pass'),
    ('16_fast', 'if self.counting: self.count += 1', 'self.count += 1'),
    ('16_fast', "self.opt.param_groups[self.number]     #", "self.opt.param_groups[0]     #"),
    ('16_fast', '!= self.ready: return', '== 7: return'),
    ('16_fast', 'self.grads[i].copy_(self.params[i].grad)', 'self.grads[i]'),
    ('16_fast', 'runs[-1][1:] == [a, self.counts[i]]', 'runs[-1][1] == a'),
    ('16_fast', 'if self.opt.state is not self.state: self.adopt()', 'pass'),
    ('16_fast', 'if not block.gather(): self.gather_anew(); break', 'block.gather()'),
    ('16_fast', 'block.G.zero_()', 'pass'),
    ('16_fast', 'p.grad is not grad or not p.requires_grad: p.grad', 'p.grad is not grad: p.grad'),
    ('16_fast', 'opt.register_state_dict_pre_hook(lambda opt: self.sync())', 'pass'),
    ('16_fast', 'if p.numel() and strides[0] != strides[1]', 'if False'),
    ('16_fast', 'is_first_step=t == 1', 'is_first_step=False'),
    ('16_fast', '[v_max] if amsgrad else []', '[]'),
    ('16_fast', 'min(i + self.most, b)', 'i + self.most'),
    ('16_fast', 'self.place[()] = x', 'pass'),
    ('16_fast', 'Nonzero(next(left).item().node) if x and', 'next(left).item() if x and'),
    ('16_fast', 'self.first.setdefault((name, i), x) != x', 'False'),
    ('16_fast', 'self.first.setdefault((name, i), x) != x', 'True'),
    ('16_fast', 'except GuardOnDataDependentSymNode: return None', 'except GuardOnDataDependentSymNode: raise'),
    ('16_fast', '[p.shape, p.dtype, p.device], [p, g]', '[p.shape, p.device], [p, g]'),
    ('16_fast', '[p.shape, p.dtype, p.device], [p, g]', '[p.dtype, p.device], [p, g]'),
    ('16_fast', '                key.append(x)', '                pass'),
]
CHECKS = {
    '0[0-4]': ['tests/test_data.py', 'tests/test_parity.py', 'tests/test_seed.py'],
    '16': ['tests/test_drivers.py', 'tests/test_resume.py', 'tests/test_drop_in.py'],
    '0[6-8]': ['tests/test_optim_errors.py', 'tests/test_optim.py', 'tests/test_drop_in.py', 'tests/test_resume.py', 'tests/test_drivers.py'],
}

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
    checks = [check for pattern, some in CHECKS.items() if re.match(pattern, notebook) for check in some]
    return next((check for check in checks if run(tree, 'pytest', '-q', '-x', check)), None)

def main():
    "Plant each fault in a fresh copy; only those in notebooks whose names start as given, if any are"
    faults, missed = [f for f in FAULTS if f[0].startswith(tuple(sys.argv[1:]) or '')], []
    for notebook, old, new in tqdm(faults, unit='fault', ncols=80):
        with tempfile.TemporaryDirectory() as folder:
            copy_tree(Path(folder))
            plant(Path(folder), notebook, old, new)
            by = noticed_by(Path(folder), notebook)
        tqdm.write(f'{by or "NOT NOTICED":22} {notebook}: {old.strip()!r} → {new.strip()!r}')
        if not by: missed.append(old)
    print(f'{len(faults) - len(missed)} of {len(faults)} faults were noticed')
    sys.exit(bool(missed))

if __name__ == '__main__': main()
