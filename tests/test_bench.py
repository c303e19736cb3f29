"The benchmark's own arithmetic and words, on tiny inputs; nothing here depends on how fast this machine is."
import copy, json, re

import pytest, torch

from conftest import ROOT
import bench, bench_report

LAST = json.loads((ROOT/'bench'/'result.json').read_text(encoding='utf-8'))

def a_cell(ratio, rule='SGD', model='linear model', **more):
    "A cell of the table of steps in which ours takes 1 ms"
    times = {'torch loop': [r*1e-3 for r in ratio], 'torch fused': [1., 1., 1.], 'ours each': [2e-3]*3, 'ours flat': [1e-3]*3}
    return dict(rule=rule, model=model, tensors=2, times=times, torch='torch loop', ours='ours flat', ratio=ratio, **more)

# Measuring

def test_candidates_take_turns():
    seen, clock = [], iter(range(10**6))
    f = lambda name: lambda: seen.append(name)
    times = bench.interleaved({n: f(n) for n in 'ABC'}, rounds=4, timer=lambda f, n=1: (f(), next(clock))[1])
    assert seen == list('ABC') * 5                                              # the first of each doesn't count
    assert times == {'A': [3, 6, 9, 12], 'B': [4, 7, 10, 13], 'C': [5, 8, 11, 14]}

def test_short_candidates_are_called_more_often():
    calls, timer = [], lambda f, n=1: calls.append(n) or 1e-3
    assert bench.calls_for(None, .01, timer) == 16 and calls == [1, 2, 4, 8, 16]
    assert bench.calls_for(None, 0., timer) == 1

def test_the_best_of_the_tries_counts():
    took = iter([.5, .5, 3., 1., 2., 6., 5., 4.])                               # two calls to find out how many, then three a round
    assert bench.interleaved({'A': None}, 2, sample=.8, timer=lambda f, n=1: next(took), tries=3) == {'A': [1., 4.]}

def test_the_garbage_collector_is_back_even_after_an_error():
    import gc
    def fail(): raise OSError
    with pytest.raises(OSError): bench.interleaved({'A': fail}, 1)
    assert gc.isenabled()

def test_quartiles_and_ratios_are_taken_round_by_round():
    assert bench.quartiles([1, 2, 3, 4, 5]) == [2, 3, 4]
    assert bench.ratio([2, 20, 200], [1, 10, 100]) == [2, 2, 2]                 # a slow round is slow for both
    times = {'torch loop': [9, 9, 9], 'torch fused': [4, 4, 4], 'ours each': [8, 8, 8], 'ours flat': [2, 1, 4], 'stream': [.1, .1, .1]}
    d = bench.duel(times)
    assert (d['torch'], d['ours'], d['ratio'][1]) == ('torch fused', 'ours flat', 2) and d['times']['ours flat'][1] == 2

def test_resnet18_has_its_parameters():
    shapes = bench.MODELS['ResNet-18']
    assert len(shapes) == 62 and sum(torch.Size(s).numel() for s in shapes) == 11_689_512
    assert sum(torch.Size(s).numel() for s in bench.MODELS['one of 16M']) == 2**24

# Optimizers

@pytest.mark.parametrize('rule', bench.RULES)
def test_every_way_reaches_the_same_weights(rule):
    ways = {**bench.torch_ways(rule), **{n: w for n, w in bench.our_ways(rule).items() if (rule, n) != ('RMSProp', 'ours fused')}}   # that one needs a compiler
    assert {'torch loop', 'torch foreach', 'ours each'} <= ways.keys() and ('torch fused' in ways) == (rule != 'RMSProp')
    steps = bench.step_candidates(ways, [(3, 4), (5,)])
    for step in steps.values(): step()

def test_other_weights_are_refused():
    ways = {**bench.torch_ways('SGD'), 'ours wrong': lambda params: torch.optim.SGD(params, lr=2e-3)}
    with pytest.raises(AssertionError, match='ours wrong and torch loop are .* apart'): bench.step_candidates(ways, [(3,)])

