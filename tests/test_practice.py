"""Every exercise of every table: the right answer passes, however it is written; each slip gets its own name; nothing an answer does reaches us.

Runs without a table that isn't there yet; `test_there_is_enough_to_do` counts when all are."""
from importlib import import_module
from itertools import combinations
import contextlib, io, os, random, re, sys, time

import numpy as np
import pytest
import torch

from conftest import ROOT
from fastbook_sgd import practice
from fastbook_sgd.exercise import SLIP_WITHIN, first_difference, names_for, run_of, value_of
import notebooks

sys.path.insert(0, str(ROOT/'tests'))
TABLES = {table: found for table in practice.TABLES if (found := practice.exercises_of(table))}
ALL = {name: e for found in TABLES.values() for name, e in found.items()}
CODE = {name: e for name, e in ALL.items() if e.kind != 'predict'}
LESSONS = notebooks.lessons(ROOT/'nbs')

each = pytest.mark.parametrize('e', ALL.values(), ids=list(ALL))
each_code = pytest.mark.parametrize('e', CODE.values(), ids=list(CODE))
each_table = pytest.mark.parametrize('table', TABLES)

def rewritings(table):
    "The right answers of a table in other styles, by exercise"
    return import_module(f'rewritings.{table.removeprefix("answers_")}').REWRITINGS

def called(names, e):
    "A slip's or a pair's name, and those that are the same"
    name = ' + '.join(names)
    return {name}.union(*[group for group in e.alike if name in group])

# The tables

def test_there_is_enough_to_do():
    assert len(ALL) == sum(map(len, TABLES.values())), 'two exercises have one name'
    if len(TABLES) < len(practice.TABLES): pytest.skip(f'only {list(TABLES)} are there')
    slips = sum(len(e.slips) for e in ALL.values())
    print(f'{len(ALL)} exercises, {slips} slips, {sum(len(fs) for t in TABLES for fs in rewritings(t).values())} rewritings')
    assert len(ALL) >= 45 and slips >= 120 and sum(len(fs) for t in TABLES for fs in rewritings(t).values()) >= 60

@pytest.mark.parametrize('path', LESSONS, ids=lambda p: p.stem)
def test_every_lesson_has_exercises(path):
    table = next((t for t, numbers in LESSONS_OF.items() if notebooks.number(path) in numbers), None)
    if table not in TABLES: pytest.skip(f'{table} is not there')
    kinds = [e.kind for e in ALL.values() if e.lesson == notebooks.number(path)]
    assert len(kinds) >= 2 and len(set(kinds)) >= 2, kinds

LESSONS_OF = dict(answers_layer=['00', '01', '02', '03', '04'], answers_rules=['05', '06', '07', '08', '09'],
                  answers_training=['10', '11', '12', '13', '14'], answers_own=['15', '16'])

@each
def test_an_exercise_is_whole(e):
    assert re.fullmatch(r'[a-z]\w*', e.name) and e.lesson in map(notebooks.number, LESSONS)
    assert len(e.question.split()) >= 5 and 2 <= len(e.hints) <= 3 and all(len(h) > 5 for h in e.hints)
    assert len(e.slips) >= 2 and all(len(s.hint) > 10 for s in e.slips.values())
    hints = [s.hint for s in e.slips.values()]
    assert len(set(hints)) == len(hints), 'each slip has its own hint'
    assert (e.kind == 'predict') == (e.probe is None) and (e.choices or e.kind == 'predict' or not e.choices)

@each
def test_hints_are_not_the_solution(e):
    solution = re.sub(r'\s', '', e.solution_text())
    assert not [h for h in e.hints if solution in re.sub(r'\s', '', h) and len(solution) > 6]

# Right and wrong

@each
def test_the_right_answer_is_right(e):
    answer = value_of(e.solution) if e.kind == 'predict' else e.solution
    verdict = e.judge(answer)
    assert verdict.kind == 'right' and verdict.text.startswith(f'{e.name}: right'), verdict.text

