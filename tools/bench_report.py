"What `bench.py` measured as Markdown and as a plot. Every word about who is ahead is computed from the numbers."
from pathlib import Path

NOISE = 'behind where three of four rounds say so, level where the quartiles lie on both sides of 1.00'
SMALL = 'linear model', '30-unit net'
SMALL_NETS = '30-unit net, batch 256', '200 of 32×32, batch 32'
BIG = 'one of 16M'
LEARNER, TRAINING, SHUFFLED, PRODUCTS = 'BasicLearner, TensorLoader', 'BasicLearner, TensorLoader, training alone', 'BasicLearner, TensorLoader shuffled', 'two matrix products alone'
WITH_BAR = 'fastai Learner with its bar and table, DataLoader of pairs'
FASTAI, DATASET, PAIRS = 'fastai Learner, DataLoader of pairs', 'torch loop, DataLoader of a TensorDataset', 'torch loop, DataLoader of pairs'
LOOP = 'BasicOptim loop, TensorLoader'

# Numbers and tables

def sig(x):
    "Three significant digits, without an exponent"
    x = float(f'{x:.3g}')
    return f'{x:,.0f}' if x >= 100 else f'{x:.1f}' if x >= 10 else f'{x:.2f}' if x >= .1 or not x else f'{x:.2g}'

def times(q):
    "A ratio's median with its quartiles"
    return f'{q[1]:.2f}× ({q[0]:.2f}–{q[2]:.2f})'

def power(x):
    "1,000 or 1e6"
    return f'{x:,}' if x < 1e5 else f'1e{len(str(x)) - 1}'

def verdict(q):
    "What the quartiles of a ratio say of ours: ahead, level, behind"
    return 'behind' if q[2] < 1 else 'ahead' if q[0] > 1 else 'level'

def table(head, rows):
    "A Markdown table whose first column is text"
    line = lambda cells: '| ' + ' | '.join(map(str, cells)) + ' |'
    return '\n'.join([line(head), '|' + '---|' + '--:|' * (len(head) - 1), *map(line, rows)])

def columns(cells):
    "The names of all ways in the cells, in the order of their first appearance, torch's first"
    names = list(dict.fromkeys(n for c in cells for n in c['times']))
    return sorted(names, key=lambda n: 0 if n.startswith('torch') else 1 if n.startswith('ours') else 2)

# Tables

def where(cell): return f'{cell["rule"]}, {cell["model"]}'

def duel_row(name, cell):
    "A row of the main table"
    us = lambda way: f'{way.split(" ", 1)[1]} {sig(cell["times"][way][1]*1e6)}'
    return [name, us(cell['torch']), us(cell['ours']), times(cell['ratio']), verdict(cell['ratio'])]

def duels(cells, name=where): return table(['step', 'fastest of torch, µs', 'fastest of ours, µs', 'torch / ours', 'ours is'], [duel_row(name(c), c) for c in cells])

def iteration_table(cells):
    "The duels of whole iterations, and what the same way against itself comes to"
    return table(['iteration', 'fastest of torch, µs', 'fastest of ours, µs', 'torch / ours', 'ours is', 'one of torch twice'], [[*duel_row(where(c), c), times(c['control'])] for c in cells])

def every_way(cells, name=where):
    "Each way's median"
    names = columns(cells)
    us = lambda c, n: sig(c['times'][n][1]*1e6) if n in c['times'] else '–'
    return table(['µs', *names], [[name(c), *(us(c, n) for n in names)] for c in cells])

def streaming(cells):
    "The step on the big tensor against streaming its bytes"
    return table(['one of 16M', 'bytes streamed, ms', 'torch / stream', 'ours / stream'],
                 [[c['rule'], sig(c['times']['stream'][1]*1e3), times(c['of_stream']['torch']), times(c['of_stream']['ours'])] for c in cells if 'of_stream' in c])

def epoch_table(e):
    "Times of an epoch, and how many of ours go into each"
    return table(['an epoch', 'ms (quartiles)', 'as many of ours'], [[n, f'{sig(q[1]*1e3)} ({sig(q[0]*1e3)}–{sig(q[2]*1e3)})', times(e['ratios'][n])] for n, q in e['times'].items()])

def growth_table(head, points, scale):
    "Medians over sizes"
    done = [p for p in points if 'times' in p]
    names = columns(done)
    row = lambda p: [power(p['x']), *(sig(p['times'][n][1]*scale) if n in p['times'] else '–' for n in names)] if 'times' in p else [power(p['x']), f'skipped: {p["skipped"]}', *[''] * (len(names)-1)]
    return table([head, *names], [row(p) for p in points])

def import_table(i): return table(['import', 'seconds', 'of `import torch`'], [[f'`{m}`', sig(q[1]) if q[1] > .001 else '0.00', times(i['ratios'][m])] for m, q in i['times'].items()])

