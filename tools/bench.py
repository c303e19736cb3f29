"""Measure our optimizers and training loop beside torch's and fastai's in one run (`make bench`), and write the table and the plot to bench/.

One thread. The candidates of a comparison take turns (A B C A B C …), so what disturbs the machine disturbs them all; a ratio is taken
within each round, and reported as the median of the rounds with its quartiles. A step's time in a round is the best of three
samples of at least a millisecond, so that a single interruption doesn't count."""
from argparse import ArgumentParser
from contextlib import contextmanager, redirect_stdout
from functools import cache, partial
from pathlib import Path
from time import perf_counter
import gc, inspect, io, json, os, platform, re, subprocess, sys, tempfile

if __name__ == '__main__': os.environ.update(OMP_NUM_THREADS='1', MKL_NUM_THREADS='1')   # before torch is imported

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT/'tools')]
from fastbook_sgd import optim
from fastbook_sgd.data import TensorLoader, load_threes_sevens
from fastbook_sgd.learner import BasicLearner
from fastbook_sgd.optimizer import BasicOptim
import bench_report

# Measuring

def seconds_per_call(f, n=1):
    "The mean of `n` calls in a row"
    began = perf_counter()
    for _ in range(n): f()
    return (perf_counter() - began) / n

def cuda_seconds(f, n=1):
    "The same on the GPU's own clock"
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(n): f()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / 1000 / n

def calls_for(f, sample, timer=seconds_per_call):
    "How many calls of `f` take about `sample` seconds, at least 1"
    n, took = 1, timer(f)
    while took < sample: n, took = 2*n, timer(f, 2*n) * 2*n
    return n

def interleaved(candidates, rounds, sample=0., timer=seconds_per_call, tries=1):
    "Seconds a call by name, one number a round, the best of `tries`: every candidate in turn, then every one again. The first calls don't count."
    calls = {name: calls_for(f, sample, timer) for name, f in candidates.items()}
    times = {name: [] for name in candidates}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, f in candidates.items(): times[name].append(min(timer(f, calls[name]) for _ in range(tries)))
    finally: gc.enable()
    return times

def quartiles(xs):
    "Lower quartile, median, upper quartile"
    return np.quantile(xs, [.25, .5, .75]).tolist()

def summary(times):
    "The quartiles of each candidate's rounds"
    return {name: quartiles(ts) for name, ts in times.items()}

def ratio(a, b):
    "The quartiles of a/b, each taken within a round"
    return quartiles([x/y for x, y in zip(a, b)])

def fastest(times, whose):
    "The candidate with the lowest median among those whose name begins with `whose`"
    return min((n for n in times if n.startswith(whose)), key=lambda n: np.median(times[n]))

def duel(times):
    "The fastest of torch's ways against the fastest of ours: a ratio above 1 says that ours is ahead"
    torchs, ours = fastest(times, 'torch'), fastest(times, 'ours')
    return dict(times=summary(times), torch=torchs, ours=ours, ratio=ratio(times[torchs], times[ours]))

def free_memory():
    "Bytes that are free, where the system says so, else 4 GB"
    try: return int(re.search(r'MemAvailable:\s*(\d+)', Path('/proc/meminfo').read_text())[1]) * 1024
    except (OSError, TypeError): return 4 * 2**30

def too_big(need):
    "Why `need` bytes are not taken, or an empty text"
    free = free_memory()
    return f'needs {need/2**30:.1f} GB, {free/2**30:.1f} GB are free' if need > .8*free else ''

# One step of an optimizer

RULES = {'SGD': ('SGD', dict(lr=1e-3)), 'momentum': ('SGD', dict(lr=1e-3, momentum=0.9)), 'RMSProp': ('RMSprop', dict(lr=1e-3)),
         'Adam': ('Adam', dict(lr=1e-3)), 'AdamW': ('AdamW', dict(lr=1e-3))}