@each
def test_what_is_shown_is_right(e):
    text = e.solution_text()
    answer = eval(text, {'tensor': torch.tensor}) if e.kind == 'predict' else e.made(text)
    assert e.judge(answer).kind == 'right'

@each
def test_nothing_is_no_answer(e):
    for nothing in (..., None): assert e.judge(nothing).kind == 'untouched'
    begun = e.made(e.starter) if e.kind != 'predict' else ...
    verdict = e.judge(begun)
    assert verdict.kind == 'untouched' and verdict.text.startswith(f"{e.name}: not answered yet. hint('{e.name}')")

@each
def test_every_slip_has_its_own_name(e):
    "The confusion matrix: nothing off the diagonal, but for those that are said to be the same"
    wrong = {}
    for name, slip in e.slips.items():
        verdict = e.judge(value_of(slip.answer) if e.kind == 'predict' else e.answer_of(name))
        names = {n if isinstance(n, str) else ' + '.join(n) for n in verdict.names}
        if verdict.kind != 'slip' or names != {n for n in called((name,), e) if n in e.slips}: wrong[name] = verdict.text
        elif e.kind == 'predict' or len(names) == 1: assert slip.hint in verdict.text
    assert not wrong

@each_code
def test_two_slips_at_once_get_no_wrong_name(e):
    "A pair is named as the pair, unless one alone gives the same: one of the two then, whose other half doesn't show, or one that is said to be the same"
    right, wrong = run_of(e).entries, {}
    alone = {name: run_of(e, name).entries for name in e.slips}
    for pair in combinations(e.slips, 2):
        ran = run_of(e, *pair)
        if ran is None or not first_difference(right, ran.entries, e.within): continue
        found = {name for name, entries in alone.items() if not first_difference(entries, ran.entries, SLIP_WITHIN*e.within)}
        if not found <= called(pair, e) | called(pair[:1], e) | called(pair[1:], e): wrong[pair] = found
    assert not wrong

def test_a_pair_is_named_as_the_pair():
    e = ALL['loss']
    pair = 'sigmoid missing', 'sum, not mean'
    assert names_for(e, run_of(e, *pair).entries) == [pair]
    verdict = e.judge(e.answer_of(*pair))
    assert verdict.text.splitlines() == ['loss: two things. sigmoid missing + sum, not mean.', *[e.slips[n].hint for n in pair]]

@each_table
def test_other_styles_are_right_too(table):
    wrong = {}
    for name, answers in rewritings(table).items():
        for i, answer in enumerate(answers):
            verdict = TABLES[table][name].judge(answer)
            if verdict.kind != 'right': wrong[f'{name} {i}'] = verdict.text
    assert not wrong

@each_table
def test_there_are_other_styles(table):
    few = {name: len(rewritings(table).get(name, [])) for name, e in TABLES[table].items() if e.kind == 'write'}
    assert not {name: n for name, n in few.items() if n < 3}
    assert rewritings(table).keys() <= TABLES[table].keys()

@each_code
def test_a_probe_is_quick(e):
    run_of(e)
    begin = time.perf_counter()
    e.runs.pop(())
    run_of(e)
    assert time.perf_counter() - begin < .5        # most take a hundredth; a loaded machine is given time

@each_code
def test_a_probe_gives_each_answer_the_same(e):
    first = e.runs.pop((), None) or run_of(e)
    e.runs.pop((), None)
    assert not first_difference(first.entries, run_of(e).entries, within=0.)

# Hostile answers

def endless(*args, **kwargs):
    while True: pass

def endless_and_deaf(*args, **kwargs):
    while True:
        try: time.sleep(.01)
        except Exception: pass

def chatty(*args, **kwargs):
    for _ in range(50): print('x'*10**5)
    print('to stderr', file=sys.stderr)
    raise KeyError('my own')

def quits(*args, **kwargs): sys.exit(1)
def interrupts(*args, **kwargs): raise KeyboardInterrupt
def deep(*args, **kwargs): return deep(*args, **kwargs)

def meddles(*args, **kwargs):
    torch.manual_seed(1); np.random.seed(1); random.seed(1)
    torch.set_grad_enabled(False); torch.set_default_dtype(torch.float64)
    for a in args:
        if isinstance(a, torch.Tensor): a.data.zero_()

