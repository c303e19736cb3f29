"Notebooks as files: find them, execute one in a real kernel, and say what its outputs came from."
from hashlib import sha256
from pathlib import Path
import ast, re

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
LIB = 'fastbook_sgd'

def series(folder=ROOT/'nbs'):
    "The lessons in order, then the index"
    return sorted(Path(folder).glob('[0-9]*.ipynb')) + sorted(Path(folder).glob('index.ipynb'))

def read(path): return nbformat.read(path, as_version=4)

def write(nb, path):
    "Save with the same line endings on every system"
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(nbformat.writes(nb) + '\n', encoding='utf-8', newline='\n')

def code_cells(nb): return [cell for cell in nb.cells if cell.cell_type == 'code']

def execute(nb, folder, on_cell=None):
    "Run all cells of `nb` in a Jupyter kernel of its own, started in `folder`; `on_cell` is called after each"
    hooks = dict(on_cell_executed=lambda **kw: on_cell()) if on_cell else {}
    NotebookClient(nb, timeout=600, kernel_name='python3', resources={'metadata': {'path': str(folder)}},
                   extra_arguments=['--log-level=ERROR'], **hooks).execute()

def imported_modules(source, package=LIB):
    "Names of the package's modules that Python source imports"
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            module = f'{package}.{node.module or ""}' if node.level else node.module or ''
            found |= {module} | {f'{module}.{alias.name}' for alias in node.names}
        if isinstance(node, ast.Import): found |= {alias.name for alias in node.names}
    return {name.split('.')[1] for name in found if name.startswith(package + '.') and name.split('.')[1]}

def plain_python(source):
    "The source without the lines that only IPython understands"
    return re.sub(r'^\s*[%!].*$', '', source, flags=re.M)

def code_hash(nb, lib=ROOT/LIB):
    "Fingerprint of a notebook's code and of every module of ours that it imports, directly or not"
    own = '\n'.join(cell.source for cell in code_cells(nb))
    todo, texts = imported_modules(plain_python(own)), {}
    while todo:
        name = todo.pop()
        path = lib/f'{name}.py'
        if name in texts or not path.exists(): continue
        texts[name] = path.read_text(encoding='utf-8')
        todo |= imported_modules(texts[name])
    return sha256('\n'.join([own, *(texts[name] for name in sorted(texts))]).encode()).hexdigest()[:16]
