"Exercises on the site: hints and solution come from the tables, are folded, and open with the keyboard."
import os, re, shutil, sys

import pytest

from conftest import ROOT
from fastbook_sgd import practice
import notebooks

def missing():
    "What these tests need and this machine lacks"
    try: import playwright, myst_parser
    except ImportError as e: return f'{e.name} (pip install -e .[docs])'
    if not shutil.which('chromium'): return 'Chromium (apt-get install chromium)'

if lacking := missing():
    if os.environ.get('FASTBOOK_SGD_SITE_REQUIRED'): pytest.fail(f'the tests of the site need {lacking}', pytrace=False)
    pytest.skip(f'the tests of the site need {lacking}', allow_module_level=True)

sys.path.insert(0, str(ROOT/'docs'))
import bridge, exercises

ALL = practice.all_exercises()
each = pytest.mark.parametrize('e', ALL.values(), ids=list(ALL))
LESSONS = notebooks.lessons(ROOT/'nbs')

def cell(e):
    "What stands below the cell of an exercise"
    below, = exercises.below(f"{e.starter}\n\ncheck('{e.name}', mine)", '00_data')
    return below.source

@each
def test_hints_and_solution_are_folded(e):
    text = cell(e)
    assert text.count('<details') == text.count('</details>') == len(e.hints) + 1 and '<details open' not in text
    *hints, solution = re.findall(r'<summary>(.*?)</summary>\n\n(.*?)\n\n</details>', text, flags=re.S)
    assert hints == [(f'Hint {i} of {len(e.hints)}', h) for i, h in enumerate(e.hints, 1)]
    assert solution[0] == 'Try first: the solution' and e.solution_text().strip() in solution[1]
    assert solution[1] not in re.sub(r'<details.*?</details>', '', text, flags=re.S)

def test_only_the_cell_of_an_exercise_has_something_below():
    for source in ('x = 1', "check('means')", "print(check('means', x))", "from fastbook_sgd.practice import check, hint, show", '# check(x)'):
        assert exercises.below(source, '00_data') == []
    with pytest.raises(LookupError, match="03_x: no table has the exercise 'nothing'"): exercises.below("check('nothing', mine)", '03_x')

@pytest.mark.parametrize('path', LESSONS, ids=lambda p: p.stem)
def test_every_exercise_of_a_lesson_is_on_its_page(path):
    site = bridge.Site(pages={f'nbs/{p.name}': f'{notebooks.page_of(p)}.ipynb' for p in notebooks.series(ROOT/'nbs')} | {'CONTRIBUTING.md': 'contributing.md'}, root=ROOT, last='16_fast')
    cells = bridge.convert(notebooks.read(path), path.stem, site).cells
    for before, cell in zip(cells, cells[1:]):
        name = exercises.CHECK.search(before.source) if before.cell_type == 'code' else None
        if name: assert 'Try first: the solution' in cell.source and f'notebooks/{path.stem}.ipynb' in cell.source
    shown = [m[1] for c in cells if c.cell_type == 'code' and (m := exercises.CHECK.search(c.source))]
    assert sorted(shown) == sorted(n for n, e in ALL.items() if e.lesson == notebooks.number(path))

@pytest.fixture(scope='module')
def page(browser):
    "A page with all that stands below exercises, as MyST renders it, in a browser"
    from docutils.core import publish_string
    from myst_parser.parsers.docutils_ import Parser
    body = publish_string('\n\n'.join(map(cell, ALL.values())), parser=Parser(), writer_name='html5', settings_overrides=dict(report_level=5, embed_stylesheet=False)).decode()
    page = browser.new_page()
    page.set_content(body)
    page.add_style_tag(path=str(ROOT/'docs'/'_static'/'site.css'))
    yield page
    page.close()

def test_nothing_is_open_until_it_is_asked_for(page):
    folds = page.locator('details.exercise')
    assert folds.count() == sum(len(e.hints) + 1 for e in ALL.values())
    assert page.locator('details[open]').count() == 0
    assert not [t for t in page.locator('details.exercise > :not(summary)').all() if t.is_visible()]

@pytest.mark.parametrize('key', ['Enter', 'Space'])
def test_a_fold_opens_and_closes_with_the_keyboard(page, key):
    first, solution = page.locator('details.hint').first, page.locator('details.solution').first
    for fold in (first, solution):
        fold.locator('summary').focus()
        page.keyboard.press(key)
        assert fold.get_attribute('open') is not None and fold.locator('> :not(summary)').first.is_visible()
        page.keyboard.press(key)
        assert fold.get_attribute('open') is None
    first.locator('summary').focus()
    page.keyboard.press('Tab')
    assert page.evaluate('document.activeElement.textContent').startswith('Hint 2 of ')

def test_a_solution_is_read_as_code(page):
    code = page.locator('details.solution pre')
    assert code.count() == sum(e.kind != 'predict' for e in ALL.values())