def state():
    return [torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate(), torch.is_grad_enabled(), torch.get_default_dtype(),
            sys.stdout, sys.stderr, os.getcwd()]

@each_code
@pytest.mark.parametrize('answer', [chatty, quits, interrupts, deep, meddles], ids=lambda f: f.__name__)
def test_nothing_an_answer_does_reaches_us(e, answer, capsys):
    before = state()
    verdict = e.judge(answer)
    assert state() == before and capsys.readouterr() == ('', '')
    assert verdict.kind in ('error', 'slip', 'unknown', 'untouched') and 1 <= len(verdict.text.splitlines()) <= 3 and len(verdict.text) < 700
    assert 'Traceback' not in verdict.text and 'exercise.py' not in verdict.text
    assert e.judge(e.solution).kind == 'right'

@pytest.mark.parametrize('e', [*CODE.values()][:2], ids=[*CODE][:2])
@pytest.mark.parametrize('answer', [endless, endless_and_deaf], ids=lambda f: f.__name__)
def test_an_endless_answer_is_stopped(e, answer):
    begin = time.perf_counter()
    verdict = e.judge(answer, seconds=.3)
    assert time.perf_counter() - begin < 3 and verdict.kind == 'slow'
    assert re.search(r'stopped after 0.3 seconds.*\nline \d+: ', verdict.text)

def test_the_learner_sees_their_own_line():
    said = [v for e in CODE.values() if (v := e.judge(chatty)).kind == 'error']      # a few see from its signature what is wrong with it
    for v in said: assert re.search(r"your code raises KeyError: 'my own'\nline \d+: raise KeyError\('my own'\)\nIt printed \d+ characters: xxx", v.text), v.text
    assert len(said) > .9*len(CODE)

class Awkward:
    def __repr__(self): raise ValueError('no')
    def __bool__(self): raise ValueError('no')
    def __eq__(self, other): raise ValueError('no')

ANYTHING = [Awkward(), 'a text', [], {}, object(), b'x', float('nan'), -1e30, 10**400, torch.ones(3), np.ones(0), print, len, type, int, 1j, [Awkward()], torch]

@each
def test_whatever_is_handed_in_something_is_said(e):
    for answer in ANYTHING:
        verdict = e.judge(answer)
        assert verdict.kind in ('unfit', 'unknown', 'error', 'slip') or verdict.kind == 'right' and e.kind == 'predict', verdict
        assert 1 <= len(verdict.text.splitlines()) <= 3 and verdict.text.startswith(f'{e.name}: ')

# check, hint, show, progress

@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.setenv('FASTBOOK_SGD_PRACTICE', str(tmp_path/'mine.pt'))
    monkeypatch.setattr(practice, 'given', {})
    return tmp_path/'mine.pt'

def said(f, *args):
    with contextlib.redirect_stdout(io.StringIO()) as out: assert f(*args) is None
    return out.getvalue()

def test_what_is_solved_is_kept(mine):
    name, e = next(iter(ALL.items()))
    assert said(practice.check, name).startswith(f'{name}: not answered yet') and not mine.exists()
    wrong = next(iter(e.slips.values()))
    assert wrong.hint in said(practice.check, name, value_of(wrong.answer)) and not mine.exists()
    assert said(practice.check, name, value_of(e.solution)).startswith(f'{name}: right') and practice.solved() == [name]
    text = said(practice.progress)
    assert f'{name} ✓' in text and text.splitlines()[-1] == f'1 of {len(ALL)} solved. Kept in {mine}'

def test_a_file_that_cannot_be_used_stops_nobody(mine, tmp_path, monkeypatch):
    name, e = next(iter(ALL.items()))
    for content in (b'', b'damaged', b'PK\3\4', b'{"solved": ["a"]}'):
        mine.write_bytes(content)
        assert practice.solved() == [] and '0 of ' in said(practice.progress)
        assert said(practice.check, name, value_of(e.solution)).startswith(f'{name}: right')
        assert practice.solved() == [name]
    for where in (tmp_path, mine/'below', 'none', '/proc/nowhere/x.pt', '\0'.replace('\0', 'a'*5000)):
        monkeypatch.setenv('FASTBOOK_SGD_PRACTICE', str(where))
        assert said(practice.check, name, value_of(e.solution)).startswith(f'{name}: right')
        assert practice.solved() == [] and '0 of ' in said(practice.progress)

