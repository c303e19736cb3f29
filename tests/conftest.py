"Pieces that several tests share."
from pathlib import Path
import os, shutil, subprocess, sys

from hypothesis.internal.conjecture import providers
import pytest

# The same cases each time: hypothesis would mix in numbers from whatever modules of ours happen to be loaded.
if hasattr(providers, '_get_local_constants'):
    nothing = type(providers._local_constants)()
    providers._get_local_constants = lambda: nothing

ROOT = Path(__file__).resolve().parent.parent
COMPILER = any(map(shutil.which, ('g++', 'c++', 'clang++', 'cl')))   # driver 'fused' compiles the rules that torch has no kernel for
sys.path.insert(0, str(ROOT/'tools'))
os.environ['FASTBOOK_SGD_PRACTICE'] = 'none'     # what the reader has solved is the reader's

@pytest.fixture
def tree(tmp_path):
    "A copy of the files that git would carry, to change at will"
    files = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split('\n')
    for name in filter(None, files):
        if not (ROOT/name).exists(): continue
        (tmp_path/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT/name, tmp_path/name)
    return tmp_path

@pytest.fixture(scope='session')
def site():
    "The address of the site, built and served"
    from sites import OUT, build_once, serve
    build_once()
    server, url = serve(OUT)
    yield url
    server.shutdown()

@pytest.fixture(scope='session')
def browser():
    "Chromium, for all tests of a process"
    from sites import CHROMIUM
    from playwright.sync_api import sync_playwright
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        yield browser
        browser.close()

# The long files first, so that no process is left with one of them at the end.
LONG = ['test_site', 'test_site_build', 'test_play', 'test_driver_sequences', 'test_practice', 'test_interrupts', 'test_ways_in', 'test_run_series', 'test_practice_site', 'test_data']

def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))

# Files of rules and numbers, the same whatever the source of the digits: a second pass on another source need not run them again.
NO_SOURCE = ['test_drivers', 'test_situations', 'test_driver_events', 'test_driver_rules', 'test_driver_sequences', 'test_optim',
             'test_optim_errors', 'test_parity', 'test_odd_values', 'test_resume', 'test_interrupts', 'test_practice', 'test_callbacks',
             'test_race_bad_input', 'test_first_lessons_bad_input', 'test_bench', 'test_old_names']
if os.environ.get('FASTBOOK_SGD_PASS') == 'second': collect_ignore = [f'{name}.py' for name in NO_SOURCE]

@pytest.fixture(autouse=True)
def no_source(request, monkeypatch):
    "Such a file would fail if it read digits from the source of the day"
    if request.path.stem in NO_SOURCE: monkeypatch.setenv('FASTBOOK_SGD_DATA', 'no source')

DIFFERENCES = {}

def remember(what, difference, cases=1):
    "Keep the largest difference between two optimizers, and count the cases"
    largest, seen = DIFFERENCES.get(what, (0., 0))
    DIFFERENCES[what] = max(largest, difference), seen + cases

@pytest.fixture(scope='session')
def record(): return remember

def pytest_sessionfinish(session):
    "A worker of pytest-xdist hands over what it remembers"
    if hasattr(session.config, 'workeroutput'): session.config.workeroutput['differences'] = [(what, *seen) for what, seen in DIFFERENCES.items()]

@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    for what, largest, cases in getattr(node, 'workeroutput', {}).get('differences', []): remember(tuple(what), largest, cases)

def pytest_terminal_summary(terminalreporter):
    for library in dict.fromkeys(library for library, _ in DIFFERENCES):
        each = ', '.join(f'{name} {largest:.2g} ({cases} cases)' for (other, name), (largest, cases) in DIFFERENCES.items() if other == library)
        terminalreporter.write_line(f'largest relative difference to {library}: {each}')
