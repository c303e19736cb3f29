"The repository: settings, module, notebooks and README say the same, and each room of the house stands on its floor."
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
import ast, json, re, shutil, subprocess, sys, sysconfig

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
import pytest
from packaging.requirements import Requirement
try: import tomllib
except ImportError: import tomli as tomllib

from conftest import ROOT
import measure, notebooks, prepare, provenance, readme, write_pyproject

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
    assert project['project']['optional-dependencies']['series'] == settings['series_requirements'].split()
    assert project['project']['optional-dependencies']['dev'] == settings['dev_requirements'].split()
    assert project['project']['optional-dependencies']['docs'] == settings['docs_requirements'].split()
    assert project['tool']['nbdev']['nbs_path'] == settings['nbs_path']
    assert settings['version'] in (ROOT/settings['lib_name']/'__init__.py').read_text()

@pytest.mark.parametrize('key', ['version', 'description', 'requirements', 'series_requirements', 'dev_requirements', 'docs_requirements', 'nbs_path', 'git_url', 'keywords'])
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

@each_notebook
def test_outputs_name_no_place_of_a_machine(path):
    texts = [str(o.get('text', '')) + str(o.get('data', {}).get('text/plain', '')) for c in notebooks.read(path).cells if c.cell_type == 'code' for o in c.outputs]
    assert re.findall(r'(?<![\w.…])/(?:tmp|root|home|Users|work|var|private)/\S*', '\n'.join(texts)) == []

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

def a_picture(dpi, colours=9):
    "A picture as matplotlib saves one"
    from io import BytesIO
    from PIL import Image, ImageDraw
    image, out = Image.new('RGBA', (200, 100), 'white'), BytesIO()
    for i in range(colours): ImageDraw.Draw(image).ellipse((i*3, i, 90 + i*11 % 100, 90), outline=(i*29 % 256, i*57 % 256, i*91 % 256, 255))
    image.save(out, 'PNG', dpi=(dpi, dpi))
    return out.getvalue()

def test_pictures_have_two_pixels_a_point_and_few_colours(tmp_path):
    from base64 import b64encode
    from io import BytesIO
    from PIL import Image, ImageChops
    from nbformat.v4 import new_output
    fine, few = a_picture(200), prepare.lighter(a_picture(200))
    a, b = (Image.open(BytesIO(x)) for x in (fine, few))
    assert b.mode == 'P' and len(few) < len(fine) and round(b.info['dpi'][0]) == 200
    assert max(ImageChops.difference(a.convert('RGB'), b.convert('RGB')).getextrema()[0]) < 4
    film = BytesIO()
    a.convert('RGB').save(film, 'PNG', save_all=True, append_images=[b.convert('RGB')])
    assert prepare.lighter(film.getvalue()) == film.getvalue() and prepare.lighter(few) == few     # films, and what has few colours already
    shown = lambda data: readme.picture(b64encode(data).decode(), {'fig-alt': 'A "ring"'}, {})
    assert shown(a_picture(100)) == '![A "ring"](nbs/images/index_1.png)' and shown(few) == '<img src="nbs/images/index_1.png" width="100" alt="A &quot;ring&quot;">'
    nb = new_notebook(cells=[new_code_cell('import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()')])
    notebooks.execute(nb, tmp_path)
    output = next(o for o in nb.cells[0].outputs if 'image/png' in o.get('data', {}))
    width = Image.open(BytesIO(prepare.b64decode(output.data['image/png']))).size[0]
    assert abs(width/2 - output.metadata['image/png']['width']) <= 1

def test_readme_is_the_index():
    text, pictures = readme.readme_parts(notebooks.read(ROOT/'nbs'/'index.ipynb'))
    assert (ROOT/'README.md').read_text(encoding='utf-8') == text, 'run `python tools/readme.py`'
    assert pictures and all((ROOT/name).read_bytes() == data for name, data in pictures.items())
    links = re.findall(r'\]\((?!\w+:|#)([^)]+)\)', text)
    assert links and not [link for link in links if not (ROOT/link).exists()]

# The order of the notebooks

def test_names_tell_lessons_from_appendices(tmp_path):
    for name in ('index', '01_b', '00_a', '01a_c', 'B_y', 'A_x', 'b_none', '_2', 'scratch'): notebooks.write(new_notebook(), tmp_path/f'{name}.ipynb')
    stems = lambda paths: [p.stem for p in paths]
    assert stems(notebooks.lessons(tmp_path)) == ['00_a', '01_b', '01a_c'] and stems(notebooks.appendices(tmp_path)) == ['A_x', 'B_y']
    assert stems(notebooks.series(tmp_path)) == ['00_a', '01_b', '01a_c', 'A_x', 'B_y', 'index']
    assert [notebooks.page_of(n) for n in ('A_checks', '00_data.ipynb', 'nbs/05a_net.ipynb', 'index.ipynb')] == ['checks', 'data', 'net', 'index']
    assert [notebooks.number(n) for n in ('A_checks', '05a_net.ipynb', 'index')] == ['A', '05a', '']

