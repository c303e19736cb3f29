"`make run`: the table when all is well, the cell and its error when not."
import os, subprocess, sys

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from conftest import ROOT
import notebooks

def run(folder, /, *, options={}, **cells):
    (folder/'nbs').mkdir()
    for name, sources in cells.items():
        notebooks.write(new_notebook(cells=[new_markdown_cell('# A lesson')] + [new_code_cell(s) for s in sources]), folder/'nbs'/f'{name}.ipynb')
    return subprocess.run([sys.executable, ROOT/'tools'/'run_series.py', folder/'nbs', folder/'out'], capture_output=True, text=True, encoding='utf-8', **options)

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