STATE = {'SGD': 0, 'momentum': 1, 'RMSProp': 1, 'Adam': 2, 'AdamW': 2}     # tensors that must be remembered for each parameter
DRIVERS = 'each', 'foreach', 'flat', 'fused'
TORCH_WAYS = {'loop': dict(foreach=False), 'foreach': dict(foreach=True), 'fused': dict(fused=True)}
BIG = 2**24

def resnet18():
    "The shapes of ResNet-18's 62 parameters"
    def conv(out, into, size): return [(out, into, size, size), (out,), (out,)]       # with its batch norm
    shapes, into = conv(64, 3, 7), 64
    for out in (64, 128, 256, 512):
        shapes += conv(out, into, 3) + conv(out, out, 3) + (conv(out, into, 1) if out != into else []) + conv(out, out, 3) + conv(out, out, 3)
        into = out
    return shapes + [(1000, 512), (1000,)]

MODELS = {'linear model': [(1, 784), (1,)], '30-unit net': [(30, 784), (30,), (1, 30), (1,)], 'ResNet-18': resnet18(),
          '200 of 32×32': [(32, 32)]*200, 'one of 16M': [(BIG,)]}

def torch_ways(rule, **other):
    "torch.optim's ways of computing the rule, each `(params)` to an optimizer; `other` hyper-parameters than those of `RULES`"
    cls, hypers = getattr(torch.optim, RULES[rule][0]), RULES[rule][1] | other
    known = inspect.signature(cls).parameters
    return {f'torch {way}': partial(cls, **hypers, **kw) for way, kw in TORCH_WAYS.items() if kw.keys() <= known.keys()}

def compiled(params, make):
    "torch's optimizer with `torch.compile` around its step"
    torch._dynamo.reset()                                 # or the loops made for other shapes are tried first
    opt = make(params)
    opt.step = torch.compile(partial(type(opt).step, opt))
    return opt

@cache
def can_compile():
    "Is there a C++ compiler?"
    from torch._inductor.cpp_builder import get_cpp_compiler
    try: return bool(get_cpp_compiler())
    except Exception: return False

def compiled_way(rule, tensors, quick, **other):
    "The compiled step, where there is a compiler and, in a quick run, few tensors"
    if not can_compile() or quick and tensors > 20: return {}
    return {'torch compiled': partial(compiled, make=torch_ways(rule, **other)['torch loop'])}

@cache
def our_ways(rule, cls=None, lr=None):
    "Our drivers, each `(params)` to an optimizer; one that the class doesn't take, or that needs a compiler where there is none, is left out"
    cls, hypers = cls or getattr(optim, RULES[rule][0]), RULES[rule][1] | ({} if lr is None else dict(lr=lr))
    ways = {}
    for driver in DRIVERS:
        p = torch.zeros(2, 2, requires_grad=True)
        try: opt = cls([p], **hypers, driver=driver)
        except (TypeError, ValueError): continue
        p.grad = torch.ones(2, 2)
        try: opt.step()
        except RuntimeError: continue
        ways[f'ours {driver}'] = partial(cls, **hypers, driver=driver)
    return ways or {'ours each': partial(cls, **hypers)}

def backward(params, grads):
    "Leave `grads` in `.grad` as a backward pass does, which adds to what is there"
    for p, g in zip(params, grads):
        if p.grad is None: p.grad = g.clone()
        else: p.grad.add_(g)

def difference(a, b):
    "The largest difference between two lists of tensors, each relative to the largest number of its tensor in `b`"
    return max(((x-y).abs().max() / y.abs().max()).item() for x, y in zip(a, b))

def ready(make, start, grads, steps=2):
    "An optimizer that has taken a few steps and has its next gradients, and its parameters"
    params = [p.clone().requires_grad_() for p in start]
    opt = make(params)
    for _ in range(steps):
        backward(params, grads)
        opt.step()
        opt.zero_grad()
    backward(params, grads)
    return opt, params

