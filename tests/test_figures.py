"""Each figure in the prose of a lesson is one that a cell near by puts out, or that stands in its code.

A figure is a number in digits. What an output says may be rounded in the prose, and a percentage may stand for a share; what stands in code must
be the same. Let be: years, versions, numbers of lessons, what is written as code or as a formula, links, counts up to twelve, and the sizes below."""
from bisect import bisect_left
import ast, re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from conftest import ROOT
import notebooks

LESSONS = [*notebooks.lessons(ROOT/'nbs'), ROOT/'nbs'/'index.ipynb']
PIXELS, HIDDEN = 28*28, 30
NET = (PIXELS + 1)*HIDDEN + HIDDEN + 1                           # weights and biases of the net
SIZES = {PIXELS, PIXELS + 1, NET, NET - 2,                      # pixels; weights and bias of a layer; the dimensions that a picture of two hides
         12396, 2038, 1797, 256}                                # digits in MNIST_SAMPLE, and in scikit-learn's set; in a batch
SHARE = 1/2038                                                  # one digit of accuracy
COUNTS = 12
FURTHER_UP = {'4cb38e24'}                                       # says itself that it speaks of a table further up
SUPPOSED = {('715d21dc', '1000'), ('89a6e4b5', '400')}          # "if we took 1000 steps": nobody has
BEFORE, AFTER = 10, 5       # code cells before and after the prose that are near; an opening or a summary has all

NUMBER = r'\d{1,3}(?:,\d{3})+(?!\d)|\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?'
IN_PROSE, IN_CELL = re.compile(rf'(?<![\w.])({NUMBER})(?!\w|\.\d)(\s?%)?'), re.compile(rf'(?<![\w.])({NUMBER})')
LET_BE = [r'```.*?```', r'`[^`\n]*`', r'\$\$.*?\$\$', r'\$[^$\n]*\$',                # code and formulas
          r'\]\([^)]*\)', r'<[^>]*>', r'https?://\S+',                               # where links lead
          r'\b(?:19|20)\d\d\b(?! (?:digits|images|numbers))',                        # years
          r'\b(?:[Ll]essons?|[Nn]otebooks?|[Cc]hapter) \d+(?:(?:, |–| and | to )\d+)*',
          r'\bPython 3\.\d+', r'\b\d+\.\d+\.\d+\b']                                  # versions

def prose(cell):
    "The text of a Markdown cell without what is let be, or is the result of what stands before it: 2/25 = 0.08"
    text = cell.source
    for pattern in LET_BE: text = re.sub(pattern, ' ', text, flags=re.S)
    is_worked_out = lambda m: abs(value(m[1])/value(m[2]) - value(m[3])) <= last_place(m[3])/2
    return re.sub(rf'({NUMBER})/({NUMBER}) = ({NUMBER})', lambda m: f'{m[1]}/{m[2]}' if is_worked_out(m) else m[0], text)

def value(number): return float(number.replace(',', ''))
def numbers_in(text): return {value(n) for n in IN_CELL.findall(re.sub(r'(?<=\d)_(?=\d)', '', text))}

def put_out(cell):
    "The numbers in the outputs of a code cell"
    found = set()
    for output in cell.outputs:
        data = output.get('data', {})
        for text in (output.get('text', ''), data.get('text/plain', ''), re.sub(r'<[^>]*>', ' ', data.get('text/html', ''))): found |= numbers_in(text)
    return found

def in_code(cell): return numbers_in('\n'.join(line for line in cell.source.splitlines() if not line.startswith('#|')))

def last_place(figure):
    "The place of its last digit that counts: 0.01 for 0.97, 1 for 97, 100 for 12,400"
    mantissa, _, power = figure.replace(',', '').partition('e')
    zeros = 0 if '.' in mantissa else len(mantissa) - len(mantissa.rstrip('0'))
    return 10.**(int(power or 0) - len(mantissa.partition('.')[2]) + zeros)

def is_right(figure, percent, outputs, codes):
    "Is the figure let be, a rounding of a number in the outputs, or one in the code?"
    x = value(figure)
    if '.' not in figure and not percent and x <= COUNTS or x in SIZES: return True
    near = min(last_place(figure)/2, .05*x if '.' not in figure else 1)*(1 + 1e-9)
    scales = (1, 100) if percent else (1,)
    return any(abs(k*scale - x) <= near for k in outputs for scale in scales) or any(abs(k*scale - x) < 1e-9*x for k in codes for scale in scales)

def cells_near(nb, i):
    "The code cells near the Markdown cell at place `i`; all of them for an opening or a summary"
    code = [j for j, c in enumerate(nb.cells) if c.cell_type == 'code' and c.source.strip()]
    heads = [c.source.strip() for c in nb.cells[:i + 1] if c.cell_type == 'markdown' and c.source.startswith('#')]
    whole = nb.cells[i].id in FURTHER_UP or len(heads) < 2 or heads[-1].startswith('## What we now know')
    at = bisect_left(code, i)
    return [nb.cells[j] for j in (code if whole else code[max(0, at - BEFORE):at + AFTER])]