def test_unknown_drivers_are_left_out():
    class Plain(torch.optim.SGD):
        def __init__(self, params, lr): super().__init__(params, lr)
    class Two(torch.optim.SGD):
        def __init__(self, params, lr, driver='each'):
            if driver not in ('each', 'flat'): raise ValueError(driver)
            super().__init__(params, lr)
    assert list(bench.our_ways('SGD', Plain)) == ['ours each'] and list(bench.our_ways('SGD', Two)) == ['ours each', 'ours flat']

def test_gradients_add_up_as_in_a_backward_pass():
    p, g = torch.zeros(3, requires_grad=True), torch.arange(3.)
    bench.backward([p], [g])
    bench.backward([p], [g])
    assert torch.equal(p.grad, 2*g) and p.grad is not g

def test_streaming_touches_what_the_step_must():
    for rule in bench.RULES:
        opt = next(iter(bench.torch_ways(rule).values()))([torch.ones(4, requires_grad=True)])
        opt.param_groups[0]['params'][0].grad = torch.ones(4)
        opt.step()
        tensors = [x for s in opt.state.values() for x in s.values() if torch.is_tensor(x) and x.shape == (4,)]
        assert len(tensors) == bench.STATE[rule], rule
        bench.streams(rule, 8)()

def test_memory_is_counted_exactly():
    assert bench.memory_of(lambda: torch.empty(1000)) == (4000, 4000)
    def f():
        x = torch.empty(1000)
        del x
        return torch.empty(10)
    assert bench.memory_of(f) == (40, 4000)
    kept = bench.memory_cell('Adam', bench.torch_ways('Adam')['torch foreach'], [(100, 100)]*2)
    assert kept['must'] == 2 and round(kept['left'], 2) == 2 and round(kept['peak'], 2) == 3

def test_what_doesnt_fit_is_skipped_with_a_word():
    assert bench.too_big(0) == '' and 'needs 931322574615.5 GB' in bench.too_big(10**21)
    points = bench.grown_epochs((torch.zeros(2, 784), torch.zeros(2, 1), torch.zeros(2, 784), torch.zeros(2, 1)), [10**15], 'images', 1)
    assert points[0]['x'] == 10**15 and 'free' in points[0]['skipped']
    assert 'skipped: needs' in bench_report.growth_table('images', [dict(x=10, times={'ours each': [1, 1, 1]}), *points], 1)

def test_an_epoch_of_every_way_trains():
    x, y = torch.rand(20, 784), torch.arange(20)[:, None] % 2
    ways = bench.all_epochs(x, y, x[:6], y[:6], bs=8)
    for run in ways.values(): run()
    assert set(bench.epochs(ways, 1)['ratios']) == set(ways) >= {bench.OURS, bench_report.FASTAI, bench_report.DATASET, bench_report.PAIRS, bench_report.SHUFFLED, bench_report.PRODUCTS}

def test_everyone_minimizes_the_same_loss():
    from fastbook_sgd.linear import batch_accuracy, mnist_loss
    scores, targets = torch.randn(9, 1), torch.arange(9)[:, None] % 2
    assert torch.equal(bench.plain_loss(scores, targets), mnist_loss(scores, targets))
    assert torch.equal(bench.plain_accuracy(scores, targets), batch_accuracy(scores, targets))

def test_import_time_is_a_number(): assert 0 < bench.import_seconds('json') < 60

def test_torchs_default_on_a_cpu_is_the_loop():
    from torch.optim.optimizer import _default_to_fused_or_foreach
    assert _default_to_fused_or_foreach([torch.zeros(1)], False, False) == (False, False)

# Words

@pytest.mark.parametrize('q,word', [([1.1, 1.2, 1.3], 'ahead'), ([.9, 1.2, 1.3], 'level'), ([.7, .9, 1.1], 'level'), ([.7, .8, .9], 'behind')])
def test_verdict(q, word): assert bench_report.verdict(q) == word

@pytest.mark.parametrize('x,text', [(0, '0.00'), (.01234, '0.012'), (.8, '0.80'), (1.234, '1.23'), (12.34, '12.3'), (1234.5, '1,230'), (85330, '85,300')])
def test_significant_digits(x, text): assert bench_report.sig(x) == text

