"""Write fastbook_sgd/optim.pyi, by which an editor knows each optimizer's hyper-parameters, and fastbook_sgd/all.pyi, by which mypy knows
the names of `from fastbook_sgd.all import *`, which a program gathers and doesn't write down (`make prepare`).

An optimizer takes what its rule takes, and says so in `__signature__`. A program sees that; an editor, which reads and doesn't run, sees
`*args, **hypers`. mypy's stubgen reads too, and would write the same."""
from importlib import import_module
from inspect import Parameter, ismodule, signature
from textwrap import indent
import ast
import builtins
import re

from fastcore.docments import docments

from notebooks import ROOT, code_cells, read, series

STUB, ALL_STUB = ROOT/'fastbook_sgd'/'optim.pyi', ROOT/'fastbook_sgd'/'all.pyi'
HEAD = '''# Written by tools/stubs.py from the rules: edit those, not this one.
from collections.abc import Iterable
from typing import Any, Literal

from torch import Tensor

'''
FIRST = 'Iterable of tensors, of pairs (name, tensor), or of dicts with `params` and hyper-parameters of their own'
LAST = {'maximize': 'Climb instead of descending?', 'driver': 'How the rule is run: one parameter at a time, or faster'}
KINDS = {bool: 'bool', int: 'float', float: 'float', tuple: 'tuple[float, ...]', type(None): 'str | None'}

def kind_of(name, default):
    "The type to write for a hyper-parameter with this default"
    if name == 'params': return 'Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]]'
    if name == 'lr': return 'float | Tensor'
    if name == 'betas': return 'tuple[float, float]'
    if name == 'ns_coefficients': return 'tuple[float, float, float]'
    if name.endswith('steps'): return 'int'
    if name == 'driver': return f'Literal[{", ".join(map(repr, drivers()))}]'
    return KINDS[type(default)]

def drivers():
    "The names of the drivers"
    from fastbook_sgd.base import DRIVERS
    return [*DRIVERS]

def comments(cls):
    "What stands beside each argument of the rule"
    said = {name: (about or {}).get('docment') for name, about in docments(cls.rule, full=True).items()}
    return {'params': FIRST, **said, **LAST}

def argument(p):
    "One argument as it stands in a stub"
    return f'{p.name}: {kind_of(p.name, p.default)}' + ('' if p.default is Parameter.empty else f' = {p.default!r}')

def arguments(takes):
    "All of them, with the star before those that are given by name"
    text = []
    for p in takes.parameters.values():
        if p.kind is Parameter.KEYWORD_ONLY and '*' not in text: text.append('*')
        text.append(argument(p))
    return text

def class_stub(cls):
    "A class as an editor should see it"
    takes, said = signature(cls), comments(cls)
    about = '\n'.join(f'{name}: {said.get(name) or ""}'.rstrip(': ') for name in takes.parameters)
    doc = '\n'.join(x.strip() for x in cls.__doc__.splitlines())
    text = f'"""{doc}\n\n{about}"""'
    init = f'def __init__(self,\n' + ''.join(f'    {a},\n' for a in arguments(takes)) + ') -> None: ...'
    base = next(b.__name__ for b in cls.__mro__[1:] if b.__name__ in ('Adam', 'Optimizer') and b is not cls)
    return f'class {cls.__name__}({base}):\n{indent(text, "    ")}\n{indent(init, "    ")}\n'

def stub_text():
    "The whole file"
    from fastbook_sgd import optim
    classes = [c for name in optim.__all__ if (c := getattr(optim, name)) is not optim.Optimizer]
    homes = {}
    for c in classes: homes.setdefault(c.__module__.split('.')[-1], []).append(c.rule.__name__)
    imports = 'from .base import Optimizer as Optimizer\n' + ''.join(
        f'from .{home} import {", ".join(f"{r} as {r}" for r in rules)}\n' for home, rules in homes.items())
    names = f'__all__ = {optim.__all__!r}\n'
    return HEAD + imports + '\n' + names + '\n' + '\n'.join(map(class_stub, classes))

def free_names(path):
    "The names that a notebook's code cells read and nowhere bind"
    sources = [c.source for c in code_cells(read(path)) if not re.search('^[%!]', c.source, flags=re.M)]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    named = lambda kind: {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, kind)}
    bound = {getattr(n, 'asname', None) or getattr(n, 'name', None) or getattr(n, 'arg', None) for n in nodes
             if isinstance(n, (ast.alias, ast.arg, ast.FunctionDef, ast.ClassDef, ast.ExceptHandler))}
    return named(ast.Load) - named(ast.Store) - bound - {*vars(builtins)}

def alias(name, module):
    "A module under a name of its own, handed on"
    home, _, last = module.rpartition('.')
    if last == name: return f'from {home} import {name} as {name}\n' if home else f'import {name} as {name}\n'
    return f'import {module} as _{name}\n{name} = _{name}\n'

def handed_on(node, names):
    "An import as a stub says it: what is imported `as` itself is handed on. mypy doesn't read fastai, so the names in use are listed too"
    if node.names[0].name != '*': return ''.join(f'from {node.module} import {a.name} as {a.name}\n' for a in node.names)
    text = f'from {node.module} import *\n'
    if node.module.startswith('fastbook_sgd'): return text
    given = vars(import_module(node.module))
    now = sorted(names & given.keys())
    names -= {*now}
    modules = [n for n in now if ismodule(given[n])]
    return (''.join(alias(n, given[n].__name__) for n in modules) + text
            + ''.join(f'from {node.module} import {n} as {n}\n' for n in now if n not in modules))

def all_stub_text():
    "The imports of all.py, handed on"
    body = ast.parse((ROOT/'fastbook_sgd'/'all.py').read_text(encoding='utf-8')).body
    ours = {n for node in body if isinstance(node, ast.ImportFrom) and node.module.startswith('fastbook_sgd.')
            for n in getattr(import_module(node.module), '__all__', [])}
    names = set().union(*map(free_names, series(ROOT/'nbs'))) - ours
    return ('# Written by tools/stubs.py from all.py: edit nbs/index.ipynb, not this file.\n'
            + ''.join(handed_on(node, names) for node in body if isinstance(node, ast.ImportFrom)))

def main():
    "Write the files"
    STUB.write_text(stub_text(), encoding='utf-8', newline='\n')
    ALL_STUB.write_text(all_stub_text(), encoding='utf-8', newline='\n')

if __name__ == '__main__': main()