def step_candidates(ways, shapes, device='cpu', bar=1e-6):
    "The `step` of each way after the same few steps. Raises `AssertionError` unless all have reached the same weights."
    g = torch.Generator().manual_seed(0)
    start, grads = [[torch.randn(s, generator=g).to(device) for s in shapes] for _ in range(2)]
    opts = {name: ready(make, start, grads) for name, make in ways.items()}
    first, expected = next(iter(opts.items()))
    with torch.no_grad():
        for name, (_, params) in opts.items():
            apart = difference(params, expected[1])
            assert apart <= bar, f'{name} and {first} are {apart:.1e} apart after the same steps, expected {bar:.0e} at most: nothing to compare'
    return {name: opt.step for name, (opt, _) in opts.items()}

def streams(rule, n=BIG):
    "A function that moves what the step must: every tensor of parameters and state read and written once, the gradient read"
    p, g, *state = [torch.ones(n) for _ in range(2 + STATE[rule])]
    def run():
        p.add_(g, alpha=1e-9)
        for s in state: s.mul_(1.)
    return run

def step_cell(rule, model, rounds, sample, quick=False):
    "One cell of the table of steps; fewer rounds of the long ones"
    big = model == 'one of 16M'
    ways = {**torch_ways(rule), **compiled_way(rule, len(MODELS[model]), quick), **our_ways(rule)}
    candidates = step_candidates(ways, MODELS[model])
    if big: candidates['stream'] = streams(rule)
    times = interleaved(candidates, max(3, rounds//3) if big else rounds, sample, tries=1 if big and rounds < 9 else 3)
    cell = dict(rule=rule, model=model, tensors=len(MODELS[model]), **duel(times))
    if 'stream' in times: cell['of_stream'] = {w: ratio(times[cell[w]], times['stream']) for w in ('torch', 'ours')}
    return cell

def cuda_cell(rule, model, rounds):
    "The same on the GPU, whose kernels may round otherwise"
    candidates = step_candidates({**torch_ways(rule), **our_ways(rule)}, MODELS[model], 'cuda', bar=1e-5)
    return dict(rule=rule, model=model, tensors=len(MODELS[model]), **duel(interleaved(candidates, rounds, 5e-3, cuda_seconds, 3)))

# A whole iteration: what a driver saves in the step it must not lose in zero_grad and backward

class Residual(nn.Module):
    "ResNet's basic block"
    def __init__(self, into, out):
        super().__init__()
        conv = lambda a, b, size, stride=1: nn.Sequential(nn.Conv2d(a, b, size, stride, size//2, bias=False), nn.BatchNorm2d(b))
        self.way = nn.Sequential(conv(into, out, 3, out//into), nn.ReLU(), conv(out, out, 3))
        self.short = conv(into, out, 1, 2) if into != out else nn.Identity()
    def forward(self, x): return (self.way(x) + self.short(x)).relu()

def resnet():
    "ResNet-18: its 62 parameters are those of `resnet18()`"
    first = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
    sizes = [64, 64, 64, 128, 128, 256, 256, 512, 512]
    blocks = [Residual(a, b) for a, b in zip(sizes, sizes[1:])]
    return nn.Sequential(*first, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))

def layers(n, size, bias=True): return nn.Sequential(*[nn.Linear(size, size, bias) for _ in range(n)])

def half_frozen(net):
    "Every other layer is not trained"
    for layer in net[::2]: layer.requires_grad_(False)
    return net

# Name: the net and a batch
NETS = {'30-unit net, batch 256': lambda: (nn.Sequential(nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 1)), torch.rand(256, 784)),
        '200 of 32×32, batch 32': lambda: (layers(200, 32, bias=False), torch.rand(32, 32)),
        'ResNet-18, batch 2 of 64×64': lambda: (resnet(), torch.rand(2, 3, 64, 64)),
        '8 of 256², batch 64': lambda: (layers(8, 256), torch.rand(64, 256)),
        '16 of 1024², batch 64': lambda: (layers(16, 1024), torch.rand(64, 1024)),
        '4 of 2048², batch 4': lambda: (layers(4, 2048), torch.rand(4, 2048)),
        '8 of 512², half frozen, batch 64': lambda: (half_frozen(layers(8, 512)), torch.rand(64, 512))}
SMALL_NETS = '30-unit net, batch 256', '200 of 32×32, batch 32'
ITERATION_RULES = 'SGD', 'momentum', 'RMSProp', 'AdamW'

def iteration(make, net):
    "Forward, backward, step, zero_grad"
    torch.manual_seed(0)
    model, xb = NETS[net]()
    opt = make(list(model.parameters()))
    def run():
        model(xb).square().mean().backward()
        opt.step()
        opt.zero_grad()
    return run

def iteration_cell(rule, net, rounds, sample, quick=False):
    "Whole iterations; the learning rate is so small that the numbers stay as they are. One of torch's ways stands there twice: what its ratio to itself is, is noise."
    tensors = len(list(NETS[net]()[0].parameters()))
    ways = {**torch_ways(rule, lr=1e-7), **compiled_way(rule, tensors, quick, lr=1e-7), **our_ways(rule, lr=1e-7)}
    twice = 'torch fused' if 'torch fused' in ways else 'torch loop'
    candidates = {name: iteration(make, net) for name, make in {**ways, 'control': ways[twice]}.items()}
    times = interleaved(candidates, min(rounds, 15), sample, tries=2)
    return dict(rule=rule, model=net, control=ratio(times[twice], times['control']), **duel(times))

# An epoch

def plain_loss(predictions, targets):
    "Our loss without its checks"
    return (predictions.sigmoid() - targets).abs().mean()

def plain_accuracy(predictions, targets):
    "Our accuracy without its checks"
    return ((predictions > 0) == (targets == 1)).float().mean()

class Loaders:
    "What `BasicLearner` needs of fastai's `DataLoaders`"
    def __init__(self, train, valid): self.train, self.valid = train, valid

def fastai_epoch(train, valid, bar=False):
    "fastai's `Learner`, without bar or printing, or with its bar and table as the book runs it"
    from fastai.basics import DataLoaders, Learner, SGD
    from fastai.callback.progress import ProgressCallback
    learn = Learner(DataLoaders(train, valid), nn.Linear(784, 1), opt_func=SGD, loss_func=plain_loss, metrics=plain_accuracy)
    if not bar: learn.remove_cb(ProgressCallback)                 # importing it has made it a default
    def run(n=1):
        with redirect_stdout(io.StringIO()) if bar else learn.no_logging(): learn.fit(n, lr=1.)
    return run

def our_epoch(train, valid):
    "`BasicLearner`, with our loss and accuracy and their checks"
    from fastbook_sgd.linear import batch_accuracy, mnist_loss
    learn = BasicLearner(Loaders(train, valid), nn.Linear(784, 1), loss_func=mnist_loss, metrics=batch_accuracy)
    return lambda n=1: learn.fit(n, lr=1.)

def our_training(train):
    "`BasicLearner`'s epochs without their validation"
    from fastbook_sgd.linear import mnist_loss
    learn = BasicLearner(Loaders(train, ()), nn.Linear(784, 1), loss_func=mnist_loss)
    def run(n=1):
        learn.begin(lr=1., resume=False)
        for epoch in range(n):
            with learn.whole_epoch(epoch): learn.train_batches()
    return run

def loop_epoch(train, valid=(), opt_func=torch.optim.SGD):
    "A plain loop"
    model = nn.Linear(784, 1)
    opt = opt_func(model.parameters(), lr=1.)
    def run(n=1):
        for _ in range(n):
            for xb, yb in train:
                plain_loss(model(xb), yb).backward()
                opt.step()
                opt.zero_grad()
            with torch.no_grad(): accuracies = [plain_accuracy(model(xb), yb) for xb, yb in valid]
        return accuracies
    return run

def products(x, bs):
    "The two matrix products of each batch: forward, and the gradient"
    w, batches = torch.rand(1, 784), x.split(bs)
    gs = [torch.rand(len(xb), 1) for xb in batches]
    def run(n=1):
        for _ in range(n):
            for xb, g in zip(batches, gs):
                xb @ w.T
                g.T @ xb
    return run

def digits():
    "MNIST_SAMPLE's tensors, or random ones of the same shapes, and which of the two"
    try: return load_threes_sevens('mnist_sample')[:4], 'MNIST_SAMPLE'
    except (OSError, ValueError): pass
    x, y, vx, vy = torch.rand(12396, 784), torch.arange(12396)[:, None] < 6131, torch.rand(2038, 784), torch.arange(2038)[:, None] < 1010
    return (x, y.long(), vx, vy.long()), 'random numbers in the shape of MNIST_SAMPLE'

WITH_BAR = 'fastai Learner with its bar and table, DataLoader of pairs'
OURS, TRAINING, PRODUCTS = 'BasicLearner, TensorLoader', 'BasicLearner, TensorLoader, training alone', 'two matrix products alone'
EPOCHS = 3  # in one fit, as people train: what a learner does once a fit counts a third

def main_epochs(x, y, vx, vy, bs=256):
    "The ways that are followed as the data grow; all but the products validate"
    from fastai.data.load import DataLoader
    pairs, valid_pairs = list(zip(x, y)), list(zip(vx, vy))
    torch_dl = partial(torch.utils.data.DataLoader, batch_size=bs)
    return {'fastai Learner, DataLoader of pairs': fastai_epoch(DataLoader(pairs, batch_size=bs), DataLoader(valid_pairs, batch_size=bs)),
            'torch loop, DataLoader of pairs': loop_epoch(torch_dl(pairs), torch_dl(valid_pairs)),
            OURS: our_epoch(TensorLoader(x, y, bs), TensorLoader(vx, vy, bs)),
            'two matrix products alone': products(x, bs)}

def all_epochs(x, y, vx, vy, bs=256):
    "Every way"
    from fastai.data.load import DataLoader as FastaiLoader
    from torch.utils.data import BatchSampler, DataLoader, SequentialSampler, TensorDataset
    learner, loop, ours, products = main_epochs(x, y, vx, vy, bs).items()
    train, valid, data, valid_data = TensorLoader(x, y, bs), TensorLoader(vx, vy, bs), TensorDataset(x, y), TensorDataset(vx, vy)
    by_batch = lambda data: DataLoader(data, batch_size=None, sampler=BatchSampler(SequentialSampler(data), bs, False))
    pairs, valid_pairs = FastaiLoader(list(zip(x, y)), batch_size=bs), FastaiLoader(list(zip(vx, vy)), batch_size=bs)
    return dict([(WITH_BAR, fastai_epoch(pairs, valid_pairs, bar=True)), learner, ('fastai Learner, TensorLoader', fastai_epoch(train, valid)),
                 ('torch loop, DataLoader of a TensorDataset', loop_epoch(DataLoader(data, bs), DataLoader(valid_data, bs))), loop,
                 ('torch loop, DataLoader with a BatchSampler', loop_epoch(by_batch(data), by_batch(valid_data))),
                 ours, (TRAINING, our_training(train)), ('BasicLearner, TensorLoader shuffled', our_epoch(TensorLoader(x, y, bs, shuffle=True), valid)),
                 ('BasicOptim loop, TensorLoader', loop_epoch(train, valid, BasicOptim)), products])

def epochs(candidates, rounds):
    "Every way's time for one epoch of `EPOCHS` in a row, and the ratio to ours"
    times = {name: [t/EPOCHS for t in ts] for name, ts in interleaved({name: partial(run, EPOCHS) for name, run in candidates.items()}, rounds).items()}
    training = {'training': ratio(times[TRAINING], times[PRODUCTS])} if TRAINING in times else {}
    return dict(times=summary(times), ratios={name: ratio(ts, times[OURS]) for name, ts in times.items()}, **training)

# Growth

def grown_steps(rule, shapes_of, xs, rounds, sample):
    "Steps over sizes. Above 10M numbers only the fastest of torch and of ours go on."
    points, only = [], None
    for x in xs:
        shapes = shapes_of(x)
        n = sum(np.prod(s) for s in shapes)
        ways = {**torch_ways(rule), **our_ways(rule)}
        if n > 1e7 and only: ways = {name: ways[name] for name in only}
        if why := too_big(4*n * (2 + len(ways)*(4 + STATE[rule]))): points.append(dict(x=x, skipped=why)); continue
        points.append(dict(x=x, **duel(interleaved(step_candidates(ways, shapes), rounds if n < 1e7 else max(3, rounds//3), sample, tries=3 if n < 1e8 else 1))))
        only = points[-1]['torch'], points[-1]['ours']
    return points

def grown_epochs(data, xs, of, rounds):
    "Epochs over batch sizes, or over numbers of images"
    points = []
    for x in xs:
        n = x if of == 'images' else len(data[0])
        if why := too_big(n * (784*4 + 1500)): points.append(dict(x=x, skipped=why)); continue
        part = data if of == 'batch size' else (torch.rand(n, 784), torch.randint(2, (n, 1)), *data[2:])
        points.append(dict(x=x, **epochs(main_epochs(*part, bs=x if of == 'batch size' else 256), rounds if n < 1e5 else 3)))
    return points

# Imports and memory

def import_seconds(module):
    "How long the processor is busy in a fresh Python to import the module, without that Python's own start"
    code = f'from time import process_time as now; t = now(); import {module}; print(now() - t)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ, 'PYTHONPATH': str(ROOT)})
    return float(done.stdout.split()[-1])

def imports(modules, rounds):
    "Every module's time, and the ratio to `import torch`"
    times = interleaved({m: partial(import_seconds, m) for m in modules}, rounds, timer=lambda f, n=1: f())
    return dict(times=summary(times), ratios={m: ratio(ts, times['torch']) for m, ts in times.items()})

@contextmanager
def silent_stderr():
    "Keep away what torch's profiler writes to the terminal, below Python's own stream"
    sys.stderr.flush()
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try: yield
    finally:
        os.dup2(saved, 2)
        for fd in (saved, null): os.close(fd)

def memory_of(f):
    "Bytes of what `f` returns, and the most that was allocated at once, as torch's own allocator counts them"
    with silent_stderr(), torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as prof: kept = f()
    with tempfile.TemporaryDirectory() as folder:
        prof.export_chrome_trace(f'{folder}/trace.json')
        events = json.loads(Path(folder, 'trace.json').read_text(encoding='utf-8'))['traceEvents']
    moves = [e['args']['Bytes'] for e in sorted((e for e in events if e['name'] == '[memory]'), key=lambda e: e['ts'])]
    totals = np.cumsum([0, *moves])
    del kept
    return int(totals[-1]), int(totals.max())

def memory_cell(rule, make, shapes=((256, 256),)*16):
    "Memory of an optimizer's making and two steps beyond parameters and gradients, in units of the parameters'"
    grads = [torch.ones(s) for s in shapes]
    def run():
        params = [torch.ones(s).requires_grad_() for s in shapes]
        backward(params, grads)
        opt = make(params)
        for _ in range(2): opt.step()
        return opt, params
    left, peak = memory_of(run)
    unit = sum(g.numel() for g in grads) * 4
    return dict(must=STATE[rule], left=left/unit - 2, peak=peak/unit - 2)

def memory_row(rule):
    "Each way's memory"
    return dict(rule=rule, ways={name: memory_cell(rule, make) for name, make in {**torch_ways(rule), **our_ways(rule)}.items()})

# All of it

def machine():
    "What the numbers were measured on"
    from importlib.metadata import version
    try: cpu = re.search(r'model name\s*:\s*(.+)', Path('/proc/cpuinfo').read_text())[1]
    except (OSError, TypeError): cpu = platform.processor() or platform.machine()
    from fastbook_sgd import __version__
    return dict(cpu=cpu.strip(), cores=os.cpu_count(), vectors=torch.backends.cpu.get_cpu_capability(), system=platform.system(),
                gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else None, threads=torch.get_num_threads(), python=platform.python_version(),
                torch=torch.__version__, fastai=version('fastai'), fastbook_sgd=__version__)

def powers(first, last): return [10**i for i in range(first, last + 1)]

def jobs(quick):
    "What is to be measured: section, label, function"
    rounds, sample = (5, 5e-4) if quick else (25, 1e-3)
    for rule in RULES:
        for model in MODELS: yield 'steps', f'{rule}, {model}', partial(step_cell, rule, model, rounds, sample, quick)
    for net in [*NETS][:1 if quick else None]:
        for rule in ITERATION_RULES: yield 'iterations', f'iteration: {rule}, {net}', partial(iteration_cell, rule, net, rounds, sample, quick)
    data, source = digits()
    yield 'data', 'data', lambda: source
    yield 'epochs', 'epoch', lambda: epochs(all_epochs(*data), 5 if quick else 25)
    few = 3 if quick else 9
    yield 'tensors', 'number of tensors', lambda: grown_steps('AdamW', lambda n: [(32, 32)]*n, powers(0, 2 if quick else 3), few, sample)
    yield 'sizes', 'size', lambda: grown_steps('AdamW', lambda n: [(n,)], powers(2, 6 if quick else 8), few, sample)
    yield 'batch sizes', 'batch size', lambda: grown_epochs(data, [64, 1024] if quick else [16, 64, 256, 1024, 4096], 'batch size', few)
    yield 'images', 'number of images', lambda: grown_epochs(data, powers(3, 4 if quick else 6), 'images', few)
    ours = sorted(f'fastbook_sgd.{p.stem}' for p in (ROOT/'fastbook_sgd').glob('[a-z]*.py'))
    modules = ['torch', 'fastbook_sgd', *(['fastbook_sgd.optimizer'] if quick else [*ours, 'fastai.basics'])]
    yield 'imports', 'imports', lambda: imports(modules, 2 if quick else 4)
    for rule in RULES: yield 'memory', f'memory, {rule}', partial(memory_row, rule)
    if torch.cuda.is_available():
        for rule in RULES:
            for model in MODELS: yield 'cuda', f'CUDA: {rule}, {model}', partial(cuda_cell, rule, model, rounds)

LISTS = 'steps', 'iterations', 'memory', 'cuda'

def measure(quick):
    "Run every job; the result as a dict that JSON can hold"
    result = dict(machine=machine(), quick=quick, missing={r: [d for d in DRIVERS if f'ours {d}' not in our_ways(r)] for r in RULES}, **{s: [] for s in LISTS})
    todo = list(jobs(quick))
    with tqdm(todo, unit='job') as bar:
        for section, label, f in bar:
            bar.set_description(label)
            torch.manual_seed(0)
            if section in LISTS: result[section].append(f())
            else: result[section] = f()
    return result

def main(quick, out):
    "Measure, write, print"
    torch.set_num_threads(1)
    result = measure(quick)
    out.mkdir(parents=True, exist_ok=True)
    (out/'result.json').write_text(json.dumps(result, indent=1) + '\n', encoding='utf-8', newline='\n')
    print(bench_report.write(result, out))

if __name__ == '__main__':
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--quick', action='store_true', help='less of everything, in some minutes; written to _bench/ instead of bench/')
    parser.add_argument('--out', type=Path, help='folder for README.md, bench.png and result.json')
    args = parser.parse_args()
    for stream in (sys.stdout, sys.stderr): stream.reconfigure(errors='replace')
    main(args.quick, args.out or ROOT/('_bench' if args.quick else 'bench'))
