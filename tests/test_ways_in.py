"The ways in: `python -m fastbook_sgd`, a wheel with the notebooks, and an editor that knows."
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
import json, os, re, shutil, subprocess, sys, zipfile

import jedi
from packaging.requirements import Requirement
import pytest

from conftest import ROOT
from fastbook_sgd import optim
import notebooks, stubs, write_pyproject

OPTIMIZERS = [name for name in optim.__all__ if name != 'Optimizer']

def test_the_stub_is_in_step_with_the_rules():
    assert stubs.STUB.read_text(encoding='utf-8') == stubs.stub_text(), 'run `python tools/stubs.py`'
    assert stubs.ALL_STUB.read_text(encoding='utf-8') == stubs.all_stub_text(), 'run `python tools/stubs.py`'

TYPED = ROOT/'tests'/'typed'
MARKED = {i for i, line in enumerate((TYPED/'wrong.py').read_text(encoding='utf-8').splitlines(), 1) if line.endswith('# wrong')}

def every_name(folder):
    "A script that reads every public name"
    modules = [p.stem for p in sorted((ROOT/'fastbook_sgd').glob('*.py')) if not p.stem.startswith('_') and p.stem != 'all']
    names = {m: getattr(import_module(f'fastbook_sgd.{m}'), '__all__', []) for m in modules}
    lines = [line for m in modules if names[m] for line in (f'from fastbook_sgd import {m}', *(f'{m}.{n}' for n in names[m]))]
    (folder/'names.py').write_text('\n'.join(lines) + '\n', encoding='utf-8')
    assert sum(map(len, names.values())) > 400
    return folder/'names.py'

def same_lines(text):
    "Does a checker refuse the marked lines of wrong.py, and nothing else?"
    found = [(Path(m[1]).name, int(m[2])) for m in re.finditer(r'^\s*(\S+\.py):(\d+):.*?\berror\b', text, flags=re.M)]
    assert {*found} == {('wrong.py', i) for i in MARKED}, text

def test_mypy_takes_what_is_right_and_refuses_what_is_wrong(tmp_path):
    pytest.importorskip('mypy')
    checked = [sys.executable, '-m', 'mypy', '--config-file', TYPED/'mypy.ini', '--cache-dir', ROOT/'.mypy_cache', TYPED/'right.py', TYPED/'wrong.py', every_name(tmp_path)]
    done = subprocess.run(checked, env={**os.environ, 'MYPYPATH': str(ROOT)}, cwd=tmp_path, capture_output=True, text=True)
    same_lines(done.stdout + done.stderr)

@pytest.mark.skipif(not shutil.which('pyright'), reason='pyright is not installed (npm install -g pyright)')
def test_pyright_takes_what_is_right_and_refuses_what_is_wrong(tmp_path):
    every_name(tmp_path)
    for p in TYPED.iterdir(): shutil.copy(p, tmp_path)
    config = json.loads((TYPED/'pyrightconfig.json').read_text(encoding='utf-8')) | {'extraPaths': [str(ROOT)]}
    (tmp_path/'pyrightconfig.json').write_text(json.dumps(config))
    done = subprocess.run([shutil.which('pyright'), '-p', tmp_path, '--pythonpath', sys.executable], capture_output=True, text=True)
    same_lines(done.stdout + done.stderr)

@pytest.mark.parametrize('name', OPTIMIZERS)
def test_an_editor_shows_each_hyper_parameter_with_its_default(name):
    text = f'from fastbook_sgd import optim\noptim.{name}('
    shown, = jedi.Script(text, project=jedi.Project(ROOT)).get_signatures(2, len(text.splitlines()[1]))
    said = {p.name: p.description for p in shown.params}
    takes = signature(getattr(optim, name)).parameters
    assert [n for n in said if n] == [*takes]
    for p in takes.values():
        if p.default is not Parameter.empty: assert said[p.name].endswith(f'={p.default!r}'), said[p.name]
    assert 'Learning rate, at least 0' in shown.docstring()

@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    "What a wheel holds, unpacked into an empty folder"
    folder = tmp_path_factory.mktemp('wheel')
    source = folder/'source'
    source.mkdir()
    names = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split('\n')
    for name in names:
        if name.startswith(('fastbook_sgd/', 'nbs/', 'pyproject.toml', 'README.md', 'LICENSE')) and (ROOT/name).exists():
            (source/name).parent.mkdir(parents=True, exist_ok=True)
            (source/name).write_bytes((ROOT/name).read_bytes())
    build = [sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '--no-build-isolation', '--no-index', '-w', folder, source]
    subprocess.run(build, check=True, capture_output=True)
    packed, = folder.glob('*.whl')
    with zipfile.ZipFile(packed) as z: z.extractall(folder/'site')
    return folder/'site'

def ask(wheel, folder, *args):
    "`python -m fastbook_sgd` with nothing of ours but the wheel"
    env = {**os.environ, 'PYTHONPATH': str(wheel), 'FASTBOOK_SGD_DATA': 'digits'}
    return subprocess.run([sys.executable, '-m', 'fastbook_sgd', *args], cwd=folder, env=env, capture_output=True, text=True, encoding='utf-8')