def wrong_figures(nb):
    "The figures in the prose that no cell near by knows: the cell's id, the figure, and what stands around it"
    found = []
    for i, cell in enumerate(nb.cells):
        if cell.cell_type != 'markdown' or cell.source.startswith('**Your turn:'): continue    # the tables of answers hold what an exercise says
        near = cells_near(nb, i)
        outputs, codes = set().union(*map(put_out, near)), set().union(*map(in_code, near))
        for m in IN_PROSE.finditer(prose(cell)):
            if (cell.id, m[1]) not in SUPPOSED and not is_right(m[1], m[2], outputs | {SHARE}, codes): found.append((cell.id, m[0], m.string[max(0, m.start() - 50):m.end() + 30].replace('\n', ' ')))
    return found

@pytest.mark.parametrize('path', LESSONS, ids=[p.stem for p in LESSONS])
def test_every_figure_is_put_out_near_by(path):
    wrong = wrong_figures(notebooks.read(path))
    assert not wrong, f'{path.name}: no cell near by puts these out:\n' + '\n'.join(f'{id}: {figure}   …{around}…' for id, figure, around in wrong)

def small(text, *outputs, code='x'):
    "A lesson of one section: a cell of code with these outputs, and then the text"
    cell = new_code_cell(code, outputs=[new_output('stream', text=t) for t in outputs])
    return new_notebook(cells=[new_markdown_cell('# A lesson'), new_markdown_cell('## A section'), cell, new_markdown_cell(text)])

@pytest.mark.parametrize('text,output', [('It ends at 0.97.', '(0.9711, 3)'), ('It is 97.1 % right', '0.9711'), ('from 1,234 calls', '1234'), ('about 12,400 digits', '12396'), ('−99', 'tensor(-99.)'),
    ('a loss of 1.4e-17', '1.42e-17'), ('2/12 = 0.17', ''), ('Smith, 2018', ''), ('lessons 00–16 and `x[:37]` and $37x$', ''), ('[a page](37.ipynb)', ''), ('it takes 12 steps', ''), ('784 weights', ''), ('one digit is 0.0005', '')])
def test_a_figure_may_be_rounded_and_some_are_let_be(text, output): assert wrong_figures(small(text, output)) == []

@pytest.mark.parametrize('text,output', [('It ends at 0.98.', '(0.9711, 3)'), ('It ends at 0.972.', '0.9711'), ('98 %', '0.9711'), ('from 1,234 calls', '1235'), ('after 100 steps', '94'), ('2/12 = 0.16', ''), ('37 digits', '3.7')])
def test_a_wrong_figure_is_noticed(text, output): assert len(wrong_figures(small(text, output))) == 1

def test_what_stands_in_code_is_not_rounded():
    assert wrong_figures(small('a rate of 0.03', code='lr = .03')) == [] and len(wrong_figures(small('a rate of 0.03', code='lr = .031'))) == 1

def test_an_output_far_away_does_not_count():
    nb = small('It ends at 0.97.', '0.9711')
    nb.cells[3:3] = [new_code_cell('x') for _ in range(BEFORE)]
    assert len(wrong_figures(nb)) == 1
    nb.cells.insert(-1, new_markdown_cell('## What we now know'))
    assert wrong_figures(nb) == []

def cell_with(name, start):
    "The source of the one cell of a notebook that has this line"
    cell, = [c for c in notebooks.code_cells(notebooks.read(ROOT/'nbs'/f'{name}.ipynb')) if start in c.source.splitlines()]
    return [line for line in cell.source.splitlines() if line.strip() and not line.startswith('#|')]

def block_of(lines, first):
    "The line `first` and those that are indented below it"
    rest = lines[lines.index(first) + 1:]
    return [first, *rest[:next((i for i, line in enumerate(rest) if not line.startswith(' ')), len(rest))]]

@pytest.mark.parametrize('name,first,whole,lines,words', [
    ('index', 'def adam(p, g, m, v, t, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):', False, 5, 'Adam in five lines'),
    ('index', 'set_seed(42)', True, 8, 'Eight lines that learn'),
    ('16_fast', 'class TinyFlat:', False, 12, 'A fast step in a dozen lines')])
def test_what_is_called_so_many_lines_has_so_many(name, first, whole, lines, words):
    source = cell_with(name, first)
    assert len(source if whole else block_of(source, first)) == lines
    assert any(words in c.source for c in notebooks.read(ROOT/'nbs'/f'{name}.ipynb').cells if c.cell_type == 'markdown')

def body_of(name, start):
    "The statements of an exported function, without its docstring and without calls of checks"
    cell, = [c for c in notebooks.exported(notebooks.read(ROOT/'nbs'/f'{name}.ipynb')) if start in c.source]
    function, = [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.FunctionDef) and f'def {n.name}(' in start]
    is_doc = lambda n: isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)
    is_check = lambda n: isinstance(n, ast.Expr) and isinstance(n.value, ast.Call) and getattr(n.value.func, 'id', '').startswith('check_')
    body = [n for n in function.body if not is_doc(n)]
    return [n for n in body if not is_check(n)], [n for n in body if is_check(n)]

def test_calc_grad_is_three_lines_and_a_check():
    lines, checks = body_of('02_descent', 'def calc_grad(')
    assert (len(lines), len(checks)) == (3, 1)

def test_what_lesson_16_says_of_whole_iterations_is_what_was_measured():
    text = (ROOT/'bench'/'README.md').read_text(encoding='utf-8')
    ahead, cells, level, behind = map(int, re.search(r'Whole iterations: ours is ahead in (\d+) of (\d+), level in (\d+), behind in (\d+)', text).groups())
    assert 0 < ahead < level and level > cells/2 and behind == 0, "change the words 'ahead … in some of the small nets, level in most, and behind in none' in 16_fast"
