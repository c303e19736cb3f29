"`make run`: the table when all is well, the cell and its error when not."
import os, signal, subprocess, sys, time

import psutil
import pytest

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from conftest import ROOT
import notebooks

def command(folder, more=(), **cells):
    (folder/'nbs').mkdir()
    for name, sources in cells.items():
        notebooks.write(new_notebook(cells=[new_markdown_cell('# A lesson')] + [new_code_cell(s) for s in sources]), folder/'nbs'/f'{name}.ipynb')
    return [sys.executable, ROOT/'tools'/'run_series.py', folder/'nbs', folder/'out', *more]

def run(folder, /, *, options={}, more=(), **cells):
    return subprocess.run(command(folder, more, **cells), capture_output=True, text=True, encoding='utf-8', **options)

def test_prints_each_stage_in_order(tmp_path):
    cells = {'00_a': ["reached = [dict(stage='first', accuracy=.5, loss=None, seconds=1)]"],
             '01_b': ['x = 1', "reached = [dict(stage='second', accuracy=.75, loss=.25, seconds=2)]"]}
    done = run(tmp_path, **cells)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines.index(['first', '0.5000', '–', '1.00']) < lines.index(['second', '0.7500', '0.2500', '2.00'])
    assert str(tmp_path/'out') in done.stdout and '01_b' in done.stderr  # the progress bar
    executed = notebooks.read(tmp_path/'out'/'01_b.ipynb')
    assert [c.source for c in notebooks.code_cells(executed)] == cells['01_b']

def test_appendices_run_after_the_lessons_and_stay_out_of_the_table(tmp_path):
    said = lambda stage: [f"reached = [dict(stage='{stage}', accuracy=.5, loss=None, seconds=1)]"]
    done = run(tmp_path, A_care=said('care'), index=['1'], **{'00_a': said('idea')})
    assert done.returncode == 0, done.stderr
    assert 'idea' in done.stdout and 'care' not in done.stdout
    assert done.stderr.index('00_a') < done.stderr.index('A_care') < done.stderr.index('index')
    assert sorted(p.stem for p in (tmp_path/'out').glob('*.ipynb')) == ['00_a', 'A_care', 'index']

def test_each_notebook_has_its_own_kernel(tmp_path):
    done = run(tmp_path, **{'00_a': ['secret = 1'], '01_b': ['assert "secret" not in globals()']})
    assert done.returncode == 0, done.stderr

def test_names_the_failing_cell_and_its_error(tmp_path):
    done = run(tmp_path, **{'00_a': ['x = 1', 'y = x / 0'], '01_b': ['1']})
    assert done.returncode == 1
    for words in ('00_a.ipynb, cell 3 failed', 'y = x / 0', 'ZeroDivisionError: division by zero'): assert words in done.stderr
    assert '\x1b' not in done.stderr.split('failed:')[1]

def test_an_empty_folder_is_named(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 1 and 'has no notebooks named' in done.stderr

def test_a_relative_folder_of_digits_is_the_shells(tmp_path):
    (tmp_path/'mine').mkdir()
    env = {**os.environ, 'FASTBOOK_SGD_DATA': 'mine', 'PWD': str(tmp_path), 'PYTHONPATH': str(ROOT)}
    cell = 'from pathlib import Path\nfrom fastbook_sgd.sources import from_shell\nassert from_shell("mine")[0].samefile("../mine") and not Path("mine").exists()'
    done = run(tmp_path, options=dict(cwd=tmp_path, env=env), **{'00_a': [cell]})
    assert done.returncode == 0, done.stderr

MEETS = """import time
from pathlib import Path
Path('../{me}').touch()
end = time.time() + 60
while not Path('../{other}').exists() and time.time() < end: time.sleep(.05)
assert Path('../{other}').exists()"""

def said(stage): return f"reached = [dict(stage='{stage}', accuracy=.5, loss=None, seconds=1)]"

def test_two_at_once_and_the_table_in_order(tmp_path):
    "Each waits for the other, so both are at work; the first ends last, and stands first"
    cells = {'00_a': [MEETS.format(me='a', other='b'), 'time.sleep(1)', said('slow')], '01_b': [MEETS.format(me='b', other='a'), said('quick')]}
    done = run(tmp_path, more=['--at-once', '2'], **cells)
    assert done.returncode == 0, done.stderr
    assert done.stdout.index('slow') < done.stdout.index('quick') and '00_a 01_b' in done.stderr

def test_a_row_is_printed_before_the_end(tmp_path):
    process = subprocess.Popen(command(tmp_path, ['--at-once', '1'], **{'00_a': [said('early')], '01_b': ['import time; time.sleep(300)']}),
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding='utf-8')
    try: assert process.stdout.readline().startswith('stage') and process.stdout.readline().startswith('early')
    finally: process.kill(); process.communicate()

@pytest.mark.parametrize('asked', ['01', '01_b'])
def test_one_lesson_alone(tmp_path, asked):
    done = run(tmp_path, more=['--only', asked], **{'00_a': [said('other')], '01_b': [said('asked')]})
    assert done.returncode == 0 and 'asked' in done.stdout and 'other' not in done.stdout
    assert [p.stem for p in (tmp_path/'out').iterdir()] == ['01_b']

def test_a_lesson_that_is_not_there_is_named_with_those_that_are(tmp_path):
    done = run(tmp_path, more=['--only', '7'], **{'00_a': ['1'], 'B_x': ['1']})
    assert done.returncode == 1 and "no notebook '7': expected one of 00, B" in done.stderr

def test_a_failure_stops_the_others(tmp_path):
    begin = time.time()
    cells = {'00_a': [MEETS.format(me='a', other='b'), 'time.sleep(300)'], '01_b': [MEETS.format(me='b', other='a'), '1/0'], '02_c': ['1']}
    done = run(tmp_path, more=['--at-once', '2'], **cells)
    assert done.returncode == 1 and '01_b.ipynb, cell 3 failed' in done.stderr and 'ZeroDivisionError' in done.stderr
    assert time.time() - begin < 200 and not (tmp_path/'out'/'02_c.ipynb').exists()

@pytest.mark.skipif(os.name == 'nt', reason='Ctrl-C is sent otherwise there')
def test_ctrl_c_ends_the_kernels_too(tmp_path):
    cells = {'00_a': [MEETS.format(me='a', other='b'), 'time.sleep(300)'], '01_b': [MEETS.format(me='b', other='a'), 'time.sleep(300)']}
    process = subprocess.Popen(command(tmp_path, ['--at-once', '2'], **cells), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))      # a shell's background ignores it
    end = time.time() + 90
    while not ((tmp_path/'a').exists() and (tmp_path/'b').exists()) and time.time() < end: time.sleep(.1)
    kernels = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130 and len(kernels) >= 2
    _, alive = psutil.wait_procs(kernels, 30)
    assert not alive
