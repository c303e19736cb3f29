"Pieces that several tests share."
from pathlib import Path
import shutil, subprocess, sys

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT/'tools'))

@pytest.fixture
def tree(tmp_path):
    "A copy of the files that git would carry, to change at will"
    files = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split('\n')
    for name in filter(None, files):
        if not (ROOT/name).exists(): continue
        (tmp_path/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT/name, tmp_path/name)
    return tmp_path

DIFFERENCES = {}

@pytest.fixture(scope='session')
def record():
    "Remembers the largest difference between two optimizers, and counts the cases, for the last lines of a run"
    def remember(what, difference):
        largest, cases = DIFFERENCES.get(what, (0., 0))
        DIFFERENCES[what] = max(largest, difference), cases + 1
    return remember

def pytest_terminal_summary(terminalreporter):
    for library in dict.fromkeys(library for library, _ in DIFFERENCES):
        each = ', '.join(f'{name} {largest:.2g} ({cases} cases)' for (other, name), (largest, cases) in DIFFERENCES.items() if other == library)
        terminalreporter.write_line(f'largest relative difference to {library}: {each}')