def test_every_notebook_has_its_place_and_a_page_of_its_own():
    assert sorted(NOTEBOOKS) == sorted((ROOT/'nbs').glob('*.ipynb')), 'a name is NN_name for a lesson, X_name for an appendix, or index'
    pages, modules = [notebooks.page_of(p) for p in NOTEBOOKS], [m for m in map(notebooks.module_of, NOTEBOOKS) if m]
    assert len(set(pages)) == len(pages) and len(set(modules)) == len(modules)
    letters = ''.join(map(notebooks.number, notebooks.appendices(ROOT/'nbs')))
    assert letters == 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[:len(letters)]

def test_the_index_lists_every_notebook_in_order():
    text = '\n'.join(c.source for c in notebooks.read(ROOT/'nbs'/'index.ipynb').cells if c.cell_type == 'markdown')
    assert re.findall(r'^\| \[(\w+)\]\(\1\.ipynb\)', text, flags=re.M) == [p.stem for p in NOTEBOOKS[:-1]]

@pytest.mark.parametrize('path', ['fastbook_sgd/__init__.py', 'nbs/llms.txt'])
def test_the_package_says_what_it_is(path):
    text = (ROOT/path).read_text(encoding='utf-8')
    if path.endswith('.py'): text = ast.get_docstring(ast.parse(text))
    assert not re.search(r'^\s*(from|import) ', text, flags=re.M), 'an import list says nothing'
    rooms = [m for m in map(notebooks.module_of, NOTEBOOKS) if m and import_module(f'fastbook_sgd.{m}').__all__]    # `fast` only leads old names on
    assert len(rooms) > 15 and [m for m in rooms if f'`{m}`' not in text] == [], 'name each room in the last cell of index.ipynb'
    for start in ('from fastbook_sgd import optim', 'from fastbook_sgd.all import *'): assert start in text

# The floors of the house: a module imports from the floors below its own. Lessons stand on one floor, each above those before it.

LESSONS_FLOOR, SHIMS_FLOOR = 2, 3.5
FLOOR = dict(checks=0, moved=0, sources=1, saving=1, base=1, testing=1, exercise=1, javascript=1, drivers=3, answers_layer=3, answers_rules=3, answers_training=3, answers_own=3.1,
             practice=3.2, all=4)

def floors(root):
    "The floor of each module below `root`: as in the table, by the number of its lesson, or a shim's, which no notebook names as its own"
    order = [notebooks.module_of(p) for p in notebooks.lessons(root/'nbs')]
    names = [p.stem for p in (root/'fastbook_sgd').glob('*.py') if not p.stem.startswith('_')]
    return {n: FLOOR[n] if n in FLOOR else LESSONS_FLOOR + order.index(n)/len(order) if n in order else SHIMS_FLOOR for n in names}

def imports(root):
    "The modules of ours that each module below `root` imports, inside functions too"
    names = floors(root)
    code = lambda n: (root/'fastbook_sgd'/f'{n}.py').read_text(encoding='utf-8')
    return {n: provenance.our_modules(code(n)) & names.keys() for n in names}

def breaks(root):
    "What is wrong with the imports below `root`"
    floor, graph = floors(root), imports(root)
    lessons = {notebooks.module_of(p) for p in notebooks.lessons(root/'nbs')} - FLOOR.keys()
    found = [f'{n} imports {m}, which is a later lesson' if {n, m} <= lessons else f'{n} imports {m}, which stands on floor {floor[m]:g}, not below its own, {floor[n]:g}'
             for n in sorted(graph) for m in sorted(graph[n]) if floor[m] >= floor[n] and m != n]
    try: TopologicalSorter(graph).prepare()
    except CycleError as e: found.append('a circle: ' + ' → '.join(e.args[1][::-1]))
    return found

def test_every_import_leads_down():
    found = breaks(ROOT)
    assert not found, '\n'.join(found)

def drawn():
    "The floor of each module in the drawing of CONTRIBUTING.md, in its order"
    found, floor = {}, ''
    for line in re.search(r'```text\n(4  all.*?)```', (ROOT/'CONTRIBUTING.md').read_text(encoding='utf-8'), flags=re.S)[1].splitlines():
        floor = line[0].strip() or floor
        found |= {name: int(floor) for name in line[3:34].split()}
    return found

def test_contributing_draws_the_house():
    floor, order = drawn(), [notebooks.module_of(p) for p in notebooks.lessons(ROOT/'nbs')]
    assert floor == {n: int(f) for n, f in floors(ROOT).items()}
    assert [n for n in floor if floor[n] == LESSONS_FLOOR] == [n for n in order if n and n not in FLOOR]

