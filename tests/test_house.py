"The repository: settings, module, notebooks and README say the same."
import ast, re, shutil, subprocess, sys, sysconfig

import pytest
from packaging.requirements import Requirement
try: import tomllib
except ImportError: import tomli as tomllib

from conftest import ROOT
import notebooks, provenance, readme, write_pyproject

NOTEBOOKS = notebooks.series(ROOT/'nbs')
each_notebook = pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda p: p.stem)

def command(*args, **kw): return subprocess.run([shutil.which(args[0], path=sysconfig.get_path('scripts')), *args[1:]], **kw)

def texts(tree, pattern): return {p.name: p.read_text(encoding='utf-8') for p in tree.glob(pattern)}

def test_pyproject_says_what_settings_say():
    settings = write_pyproject.read_settings()
    text = (ROOT/'pyproject.toml').read_text(encoding='utf-8')
    assert text == write_pyproject.pyproject_text(settings), 'run `python tools/write_pyproject.py`'
    project = tomllib.loads(text)
    assert project['project']['name'] == settings['lib_name']
    assert project['project']['dependencies'] == settings['requirements'].split()
    assert project['project']['optional-dependencies']['dev'] == settings['dev_requirements'].split()
    assert project['project']['optional-dependencies']['docs'] == settings['docs_requirements'].split()
    assert project['tool']['nbdev']['nbs_path'] == settings['nbs_path']
    assert settings['version'] in (ROOT/settings['lib_name']/'__init__.py').read_text()

@pytest.mark.parametrize('key', ['version', 'description', 'requirements', 'dev_requirements', 'docs_requirements', 'nbs_path', 'git_url', 'keywords'])
def test_a_changed_setting_is_noticed(key, tree):
    settings = write_pyproject.read_settings()
    changed = {**settings, key: settings[key] + 'x'}
    if key == 'version':
        write_pyproject.write_version(changed, tree)
        assert changed['version'] in (tree/'fastbook_sgd'/'__init__.py').read_text() != (ROOT/'fastbook_sgd'/'__init__.py').read_text()
    else: assert write_pyproject.pyproject_text(changed) != write_pyproject.pyproject_text(settings)

def test_no_dead_link_without_git_url():
    settings = write_pyproject.read_settings()
    assert ('[project.urls]' in write_pyproject.pyproject_text({**settings, 'git_url': ''})) is False
    assert 'Repository = "https://example.org/x"' in write_pyproject.pyproject_text({**settings, 'git_url': 'https://example.org/x'})

def test_module_is_in_step_with_the_notebooks(tree):
    command('nbdev-export', cwd=tree, check=True)
    assert texts(tree, 'fastbook_sgd/*.py') == texts(ROOT, 'fastbook_sgd/*.py'), 'run nbdev-export'

def test_notebooks_are_clean(tree):
    command('nbdev-clean', cwd=tree, check=True)
    before, after = texts(ROOT, 'nbs/*.ipynb'), texts(tree, 'nbs/*.ipynb')
    assert [name for name in before if before[name] != after[name]] == [], 'run nbdev-clean'

@each_notebook
def test_outputs_come_from_this_code(path):
    nb = notebooks.read(path)
    made_by = nb.metadata.get('fastbook_sgd')
    assert made_by, 'run `make prepare`: nothing says what the saved outputs came from'
    assert made_by['data'] == 'mnist_sample' and made_by['versions'].keys() == {'torch', 'fastai', 'fastbook_sgd'}
    assert made_by['code'] == provenance.code_hash(nb), 'code has changed since the outputs were saved: run `make prepare`'

def test_code_hash_sees_code_and_imports_not_prose(tree):
    path, lib = tree/'nbs'/'03_optimizer.ipynb', tree/'fastbook_sgd'
    nb = notebooks.read(path)
    before = provenance.code_hash(nb, tree)
    nb.cells[0].source += ' More prose.'
    assert provenance.code_hash(nb, tree) == before
    notebooks.code_cells(nb)[3].source += '\n1'
    assert provenance.code_hash(nb, tree) != before
    nb = notebooks.read(path)
    for module, counts in [('linear', True), ('learner', False)]:  # descent imports linear; nothing in 03 imports learner
        (lib/f'{module}.py').write_text((lib/f'{module}.py').read_text(encoding='utf-8') + '\n#', encoding='utf-8')
        assert (provenance.code_hash(nb, tree) != before) is counts
        (lib/f'{module}.py').write_text((ROOT/'fastbook_sgd'/f'{module}.py').read_text(encoding='utf-8'), encoding='utf-8')

@each_notebook
def test_saved_outputs_are_whole_and_small(path):
    nb = notebooks.read(path)
    outputs = [o for cell in notebooks.code_cells(nb) for o in cell.outputs]
    assert outputs and not [o for o in outputs if o.output_type == 'error' or o.get('name') == 'stderr']
    assert not [o for o in outputs if '\r' in o.get('text', '') + ''.join(map(str, o.get('data', {}).values()))] and path.stat().st_size < 500_000

