"""Write constraints.txt for every Python and system that is promised: `python tools/lock.py`, with uv installed (`pip install uv`).

Pins that are there stay, as far as they can: they are what was last executed (`make prepare` with `--freeze`). uv adds what another Python or
system needs, with its marker. `--check` changes nothing, and asks whether each of them can be resolved with the pins."""
from argparse import ArgumentParser
from subprocess import run
import os
import shutil
import sys

from notebooks import ROOT
from write_pyproject import read_settings

HEAD = '''# The exact versions that the series was last executed with, and what other Pythons and systems take in their place.
# Written by tools/lock.py; `python tools/prepare.py --freeze` brings the versions up to what is installed.
'''
PYTHONS = ['3.10.0', '3.11.0', '3.11.2', '3.11.7', '3.12', '3.13', '3.14']    # Debian 12 has 3.11.2
SYSTEMS = ['x86_64-manylinux_2_28', 'aarch64-apple-darwin', 'x86_64-pc-windows-msvc']
LEFT_OUT = ['setuptools', 'wheel']        # the installers' own

def uv(*args):
    "Run uv, or stop"
    found = shutil.which('uv') or sys.exit('uv is not installed: pip install uv')
    return run([found, 'pip', 'compile', '-q', '--no-annotate', '--no-header', 'pyproject.toml', *args], cwd=ROOT, capture_output=True, text=True,
               env={**os.environ, 'MACOSX_DEPLOYMENT_TARGET': '14.0'})       # torch's wheels ask for macOS 14 on Apple's own chips

def lock(path):
    "Write the pins to `path`, beginning from those that are in it"
    done = uv('--universal', '--python-version', read_settings()['min_python'], '--all-extras', '-o', path,
              *[word for name in LEFT_OUT for word in ('--no-emit-package', name)])
    if done.returncode: sys.exit(done.stderr)
    path.write_text(HEAD + path.read_text(encoding='utf-8'), encoding='utf-8', newline='\n')

def check(path):
    "Say of each Python and system whether its packages can be found with the pins"
    bad = 0
    for python in PYTHONS:
        for system in SYSTEMS:
            done = uv('--python-version', python, '--python-platform', system, '--all-extras', '-c', path, '--only-binary', ':all:')
            bad += done.returncode != 0
            print(python, system, 'no: ' + done.stderr if done.returncode else f'{len(done.stdout.splitlines())} packages', flush=True)
    return bad

if __name__ == '__main__':
    parser = ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true', help='change nothing, try every Python and system')
    path = ROOT/'constraints.txt'
    sys.exit(check(path) and 1) if parser.parse_args().check else lock(path)
