"""Export, execute in real kernels, save outputs and what they came from, clean, write README.md (`make prepare`).

`--freeze` writes the versions that were executed. `pip freeze` knows one environment and would lose the pins for other Pythons and
systems; uv and pip-tools resolve for other systems as well, and so pin what nobody has executed."""
from argparse import ArgumentParser
from base64 import b64decode, b64encode
from importlib.metadata import distributions
from io import BytesIO
from pathlib import Path
from subprocess import run
import os
import re
import shutil
import sys
import sysconfig
import tempfile

from PIL import Image, ImageChops, ImageStat
from packaging.requirements import Requirement
from tqdm import tqdm

from notebooks import ROOT, CellFailed, execute, read, series, write
from provenance import LIB, provenance
from readme import write_readme
from write_pyproject import follow_bump, pyproject_text, write_version

DATA = 'mnist_sample'
UNPINNED = {'pip', 'setuptools', 'wheel', LIB.replace('_', '-')}

def command(name, cwd=ROOT):
    "Run a command of this Python's environment, or stop"
    run([shutil.which(name, path=sysconfig.get_path('scripts'))], cwd=cwd, check=True)

def ask_for_data():
    "Load MNIST_SAMPLE once, so that it is there for every notebook; without it, stop before anything is changed"
    from fastbook_sgd.data import load_threes_sevens
    try: load_threes_sevens(DATA)
    except (OSError, ValueError) as e: sys.exit(f'Saved outputs must come from MNIST_SAMPLE, which could not be had ({e}): nothing was changed.')

def write_project(settings):
    "Bring pyproject.toml and the version in step with settings.ini"
    (ROOT/'pyproject.toml').write_text(pyproject_text(settings), encoding='utf-8', newline='\n')
    write_version(settings)

def lighter(data):
    "A still PNG in 256 colours, where the eye sees no difference: pictures of two pixels a point are then no heavier than they were of one"
    image = Image.open(BytesIO(data))
    if getattr(image, 'n_frames', 1) > 1 or image.mode == 'P': return data
    flat, out = Image.alpha_composite(Image.new('RGBA', image.size, 'white'), image.convert('RGBA')).convert('RGB'), BytesIO()
    few = flat.quantize(256, dither=Image.Dither.NONE)
    off = ImageStat.Stat(ImageChops.difference(flat, few.convert('RGB'))).rms
    (few if max(off) < 2 else flat).save(out, 'PNG', optimize=True, dpi=image.info.get('dpi', (100, 100)))
    return out.getvalue()

def lighten_pictures(nb):
    "Bring the PNGs of a notebook's outputs into few colours"
    for output in (o for c in nb.cells if c.cell_type == 'code' for o in c.outputs):
        data = output.get('data', {})
        if 'image/png' in data: data['image/png'] = b64encode(lighter(b64decode(data['image/png']))).decode()

def executed(path):
    "The notebook at `path` with fresh outputs and a record of what they came from"
    nb = read(path)
    try: execute(nb, path.parent)
    except CellFailed as e: sys.exit(f'\n{path.name}, {e}\n\nNo outputs were saved.')
    lighten_pictures(nb)
    without_places(nb)
    nb.metadata[LIB] = provenance(nb, DATA)
    return nb

def without_places(nb):
    "In the text of outputs, an ellipsis for folders of this machine: the repository's, the user's, a temporary one"
    known = '|'.join(re.escape(str(folder)) for folder in (ROOT, Path.home()))
    places = re.compile(rf'(?:{known}|{re.escape(tempfile.gettempdir())}[/\\]tmp\w+)(?=[/\\])')
    for output in (o for c in nb.cells if c.cell_type == 'code' for o in c.outputs):
        if 'text' in output: output.text = places.sub('…', output.text)

def canonical(name):
    "A package's name as registries compare it"
    return re.sub(r'[-_.]+', '-', name).lower()

def installed():
    "Version by name of every package in this environment but the project and the installers"
    versions = {canonical(d.name): d.version.split('+')[0] for d in distributions()}
    return {name: v for name, v in versions.items() if name not in UNPINNED}

def repinned(line, versions):
    "A line of constraints.txt with the version installed here, if it is meant for this Python and system"
    if not line.strip() or line.startswith('#'): return line
    pin = Requirement(line)
    if canonical(pin.name) not in versions or (pin.marker and not pin.marker.evaluate()): return line
    return re.sub(r'==[^\s;]+', '==' + versions[canonical(pin.name)], line)

def frozen(text, versions):
    "constraints.txt brought up to `versions`: pins for other Pythons and systems stay, new packages come at the end"
    lines = [repinned(line, versions) for line in text.splitlines()]
    known = {canonical(Requirement(line).name) for line in lines if line.strip() and not line.startswith('#')}
    return '\n'.join(lines + [f'{name}=={v}' for name, v in sorted(versions.items()) if name not in known]) + '\n'

def freeze(path=ROOT/'constraints.txt'):
    "Write the versions that were executed to constraints.txt"
    path.write_text(frozen(path.read_text(encoding='utf-8'), installed()), encoding='utf-8', newline='\n')

def main(pin):
    "All of it; outputs are saved only when every notebook has run"
    os.environ['FASTBOOK_SGD_DATA'] = DATA
    os.environ['FASTBOOK_SGD_PRACTICE'] = 'none'
    ask_for_data()
    write_project(follow_bump())
    command('nbdev-export')
    run([sys.executable, ROOT/'tools'/'stubs.py'], check=True)
    run([sys.executable, ROOT/'tools'/'play_rules.py'], check=True)
    done = {path: executed(path) for path in tqdm(series(ROOT/'nbs'), unit='notebook')}
    for path, nb in done.items(): write(nb, path)
    command('nbdev-clean')
    write_readme()
    if pin: freeze()

if __name__ == '__main__':
    parser = ArgumentParser(description=__doc__)
    parser.add_argument('--freeze', action='store_true', help='also write the installed versions to constraints.txt')
    main(parser.parse_args().freeze)
