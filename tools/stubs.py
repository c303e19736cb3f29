"""Write fastbook_sgd/optim.pyi, by which an editor knows each optimizer's hyper-parameters, and fastbook_sgd/all.pyi, by which mypy knows
the names of `from fastbook_sgd.all import *`, which a program gathers and doesn't write down (`make prepare`).

An optimizer takes what its rule takes, and says so in `__signature__`. A program sees that; an editor, which reads and doesn't run, sees
`*args, **hypers`. mypy's stubgen reads too, and would write the same."""
from inspect import Parameter, signature
from textwrap import indent
import ast

from fastcore.docments import docments

from notebooks import ROOT

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

def all_stub_text():
    "The imports of all.py. In a stub, what is imported with a star or `as` itself is handed on."
    found = [node for node in ast.parse((ROOT/'fastbook_sgd'/'all.py').read_text(encoding='utf-8')).body if isinstance(node, ast.ImportFrom)]
    for node in found:
        for a in node.names: a.asname = a.name if a.name != '*' else None
    return '# Written by tools/stubs.py from all.py: edit nbs/index.ipynb, not this file.\n' + ''.join(f'{ast.unparse(node)}\n' for node in found)

def main():
    "Write the files"
    STUB.write_text(stub_text(), encoding='utf-8', newline='\n')
    ALL_STUB.write_text(all_stub_text(), encoding='utf-8', newline='\n')

if __name__ == '__main__': main()
