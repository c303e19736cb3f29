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