def test_from_a_wheel_alone_lesson_02_runs(wheel, tmp_path, monkeypatch):
    done = ask(wheel, tmp_path, 'notebooks', 'here')
    assert done.returncode == 0, done.stderr
    assert [p.name for p in notebooks.series(tmp_path/'here')] == [p.name for p in notebooks.series(ROOT/'nbs')]
    monkeypatch.setenv('PYTHONPATH', str(wheel))
    monkeypatch.setenv('FASTBOOK_SGD_DATA', 'digits')
    nb = notebooks.read(tmp_path/'here'/'02_descent.ipynb')
    nb.cells.append(notebooks.nbformat.v4.new_code_cell('import fastbook_sgd; print(fastbook_sgd.__file__)'))
    notebooks.execute(nb, tmp_path/'here')
    assert nb.cells[-1].outputs[0].text.startswith(str(wheel))

def test_from_a_wheel_alone_the_first_look(wheel, tmp_path):
    done = ask(wheel, tmp_path)
    assert done.returncode == 0, done.stderr
    assert '291 images of digits' in done.stdout and (tmp_path/'weights.png').stat().st_size > 1000
    done = ask(wheel, tmp_path, 'info')
    assert str(wheel/'fastbook_sgd'/'notebooks') in done.stdout and 'digits (FASTBOOK_SGD_DATA says so)' in done.stdout

@pytest.mark.parametrize('args, said', [(['notebooks', '.'], 'nothing is written over'), (['--picture', 'no/such/folder.png'], "can't be a picture")])
def test_what_goes_wrong_is_one_line(wheel, tmp_path, args, said):
    (tmp_path/'00_data.ipynb').write_text('mine')
    done = ask(wheel, tmp_path, *args)
    assert done.returncode == 1 and said in done.stderr and done.stderr.count('\n') == 1
    assert [p.name for p in tmp_path.iterdir()] == ['00_data.ipynb'] and (tmp_path/'00_data.ipynb').read_text() == 'mine'

def test_files_for_editors_and_binder_say_what_the_project_says():
    for name in ('.vscode/settings.json', '.vscode/extensions.json', '.devcontainer/devcontainer.json'): json.loads((ROOT/name).read_text(encoding='utf-8'))
    assert 'make install' in (ROOT/'.devcontainer'/'devcontainer.json').read_text() and '\ninstall:' in (ROOT/'Makefile').read_text()
    assert (ROOT/'binder'/'requirements.txt').read_text().split() == ['-c', '../constraints.txt', '-e', '.[series]']

@pytest.mark.parametrize('settings, package, both', [('0.1.0', '0.1.1', '0.1.1'), ('0.2.0', '0.1.9', '0.2.0'), ('0.9.0', '0.10.0', '0.10.0')])
def test_either_way_of_raising_the_version_is_kept(tmp_path, settings, package, both):
    (tmp_path/'fastbook_sgd').mkdir()
    (tmp_path/'settings.ini').write_text(f'[DEFAULT]\nlib_name = fastbook_sgd\nversion = {settings}\n')
    (tmp_path/'fastbook_sgd'/'__init__.py').write_text(f'"A text"\n__version__ = "{package}"\n')
    write_pyproject.write_version(write_pyproject.follow_bump(tmp_path), tmp_path)
    assert write_pyproject.read_settings(tmp_path)['version'] == both == write_pyproject.version_in(tmp_path/'fastbook_sgd'/'__init__.py')

PYTHONS, SYSTEMS = ['3.10.0', '3.11.0', '3.11.2', '3.11.7', '3.12.1', '3.13.0', '3.14.0'], ['linux', 'darwin', 'win32']

@pytest.mark.parametrize('python', PYTHONS)
@pytest.mark.parametrize('system', SYSTEMS)
def test_the_lock_has_one_pin_for_each_requirement_everywhere(python, system):
    here = dict(python_full_version=python, python_version='.'.join(python.split('.')[:2]), sys_platform=system, implementation_name='cpython',
                platform_machine='arm64' if system == 'darwin' else 'x86_64', os_name='nt' if system == 'win32' else 'posix',
                platform_system=dict(linux='Linux', darwin='Darwin', win32='Windows')[system], platform_python_implementation='CPython')
    lines = [Requirement(line) for line in (ROOT/'constraints.txt').read_text(encoding='utf-8').splitlines() if line and not line.startswith('#')]
    pins = [r for r in lines if not r.marker or r.marker.evaluate(here)]
    assert len({r.name for r in pins}) == len(pins), 'two pins for one package'
    pinned = {r.name: str(r.specifier).removeprefix('==') for r in pins}
    settings = write_pyproject.read_settings()
    for wanted in (Requirement(r) for key in settings if key.endswith('requirements') for r in settings[key].split()):
        assert wanted.specifier.contains(pinned[wanted.name]), wanted

def test_where_nothing_can_be_written_a_run_says_so_in_one_line(tmp_path):
    (tmp_path/'taken').write_text('a file')
    done = subprocess.run([sys.executable, ROOT/'tools'/'run_series.py', ROOT/'nbs', tmp_path/'taken', '--only', '02'], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count('\n') == 1 and 'may it be written?' in done.stderr, done.stderr

@pytest.mark.skipif(not shutil.which('make'), reason='make is not installed')
def test_an_old_python_is_named_before_anything_is_installed(tree):
    old = tree/'old.py'
    old.write_text("import sys; sys.version, sys.version_info = '3.8.18 (old)', (3, 8, 18); exec(sys.argv[2])")
    done = subprocess.run(['make', 'install', f'PYTHON={sys.executable} {old}'], cwd=tree, capture_output=True, text=True)
    assert done.returncode and done.stderr.splitlines()[0].startswith('Python 3.10 or later is needed') and '3.8.18' in done.stderr
    assert not (tree/'.venv').exists()
    assert f"({write_pyproject.read_settings()['min_python'].replace('.', ', ')})" in (tree/'Makefile').read_text(encoding='utf-8')
