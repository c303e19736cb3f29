"""How the notebooks read, in numbers: how much of the exported code is checks, how wide and how long it is (`python tools/measure.py [FOLDER]`).

A check is a function whose name begins with `check_`, an `if` without `else` that does nothing but raise, a bare `raise`, or an `assert`.
Linters (ruff, pycodestyle) measure width and length of .py files; the share of checks and the cells of a notebook they don't know."""
from argparse import ArgumentParser
from pathlib import Path
import ast, statistics

from notebooks import ROOT, exported, module_of, read, series

WIDEST, LONGEST, MOST = 110, 40, .05    # characters a line, lines a cell, share of checks in the exported code of a lesson

def code_of(cell):
    "The source of a cell without its `#|` lines"
    return '\n'.join(line for line in cell.source.splitlines() if not line.startswith('#|'))

def is_check(node):
    "Does a statement do nothing but refuse?"
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)): return node.name.startswith('check_')
    if isinstance(node, ast.If): return not node.orelse and all(isinstance(n, ast.Raise) for n in node.body)
    return isinstance(node, (ast.Raise, ast.Assert))

def checks(tree):
    "The outermost checks below a node"
    for node in ast.iter_child_nodes(tree):
        if is_check(node): yield node
        else: yield from checks(node)

def visible(text):
    "The characters of code, without indents and line ends"
    return sum(len(line.strip()) for line in text.splitlines())

def share_of_checks(cells):
    "The share of characters in these cells that are checks, 0 to 1"
    codes = [code_of(c) for c in cells]
    found = sum(visible(ast.get_source_segment(code, node)) for code in codes for node in checks(ast.parse(code)))
    return found / max(1, sum(map(visible, codes)))

def widths(cells):
    "Characters in each line of code"
    return [len(line) for c in cells for line in code_of(c).splitlines() if line.strip()]

def body_lines(function):
    "Lines of a function's body without its docstring"
    first = function.body[1:2] if ast.get_docstring(function) else function.body[:1]
    return function.body[-1].end_lineno - first[0].lineno + 1 if first else 0

def function_lengths(cells):
    "Lines of each function in these cells, methods and inner functions too"
    return [body_lines(n) for c in cells for n in ast.walk(ast.parse(code_of(c))) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]

def measure(nb):
    "The numbers of one notebook, as in the table"
    cells = exported(nb)
    wide, functions = sorted(widths(cells)) or [0], function_lengths(cells)
    return dict(checks=share_of_checks(cells), widest=wide[-1], w95=wide[int(.95*len(wide))],
                cell=max((len(c.source.splitlines()) for c in nb.cells), default=0), function=statistics.median(functions) if functions else 0)

def table(folder):
    "A row for each notebook in `folder`"
    rows = [f'{"notebook":16} {"module":12} {"checks":>7} {"widest":>7} {"95 %":>7} {"cell":>7} {"function":>9}']
    for path in series(folder):
        m = measure(read(path))
        rows.append(f'{path.stem:16} {module_of(path) or "–":12} {m["checks"]:7.1%} {m["widest"]:7} {m["w95"]:7} {m["cell"]:7} {m["function"]:9g}')
    return '\n'.join(rows)

if __name__ == '__main__':
    parser = ArgumentParser(description='Share of checks in exported code; its widest line and 95th percentile, in characters; the longest cell and the median function, in lines.')
    parser.add_argument('nbs', nargs='?', type=Path, default=ROOT/'nbs', help='folder with the notebooks')
    print(table(parser.parse_args().nbs))