def small_house(root, **modules):
    "A tree with two lessons and the modules of `modules`: their code by name"
    for folder in ('nbs', 'fastbook_sgd'): (root/folder).mkdir()
    for i, name in enumerate(['data', 'linear']):
        notebooks.write(new_notebook(cells=[new_markdown_cell('# A lesson'), new_code_cell(f'#| default_exp {name}')]), root/'nbs'/f'0{i}_{name}.ipynb')
    sound = dict(checks='import torch', base='from .checks import check_lr', data='from . import checks', linear='from fastbook_sgd.data import x',
                 drivers='from .base import y\nfrom .linear import z', fast='from .drivers import *', optim='from . import linear, drivers', all='from .optim import *')
    for name, code in (sound | modules).items(): (root/'fastbook_sgd'/f'{name}.py').write_text(code, encoding='utf-8')
    return root

def test_a_sound_house_has_no_breaks(tmp_path): assert breaks(small_house(tmp_path)) == []

@pytest.mark.parametrize('name,code,sign', [
    ('data', 'from .linear import x', 'data imports linear, which is a later lesson'),
    ('data', 'def f():\n    from fastbook_sgd.linear import x', 'data imports linear, which is a later lesson'),
    ('data', 'def f():\n    import fastbook_sgd.linear', 'data imports linear, which is a later lesson'),
    ('checks', 'from . import base', 'checks imports base, which stands on floor 1'),
    ('base', 'from fastbook_sgd.drivers import Flat', 'base imports drivers, which stands on floor 3'),
    ('base', 'from . import testing', 'base imports testing, which stands on floor 1, not below its own, 1'),
    ('linear', 'from .optim import SGD', 'linear imports optim'),
    ('linear', 'if True:\n    from .fast import Flat', 'linear imports fast'),
    ('optim', 'from . import all', 'optim imports all')])
def test_a_break_is_noticed(tmp_path, name, code, sign):
    found = breaks(small_house(tmp_path, **{'testing': '', name: code}))
    assert any(sign in f for f in found), found

@pytest.mark.parametrize('name,code,circle', [('data', 'from .linear import x', {'data', 'linear'}), ('checks', 'def f(): from .drivers import z', {'checks', 'base', 'drivers'})])
def test_a_circle_is_named(tmp_path, name, code, circle):
    named, = [f.removeprefix('a circle: ').split(' → ') for f in breaks(small_house(tmp_path, **{name: code})) if f.startswith('a circle')]
    assert name in named and named[0] == named[-1] and set(named) <= circle | {'data', 'linear'}

def loaded_by(code, names):
    "Which of the libraries in `names` a fresh process has loaded after `code`"
    code += f'\nimport sys; print(*sorted({{n.split(".")[0] for n in sys.modules}} & set({names!r})))'
    return subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()

def test_an_optimizer_needs_torch_alone():
    heavy = ['fastai', 'fastcore', 'matplotlib', 'pandas', 'sklearn', 'torchvision', 'IPython']
    assert loaded_by('import torch\nfrom fastbook_sgd import optim\noptim.SGD([torch.ones(2, requires_grad=True)], lr=.1)', heavy) == []
    assert loaded_by('import pandas', heavy) == ['pandas']

# How the notebooks read

def test_exported_lines_fit_a_page():
    wide = [f'{path.stem}, cell {c.id}: {len(line)}: {line.strip()[:60]}…' for path in NOTEBOOKS for c in notebooks.exported(notebooks.read(path))
            for line in measure.code_of(c).splitlines() if len(line) > measure.WIDEST]
    assert not wide, f'{len(wide)} lines over {measure.WIDEST} characters:\n' + '\n'.join(wide)

def test_cells_fit_a_page():
    long = [f'{path.stem}, cell {c.id}: {len(c.source.splitlines())} lines' for path in NOTEBOOKS for c in notebooks.read(path).cells if len(c.source.splitlines()) > measure.LONGEST]
    assert not long, f'{len(long)} cells over {measure.LONGEST} lines:\n' + '\n'.join(long)

def test_lessons_hold_ideas_not_checks():
    shares = {path.stem: measure.share_of_checks(notebooks.exported(notebooks.read(path))) for path in notebooks.lessons(ROOT/'nbs')}
    heavy = [f'{name}: {share:.1%}' for name, share in shares.items() if share > measure.MOST]
    assert not heavy, f'the exported code of these lessons is more than {measure.MOST:.0%} checks, which belong into an appendix:\n' + '\n'.join(heavy)