@each_notebook
def test_pictures_have_alt_texts(path):
    for cell in notebooks.code_cells(notebooks.read(path)):
        if any('image/png' in o.get('data', {}) for o in cell.outputs): assert re.search(r'^#\| fig-alt: .{30,}', cell.source, flags=re.M), cell.source

def test_readme_is_the_index():
    text, pictures = readme.readme_parts(notebooks.read(ROOT/'nbs'/'index.ipynb'))
    assert (ROOT/'README.md').read_text(encoding='utf-8') == text, 'run `python tools/readme.py`'
    assert pictures and all((ROOT/name).read_bytes() == data for name, data in pictures.items())
    links = re.findall(r'\]\((?!\w+:|#)([^)]+)\)', text)
    assert links and not [link for link in links if not (ROOT/link).exists()]

def third_party(path):
    names = {n.split('.')[0] for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
             for n in ([a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ''] if isinstance(node, ast.ImportFrom) and not node.level else [])}
    return names - set(sys.stdlib_module_names) - {'fastbook_sgd', ''}

def test_requirements_are_what_is_imported():
    package_of = {'PIL': 'pillow', 'sklearn': 'scikit-learn'}
    imported = {package_of.get(n, n) for p in (ROOT/'fastbook_sgd').glob('*.py') for n in third_party(p)}
    required = {Requirement(r).name for r in write_pyproject.read_settings()['requirements'].split()}
    assert imported - required == set()
    assert required - imported == {'jupyter'}        # what the reader opens the notebooks with

@pytest.mark.parametrize('module', ['optimizer', 'linear', 'descent', 'momentum', 'adaptive', 'muon', 'optim', 'fast'])
def test_the_heart_needs_torch_alone(module):
    code = f'import sys, fastbook_sgd.{module}; print([n for n in sys.modules if n.split(".")[0] in ("fastai","fastcore","matplotlib","pandas","sklearn","torchvision")])'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip() == '[]'

def test_package_imports_nothing():
    code = 'import sys, fastbook_sgd; print("torch" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip() == 'False'

def pins():
    lines = (ROOT/'constraints.txt').read_text(encoding='utf-8').splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith('#')]

def test_constraints_are_exact_and_name_what_matters():
    assert {'torch', 'fastai', 'nbdev', 'jupyterlab', 'numpy'} <= {p.name for p in pins()}
    assert all([s.operator for s in p.specifier] == ['=='] for p in pins())

def test_saved_outputs_were_executed_with_the_constraints():
    pinned = {p.name: p.specifier for p in pins() if not p.marker}
    for path in NOTEBOOKS:
        for name, v in notebooks.read(path).metadata.fastbook_sgd.versions.items():
            if name in pinned: assert pinned[name].contains(v.split('+')[0]), f'{path.name}: {name} {v}'

def schema_check(*paths):
    return command('check-jsonschema', '--builtin-schema', 'vendor.github-workflows', *paths, capture_output=True, text=True)

def test_every_planted_fault_has_its_place():
    from plant_faults import FAULTS, exported
    cells = {path.stem: [c.source + '\n' for c in exported(notebooks.read(path))] for path in (ROOT/'nbs').glob('*.ipynb')}
    assert [(name, old) for name, old, _ in FAULTS if sum(old in source for source in cells[name]) != 1] == [], 'the code has changed: change tools/plant_faults.py with it'

def test_workflows_fit_their_schema(tmp_path):
    paths = sorted((ROOT/'.github'/'workflows').glob('*.yml'))
    assert paths and schema_check(*paths).returncode == 0, schema_check(*paths).stdout
    broken = tmp_path/'broken.yml'
    broken.write_text(paths[0].read_text(encoding='utf-8').replace('runs-on:', 'runs-at:'), encoding='utf-8')
    assert schema_check(broken).returncode != 0

def test_a_check_for_every_four_exported_lines():
    exported = checks = 0
    for path in NOTEBOOKS:
        for cell in notebooks.code_cells(notebooks.read(path)):
            if re.search(r'^#\| export$', cell.source, flags=re.M): exported += len([l for l in cell.source.splitlines() if l.strip() and not l.startswith(('#', 'import', 'from'))])
            else: checks += len(re.findall(r'\btest_\w+\(', cell.source))
    checks += sum(len(re.findall(r'^\s*(?:for .*: |with .*: )?(?:assert |test_\w+\()|pytest\.raises', p.read_text(encoding='utf-8'), flags=re.M)) for p in (ROOT/'tests').glob('test_*.py') if p.stem in ('test_data', 'test_seed', 'test_parity', 'test_callbacks', 'test_optim', 'test_optim_errors', 'test_resume', 'test_drop_in'))
    print(f'{checks} checks, {exported} exported lines')
    assert checks*4 >= exported, f'{checks} checks for {exported} exported lines'
