"""What the saved outputs of a notebook came from: the code that made them, the versions, the data.

jupyter-cache hashes a notebook's own code cells, and keeps the outputs in a cache beside it. Ours stay in the notebook, and depend on the
modules that it imports as well, which are written by other notebooks: so the hash takes those in."""
from hashlib import sha256
from importlib.metadata import version
import ast

from IPython.core.inputtransformer2 import TransformerManager

from notebooks import ROOT, code_cells
from write_pyproject import read_settings

LIB = 'fastbook_sgd'

def imported_names(node):
    "The dotted names that an import statement may mean; for a module of ours, `.data` is `fastbook_sgd.data`"
    if isinstance(node, ast.Import): return [a.name for a in node.names]
    if not isinstance(node, ast.ImportFrom): return []
    base = '.'.join(filter(None, [LIB if node.level else None, node.module]))
    return [base] + [f'{base}.{a.name}' for a in node.names]

def our_modules(source):
    "The names of our modules which `source` imports"
    names = [name.split('.') for node in ast.walk(ast.parse(source)) for name in imported_names(node)]
    return {name[1] for name in names if name[0] == LIB and len(name) > 1}

def module_code(path):
    "The text of a module without its docstring, which comes from a notebook's prose"
    text = path.read_text(encoding='utf-8')
    body = ast.parse(text).body
    prose = body[0].end_lineno if body and ast.get_docstring(ast.parse(text)) is not None else 0
    return '\n'.join(text.splitlines()[prose:])

def module_codes(names, root=ROOT, found=None):
    "Text by name of the modules `names` and of all that they import in turn"
    found = {} if found is None else found
    for name in names:
        path = root/LIB/f'{name}.py'
        if name in found or not path.exists(): continue
        found[name] = module_code(path)
        module_codes(our_modules(found[name]), root, found)
    return found

def code_hash(nb, root=ROOT):
    "One short hash of the notebook's code cells and of every module of ours that they import"
    cells = ['\n'.join(c.source.splitlines()) for c in code_cells(nb)]
    plain = '\n'.join(TransformerManager().transform_cell(c) for c in cells)
    modules = module_codes(our_modules(plain), root)
    return sha256('\0'.join(cells + [f'{k}\n{modules[k]}' for k in sorted(modules)]).encode()).hexdigest()[:16]

def provenance(nb, data, root=ROOT):
    "What to record in the notebook's metadata"
    versions = {name: version(name) for name in ('torch', 'fastai')}
    return dict(code=code_hash(nb, root), versions={**versions, LIB: read_settings(root)['version']}, data=data)