def test_what_is_measured():
    cell = lambda *lines: new_code_cell('\n'.join(lines))
    check = cell('#| export', 'def check_x(x):', '    if x < 0: raise ValueError(x)')
    idea = cell('#| export', 'def double(x):', '    "Twice"', '    return 2*x', 'class A:', '    def f(self): pass')
    mixed = cell('#| export', 'def f(x):', '    assert x', '    if x:', '        raise ValueError', '    else: x = 1', '    return x')
    share = lambda *cells: round(measure.share_of_checks(cells), 3)
    assert share(check) == 1 and share(idea) == 0 and share(mixed) == round(len('assert xraise ValueError')/len('def f(x):assert xif x:raise ValueErrorelse: x = 1return x'), 3)
    assert 0 < share(check, idea) < 1 and measure.function_lengths([idea, mixed]) == [1, 1, 5]
    numbers = measure.measure(new_notebook(cells=[idea, cell('x = 1', '#' + 'x'*200)]))
    assert numbers == dict(checks=0, widest=21, w95=21, cell=6, function=1)

def third_party(path):
    names = {n.split('.')[0] for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
             for n in ([a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ''] if isinstance(node, ast.ImportFrom) and not node.level else [])}
    return names - set(sys.stdlib_module_names) - {'fastbook_sgd', ''}

def test_requirements_are_what_is_imported():
    package_of = {'PIL': 'pillow', 'sklearn': 'scikit-learn'}
    imported = {package_of.get(n, n) for p in (ROOT/'fastbook_sgd').glob('*.py') for n in third_party(p)}
    settings = write_pyproject.read_settings()
    required = {Requirement(r).name for key in ('requirements', 'series_requirements') for r in settings[key].split()}
    assert imported - required == set()
    assert required - imported == {'jupyter'}        # what the reader opens the notebooks with

LEAN = ['optim', 'base', 'drivers', 'compose', 'optimizer', 'linear', 'descent', 'saving', 'checks', 'testing']

def test_the_base_of_the_install_is_enough_for_the_optimizers():
    "Without the extra `series`: its packages are made impossible to import, and a layer is trained"
    names = lambda key: {Requirement(r).name for r in write_pyproject.read_settings()[key].split()}
    absent = names('series_requirements') - names('requirements') | {'PIL', 'sklearn', 'fastcore', 'IPython'}
    code = f"""import sys
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name.split('.')[0] in {absent!r} else find(name, *rest)
from importlib import import_module
for name in {LEAN!r}: import_module('fastbook_sgd.' + name)
import torch
from fastbook_sgd import optim
layer = torch.nn.Linear(3, 1)
for driver in ('each', 'foreach', 'flat', 'fused'):
    opt = optim.AdamW(layer.parameters(), lr=.1, driver=driver)
    layer(torch.ones(4, 3)).sum().backward(); opt.step(); opt.zero_grad()
print('trained')"""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == 'trained', done.stderr

@pytest.mark.parametrize('module', ['optimizer', 'linear', 'descent', 'momentum', 'adaptive', 'muon', 'optim', 'fast'])
def test_the_heart_needs_torch_alone(module):
    code = f'import sys, fastbook_sgd.{module}; print([n for n in sys.modules if n.split(".")[0] in ("fastai","fastcore","matplotlib","pandas","sklearn","torchvision")])'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip() == '[]'

def test_the_door_costs_no_more_than_torch():
    "torch's compilers take longer to import than torch itself; an optimizer needs none until it is compiled"
    code = 'import sys, torch; before = {*sys.modules}; import fastbook_sgd.optim; print([n for n in {*sys.modules} - before if n.startswith("torch.")])'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip() == '[]'

def test_package_imports_nothing():
    code = 'import sys, fastbook_sgd; print("torch" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip() == 'False'

@pytest.mark.parametrize('folder,kind', [('docs', 'dependencies'), ('play', 'devDependencies')])
def test_the_lock_of_npm_is_in_step(folder, kind):
    wanted, lock = (json.loads((ROOT/folder/name).read_text(encoding='utf-8')) for name in ('package.json', 'package-lock.json'))
    assert lock['packages'][''][kind] == wanted[kind], f'run `npm install --package-lock-only --omit-lockfile-registry-resolved` in {folder}/'
    assert all('integrity' in p for name, p in lock['packages'].items() if name) and 'resolved' not in json.dumps(lock)   # no registry is written down

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
    checks += sum(len(re.findall(r'^\s*(?:for .*: |with .*: )?(?:assert |test_\w+\()|pytest\.raises', p.read_text(encoding='utf-8'), flags=re.M)) for p in (ROOT/'tests').glob('test_*.py') if p.stem in ('test_data', 'test_seed', 'test_parity', 'test_callbacks', 'test_optim', 'test_optim_errors', 'test_resume', 'test_drop_in', 'test_first_lessons_bad_input', 'test_lessons_bad_input', 'test_race_bad_input', 'test_odd_values'))
    print(f'{checks} checks, {exported} exported lines')
    assert checks*4 >= exported, f'{checks} checks for {exported} exported lines'