def memory_table(rows):
    "Memory in units of the parameters'"
    names = columns([dict(times=r['ways']) for r in rows])
    cell = lambda ways, n: f'{ways[n]["left"]:.2f}, {ways[n]["peak"]:.2f}' if n in ways else '–'
    return table(['left, peak', 'state must take', *names], [[r['rule'], next(iter(r['ways'].values()))['must'], *(cell(r['ways'], n) for n in names)] for r in rows])

# Goals and honest words

def goals(r):
    "What we aim at: text, what was measured, reached or not"
    def goal(text, q, bar, at_least=True):
        reached = [x >= bar if at_least else x <= bar for x in (q[1], q[2] if at_least else q[0])]
        return [f'{text} {"≥" if at_least else "≤"} {bar:g}', times(q), 'yes' if reached[0] else 'within noise' if reached[1] else '**no**']
    worst = lambda cells: min((c['ratio'] for c in cells), key=lambda q: q[1])
    rows = [goal(f'step, torch / ours, the worst of {len(r["steps"])} cells', worst(r['steps']), 1.),
            goal('step, torch / ours, the worst of the small models', worst([c for c in r['steps'] if c['model'] in SMALL]), 3.)]
    rows.append(goal(f'iteration, torch / ours, the worst of {len(r["iterations"])} cells', worst(r['iterations']), 1.))
    rows.append(goal('iteration, torch / ours, the worst of the small nets', worst([c for c in r['iterations'] if c['model'] in SMALL_NETS]), 1.05))
    big = [c['of_stream']['ours'] for c in r['steps'] if 'of_stream' in c]
    if big: rows.append(goal('step on 16M numbers / streaming its bytes, the worst', max(big, key=lambda q: q[1]), 1.3, False))
    e = r['epochs']['ratios']
    rows += [*[goal(f'epoch, {way} / {LEARNER}', e[way], bar) for way, bar in ((WITH_BAR, 6.), (FASTAI, 6.), (DATASET, 4.), (PAIRS, 4.))],
             goal('epoch, BasicLearner without validation / the matrix products of training', r['epochs']['training'], 2.5, False), goal('epoch, shuffled / unshuffled', e[SHUFFLED], 1.5, False)]
    rows += [goal(f'`import {m}` / `import torch`', r['imports']['ratios'][m], 1.1, False) for m in ('fastbook_sgd', 'fastbook_sgd.optimizer')]
    return table(['goal', 'measured', 'reached'], rows)

def named(cells): return '; '.join(f'{name} at {q[1]:.2f}×' for name, q in cells)

def step_words(cells, what):
    "Who is ahead in a list of duels, by name where it isn't ours"
    sides = {v: [(name, q) for name, q in cells if verdict(q) == v] for v in ('ahead', 'level', 'behind')}
    words = [f'{what}: ours is ahead in {len(sides["ahead"])} of {len(cells)}, level in {len(sides["level"])}, behind in {len(sides["behind"])}.']
    if sides['behind']: words.append(f'Behind: {named(sides["behind"])}.')
    if sides['level']: words.append(f'Level: {named(sides["level"])}.')
    return ' '.join(words)

def why(r):
    "What the numbers say about the reasons"
    words, behind = [], [c for c in r['steps'] if verdict(c['ratio']) != 'ahead']
    big = [c for c in behind if 'of_stream' in c and c['of_stream']['torch'][1] < 1.3]
    if big: words.append(f'On 16M numbers torch\'s step takes little more than streaming the bytes ({", ".join(c["rule"] + " " + format(c["of_stream"]["torch"][1], ".2f") + "×" for c in big)}): there is next to nothing left to win.')
    many = [c for c in behind if c['tensors'] > 1 and c['ours'] == 'ours each']
    if many: words.append(f'In {len(many)} of the cells where ours is not ahead, its fastest driver takes the parameters one by one, up to {max(c["tensors"] for c in many)} rounds of Python a step.')
    absent = {rule: ds for rule, ds in r['missing'].items() if ds}
    if absent: words.append('Not there, so not measured: ' + '; '.join(f'{rule} with driver {", ".join(ds)}' for rule, ds in absent.items()) + '.')
    return ' '.join(words)

def memory_words(rows):
    "Ways of ours that leave more than their state must take, or take more at once than torch's thriftiest"
    more = [f'{r["rule"]} {n.split(" ", 1)[1]} ({w["left"] - w["must"]:.2f} of the parameters\' size more)' for r in rows for n, w in r['ways'].items() if n.startswith('ours') and w['left'] - w['must'] > .01]
    words = f'Memory: more than the state must take stays with {", ".join(more)}.' if more else 'Memory: with each of ours stays what its state must take, and no more.'
    thrifty = {r['rule']: min(w['peak'] for n, w in r['ways'].items() if n.startswith('torch')) for r in rows}
    high = [f'{r["rule"]} {n.split(" ", 1)[1]} {w["peak"]:.2f} ({thrifty[r["rule"]]:.2f})' for r in rows for n, w in r['ways'].items() if n.startswith('ours') and w['peak'] > thrifty[r['rule']] + .1]
    return words + (f' At once, where new buffers stand beside what they replace or a rule needs room to compute, more is taken than by torch\'s thriftiest way (in parentheses): {"; ".join(high)}.' if high else '')