def test_a_table_is_markdown():
    assert bench_report.table(['a', 'b'], [['x', 1]]) == '| a | b |\n|---|--:|\n| x | 1 |'
    row = bench_report.duels([a_cell([1.9, 2., 2.1])]).splitlines()[-1]
    assert row == '| SGD, linear model | loop 2,000 | flat 1,000 | 2.00× (1.90–2.10) | ahead |'

def test_words_name_the_cells_that_are_behind():
    cells = [('A', [.5, .6, .7]), ('B', [2, 3, 4]), ('C', [.9, 1., 1.1])]
    assert bench_report.step_words(cells, 'Steps') == 'Steps: ours is ahead in 1 of 3, level in 1, behind in 1. Behind: A at 0.60×. Level: C at 1.00×.'
    assert bench_report.step_words(cells[1:2], 'Steps') == 'Steps: ours is ahead in 1 of 1, level in 0, behind in 0.'

def changed(path, value):
    "The last result with one thing changed"
    r = copy.deepcopy(LAST)
    *way, last = path
    at = r
    for key in way: at = at[key]
    assert last in at or isinstance(at, list)
    at[last] = value
    return r

@pytest.mark.parametrize('path,value,sign', [
    (('steps', 0, 'ratio'), [.1, .2, .3], 'Behind: SGD, linear model at 0.20×'),
    (('steps', 3, 'ratio'), [.9, 1., 1.1], 'SGD, 200 of 32×32 at 1.00×'),
    (('iterations', 0, 'ratio'), [.1, .2, .3], 'Behind: SGD, 30-unit net, batch 256 at 0.20×'),
    (('epochs', 'ratios', bench_report.FASTAI), [.1, .2, .3], f'{bench_report.FASTAI}, '),
    (('tensors', 0, 'ratio'), [.1, .2, .3], '1 tensors at 0.20×'),
    (('imports', 'ratios', 'fastbook_sgd.optimizer'), [1.2, 1.3, 1.4], '`fastbook_sgd.optimizer` 1.30×'),
    (('memory', 0, 'ways', 'ours each', 'left'), 1.5, 'SGD each (1.50'),
    (('missing', 'SGD'), ['flat'], 'SGD with driver flat')])
def test_words_follow_the_numbers(path, value, sign):
    assert sign in bench_report.honest(changed(path, value))
    better = [9., 9., 9.] if 'imports' not in path else [.9, .9, .9]
    assert sign not in bench_report.honest(changed(path, better if isinstance(value, list) and path[0] != 'missing' else [] if path[0] == 'missing' else 0))

@pytest.mark.parametrize('q,reached', [([6., 7., 8.], 'yes'), ([4., 5., 6.], 'within noise'), ([3., 4., 5.], '**no**')])
def test_goals_follow_the_numbers(q, reached):
    row = next(l for l in bench_report.goals(changed(('epochs', 'ratios', bench_report.FASTAI), q)).splitlines() if bench_report.FASTAI in l)
    assert row.endswith(f'| {reached} |') and '≥ 6' in row

# The committed result

def test_the_page_is_written_from_the_committed_numbers(tmp_path):
    assert not LAST['quick'] and len(LAST['steps']) == 25 and LAST['machine']['threads'] == 1
    text = bench_report.write(LAST, tmp_path)
    assert (ROOT/'bench'/'README.md').read_text(encoding='utf-8') == text, 'run `make bench`, or bench_report.write on its result.json'
    from PIL import Image
    assert Image.open(tmp_path/'bench.png').size == Image.open(ROOT/'bench'/'bench.png').size
    assert len(re.search(r'!\[(.*?)\]\(bench\.png\)', text)[1]) > 100

def test_jobs_measure_every_section(monkeypatch):
    monkeypatch.setattr(bench, 'digits', lambda: ((), 'none'))
    for quick in (True, False):
        sections = {s for s, *_ in bench.jobs(quick)}
        assert {'steps', 'iterations', 'epochs', 'tensors', 'sizes', 'batch sizes', 'images', 'imports', 'memory'} <= sections <= LAST.keys()
