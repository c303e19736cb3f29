"""Does the package work with the versions at hand? Import every module, try every optimizer, take the first look, run two files of tests (some minutes),
and print a row for the table in CONTRIBUTING.md. With torch and numpy alone it tries what needs no more."""
from argparse import ArgumentParser
from datetime import date
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
import os
import platform
import re
import subprocess
import sys
import tempfile

ROOT = Path(__file__).resolve().parent.parent
LEAN = ['optim', 'base', 'drivers', 'compose', 'optimizer', 'linear', 'descent', 'saving', 'checks', 'testing']   # they need torch alone
TESTS = ['tests/test_optim.py', 'tests/test_parity.py']
SHOWN = ['torch', 'numpy', 'fastai', 'pandas', 'matplotlib', 'scikit-learn']

def has(*names):
    "Are all of these installed?"
    return all(map(find_spec, names))

def version_of(name):
    "A package's version, or a dash"
    try: return version(name)
    except PackageNotFoundError: return '–'

def import_all():
    "Import every module that can be here, and count them"
    names = [p.stem for p in sorted((ROOT/'fastbook_sgd').glob('*.py')) if not p.stem.startswith('__')] if has('fastai') else LEAN
    for name in names: import_module(f'fastbook_sgd.{name}')
    return f'{len(names)} modules'

def try_optimizers():
    "Every optimizer keeps what `check_optimizer` asks, under every driver that it has"
    from fastbook_sgd import base, drivers, optim, testing
    tried = [(getattr(optim, name), driver) for name in optim.__all__ if name != 'Optimizer' for driver in base.DRIVERS
             if getattr(optim, name).elementwise or driver == 'each']
    for cls, driver in tried: testing.check_optimizer(lambda params, cls=cls, driver=driver, **kw: cls(params, driver=driver, **kw), shapes=((3, 4), (5, 2)))
    return f'{len(tried)} pairs of optimizer and driver'

def asked(*command):
    "What a command of this Python prints; stops where it fails"
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'FASTBOOK_SGD_DATA': 'digits', 'PYTHONIOENCODING': 'utf-8'}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, *command], cwd=ROOT if 'pytest' in command else folder, env=env,
                              capture_output=True, text=True, encoding='utf-8')
    if done.returncode: sys.exit(f'{" ".join(command)} failed:\n{done.stdout}{done.stderr}')
    return done.stdout

def first_look():
    "`python -m fastbook_sgd`, as far as its accuracy"
    return f"first look {re.search(r'[0-9.]+%', asked('-m', 'fastbook_sgd'))[0]}"

def run_tests():
    "The files in `TESTS`, and what pytest counts"
    return re.search(r'\d+ passed', asked('-m', 'pytest', '-q', '-p', 'no:cacheprovider', *TESTS))[0]

def results(tests=True):
    "What each part says"
    yield import_all()
    yield try_optimizers()
    if has('fastai', 'sklearn', 'matplotlib'): yield first_look()
    if tests and has('fastai', 'pytest', 'hypothesis', 'lion_pytorch'): yield run_tests()

def main(tests):
    "Try all, and print the row"
    said = ', '.join(results(tests))
    shown = ' | '.join(version_of(name).split('+')[0] for name in SHOWN)
    print(f'| {date.today()} | {platform.system()} | {platform.python_version()} | {shown} | {said} |')

if __name__ == '__main__':
    sys.path.insert(0, str(ROOT))
    sys.stdout.reconfigure(encoding='utf-8')
    parser = ArgumentParser(description=__doc__)
    parser.add_argument('--no-tests', action='store_true', help='leave the tests out')
    main(not parser.parse_args().no_tests)