def growth_words(r):
    "Sizes at which ours isn't ahead"
    points = [(f'{power(p["x"])} {what}', p['ratio']) for key, what in (('tensors', 'tensors'), ('sizes', 'numbers')) for p in r[key] if 'ratio' in p]
    return step_words(points, 'AdamW as tensors or numbers grow')

def epoch_words(r):
    "Ways of training that take less time than ours"
    faster = lambda ratios: [n for n, q in ratios.items() if n not in (LEARNER, TRAINING, PRODUCTS) and verdict(q) == 'behind']
    words = [f'An epoch: faster than `BasicLearner` with `TensorLoader` {"are" if len(names) > 1 else "is"} {", ".join(names)}.' if (names := faster(r['epochs']['ratios'])) else
             'An epoch: no way of training in the table is faster than `BasicLearner` with `TensorLoader`.']
    medians = {n: q[1] for n, q in r['epochs']['times'].items()}
    words.append(f"fastai's `Learner` without its bar takes {medians[FASTAI]/medians[LOOP]:.1f} times as long as a bare loop with the same loss, step and validation accuracy, without checks or a table: no learner around such a loop can win more.")
    lost = [f'{power(p["x"])} {what} ({", ".join(names)})' for key, what in (('batch sizes', 'a batch'), ('images', 'images')) for p in r[key] if 'ratios' in p and (names := faster(p['ratios']))]
    return ' '.join(words + ([f'It is also behind at {"; ".join(lost)}.'] if lost else []))

def import_words(i):
    "Modules that take longer than torch"
    slow = [f'`{m}` {q[1]:.2f}×' for m, q in i['ratios'].items() if m != 'torch' and q[1] > 1.1]
    return f'Imports: more than 1.1 × `import torch` take {", ".join(slow)}.' if slow else 'Imports: every module measured takes at most 1.1 × `import torch`.'

def honest(r):
    "Where ours is not ahead: computed"
    parts = [step_words([(where(c), c['ratio']) for c in r['steps']], 'Steps'), why(r), step_words([(where(c), c['ratio']) for c in r['iterations']], 'Whole iterations'),
             epoch_words(r), growth_words(r), import_words(r['imports']), memory_words(r['memory'])]
    return '\n'.join(f'- {p}' for p in parts if p)

# The page

def alt(r):
    "The text of the plot"
    s = [c['ratio'] for c in r['steps']]
    return (f'Six plots. Steps: ours is ahead of the fastest of torch in {sum(verdict(q) == "ahead" for q in s)} of {len(s)} cells, medians from {min(q[1] for q in s):.2f} to {max(q[1] for q in s):.2f} times. '
            f'An epoch: BasicLearner takes {sig(r["epochs"]["times"][LEARNER][1]*1e3)} ms, fastai with a DataLoader {sig(r["epochs"]["times"][FASTAI][1]*1e3)} ms. '
            'Then the growth of a step with the number and the size of tensors and of an epoch with the number of images, and the time of imports.')