def test_hints_come_one_by_one_and_never_the_solution(mine):
    for name, e in ALL.items():
        told = [said(practice.hint, name) for _ in range(len(e.hints) + 1)]
        assert [t.startswith(f'{name}, hint {min(i+1, len(e.hints))} of {len(e.hints)}: ') for i, t in enumerate(told)] == [True]*len(told)
        assert all(h in t for h, t in zip(e.hints, told)) and told[-1] == told[-2] and f"show('{name}')" in told[-1]

def test_the_solution_is_shown_under_the_name_of_the_starter(mine):
    for name, e in ALL.items():
        text = said(practice.show, name)
        if e.kind != 'predict': assert re.search(r'(def|class) ' + re.search(r'(?:def|class) (\w+)', e.starter)[1], text), text

@pytest.mark.parametrize('f', [practice.check, practice.hint, practice.show], ids=lambda f: f.__name__)
def test_an_unknown_name_gets_the_nearest(f, mine):
    for name in ALL:
        near = said(f, name + 'x')
        assert near.startswith(f"No exercise is called '{name}x'. There are ") and name in near.split('There are ')[1].split(',')[:5] or f' {name}' in near
    assert len(said(f, 'q').splitlines()) == 1 and said(f, 3).startswith('The name of the exercise comes first')

# The lessons

def cells_of(path): return notebooks.read(path).cells

@pytest.mark.parametrize('path', LESSONS, ids=lambda p: p.stem)
def test_lesson_and_table_say_the_same(path):
    mine = {name: e for name, e in ALL.items() if e.lesson == notebooks.number(path)}
    if not mine: pytest.skip('no table is there')
    cells, found = cells_of(path), []
    for before, cell in zip(cells, cells[1:]):
        m = re.search(r"^check\('(\w+)', (\w+)\)$", cell.source, flags=re.M)
        if not m: continue
        e = mine.get(m[1])
        assert e, f'check({m[1]!r}) is no exercise of this lesson'
        found.append(m[1])
        assert before.cell_type == 'markdown' and before.source.endswith(e.question), f'{m[1]}: the question is the table\'s'
        assert cell.source == f"{e.starter}\n\ncheck('{e.name}', {m[2]})", f'{m[1]}: what stands in the cell is the starter'
        assert '#|' not in cell.source
    assert sorted(found) == sorted(mine), 'each exercise of the table stands in its lesson, once'

@pytest.mark.parametrize('path', LESSONS, ids=lambda p: p.stem)
def test_a_lesson_imports_what_its_exercises_call(path):
    mine = [name for name, e in ALL.items() if e.lesson == notebooks.number(path)]
    if not mine: pytest.skip('no table is there')
    sources = [c.source for c in cells_of(path) if c.cell_type == 'code']
    first = next(i for i, s in enumerate(sources) if re.search(r"^check\('", s, flags=re.M))
    assert 'from fastbook_sgd.practice import check, hint, show' in sources[:first]
    headings = [c.source.strip() for c in cells_of(path) if c.cell_type == 'markdown' and c.source.startswith('## ')]
    if any(e.kind != 'predict' for e in ALL.values() if e.lesson == notebooks.number(path)):
        assert '## Your turn' in headings and headings.index('## Your turn') == headings.index('## What we now know') - 1

@pytest.mark.parametrize('path', LESSONS, ids=lambda p: p.stem)
def test_saved_outputs_give_no_answer_away(path):
    for cell in cells_of(path):
        if cell.cell_type != 'code' or not re.search(r"^check\('", cell.source, flags=re.M): continue
        for output in cell.outputs: assert 'not answered yet' in output.get('text', ''), cell.source