def report(r):
    "The page as Markdown"
    m = r['machine']
    gpu = '## CUDA\n\n' + (duels(r['cuda']) if r['cuda'] else 'Skipped: no CUDA device here.')
    parts = ['# Benchmark', '> Our optimizers and training loop beside the fastest of torch.optim and fastai, measured in one run.',
             f'{m["cpu"]} ({m["vectors"]}), {m["threads"]} thread of {m["cores"]} cores, {m["system"]}; Python {m["python"]}, torch {m["torch"]}, fastai {m["fastai"]}, '
             f'fastbook_sgd {m["fastbook_sgd"]}; data: {r["data"]}.' + (' A quick run: fewer rounds, smaller sizes.' if r['quick'] else ''),
             'The candidates take turns, and a ratio is taken within each round: shown are its median and, in parentheses, its quartiles over the rounds. '
             f'We call ours {NOISE}. Run it yourself: `make bench`, or less of it with `make bench QUICK=1`. This page is written by `tools/bench.py`, its words included.',
             '## What was aimed at', goals(r), '## Where ours is not ahead', honest(r), f'![{alt(r)}](bench.png)',
             '## One step', 'Only `step()` is timed, with gradients in place as a backward pass leaves them; all ways have reached the same weights before (1e-6). torch\'s ways: loop, foreach, fused, and the loop under `torch.compile`. '
             'Ours: the `driver` argument. The fastest of each by its median:', duels(r['steps']), 'Every way:', every_way(r['steps']),
             'What the step on 16M numbers must read and write, streamed by torch\'s own in-place kernels:', streaming(r['steps']),
             '## A whole iteration', 'Forward, backward, step, zero_grad, since a driver could gain in the step what it loses in the rest. The last column is one of torch\'s ways against itself, '
             'another net in other memory: how far that is from 1.00 is noise.', iteration_table(r['iterations']), 'Every way:', every_way(r['iterations']),
             '## An epoch', 'The linear model on 12,396 images, 256 a batch, and its validation on 2,038 images; the matrix products are those of training. '
             'fastai and the loops use our loss and accuracy without their checks, `BasicLearner` with them.', epoch_table(r['epochs']),
             '## Growth', 'A step of AdamW on n tensors of 32×32, µs:', growth_table('tensors', r['tensors'], 1e6),
             'A step of AdamW on one tensor of n numbers, µs (above 1e7, the fastest of each only):', growth_table('numbers', r['sizes'], 1e6),
             'An epoch over batch sizes, ms:', growth_table('a batch', r['batch sizes'], 1e3), 'An epoch over numbers of images, random ones, ms:', growth_table('images', r['images'], 1e3),
             '## Imports', 'Each in a fresh Python, without that Python\'s own start; seconds of the processor.', import_table(r['imports']),
             '## Memory', 'What making an optimizer and taking two steps leaves allocated beyond parameters and gradients, and the most it took at once, in units of the parameters\' own size (16 tensors of 256×256).', memory_table(r['memory']), gpu]
    return '\n\n'.join(parts) + '\n'

# The plot

def lines(ax, points, scale, xlabel, ylabel):
    "Medians over sizes, both axes logarithmic"
    done = [p for p in points if 'times' in p]
    for name in columns(done):
        xy = [(p['x'], p['times'][name][1]*scale) for p in done if name in p['times']]
        ax.plot(*zip(*xy), marker='o', ms=3, ls='--' if name.startswith(('torch', 'fastai')) else '-', label=name)
    ax.set(xscale='log', yscale='log', xlabel=xlabel, ylabel=ylabel)
    ax.legend(fontsize=6)

def bars(ax, named, scale, xlabel):
    "Medians with quartiles, one bar each; ours in another colour"
    names = list(named)[::-1]
    low, mid, high = zip(*[[x*scale for x in named[n]] for n in names])
    ax.barh(names, mid, xerr=[[m-l for l, m in zip(low, mid)], [h-m for m, h in zip(mid, high)]], color=['C0' if n.startswith(('Basic', 'fastbook')) else '0.7' for n in names])
    ax.set(xlabel=xlabel)
    ax.tick_params(axis='y', labelsize=7)

def ratios(ax, cells):
    "The ratios of the main table around 1"
    rules, models = ([*dict.fromkeys(c[k] for c in cells)] for k in ('rule', 'model'))
    for i, model in enumerate(models):
        mine = [c for c in cells if c['model'] == model]
        low, mid, high = zip(*[c['ratio'] for c in mine])
        ax.errorbar([rules.index(c['rule']) + .12*(i - (len(models)-1)/2) for c in mine], mid, yerr=[[m-l for l, m in zip(low, mid)], [h-m for m, h in zip(mid, high)]], fmt='o', ms=4, capsize=2, label=model)
    ax.axhline(1, color='0.5', lw=1)
    ax.set(yscale='log', ylabel='time of torch / time of ours')
    ax.set_xticks(range(len(rules)), rules, fontsize=7)
    ax.legend(fontsize=6)

def draw(r):
    "The figure of six plots"
    from matplotlib.figure import Figure
    fig = Figure(figsize=(12, 7.5), layout='constrained')
    axes = fig.subplots(2, 3).ravel()
    for ax, title in zip(axes, ['One step: above 1 ours is ahead', 'A step of AdamW, more tensors', 'A step of AdamW, a larger tensor', 'An epoch of the linear model', 'An epoch, more images', 'Imports']): ax.set_title(title, fontsize=10)
    ratios(axes[0], r['steps'])
    lines(axes[1], r['tensors'], 1e6, 'tensors of 32×32', 'µs')
    lines(axes[2], r['sizes'], 1e6, 'numbers', 'µs')
    bars(axes[3], r['epochs']['times'], 1e3, 'ms')
    lines(axes[4], r['images'], 1e3, 'images', 'ms')
    bars(axes[5], r['imports']['times'], 1, 'seconds of the processor')
    return fig

def write(r, folder):
    "README.md and bench.png in `folder`; returns the text"
    text = report(r)
    (Path(folder)/'README.md').write_text(text, encoding='utf-8', newline='\n')
    draw(r).savefig(Path(folder)/'bench.png', dpi=100)
    return text
