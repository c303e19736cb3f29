"Export, execute in real kernels on MNIST_SAMPLE, save the outputs, clean, and write README.md."
from importlib.metadata import distributions, version
from pathlib import Path
import os, re, subprocess, sys

from tqdm import tqdm

import notebooks, readme, write_pyproject

def nbdev(command):
    "Run one of nbdev's commands from this environment"
    subprocess.run([Path(sys.executable).parent/command], cwd=notebooks.ROOT, check=True)

def ask_for_mnist_sample():
    "The saved outputs are MNIST_SAMPLE's: stop, with nothing changed, where it can't be had"
    os.environ['FASTBOOK_SGD_DATA'] = 'mnist_sample'
    from fastbook_sgd.data import load_threes_sevens
    try: load_threes_sevens()
    except (OSError, ValueError) as e:
        sys.exit(f"make prepare saves outputs that come from MNIST_SAMPLE, and it can't be had here: {e}. Nothing was changed.")

def provenance(nb):
    "What the outputs come from"
    return dict(code=notebooks.code_hash(nb), data='mnist_sample',
                versions={name: version(name) for name in ('torch', 'fastai', notebooks.LIB)})

def save_outputs(path, bar):
    "Execute one notebook and save it with its outputs"
    nb = notebooks.read(path)
    bar.set_description(path.stem)
    notebooks.execute(nb, path.parent, bar.update)
    nb.metadata[notebooks.LIB] = provenance(nb)
    notebooks.write(nb, path)

def freeze(pins):
    "The lines of constraints.txt, with the versions installed here; lines with a marker stay as they are"
    installed = {re.sub(r'[-_.]+', '-', d.metadata['Name']).lower(): d.version.split('+')[0] for d in distributions()}
    kept = [line for line in pins if line.startswith('#') or 'python_version <' in line]
    special = {re.split(r'==|;', line)[0].strip() for line in kept if '==' in line}
    skip = {'fastbook-sgd', 'pip', 'setuptools'}
    return kept + [f"{name}=={v}" + (' ; python_version >= "3.11"' if name in special else '')
                   for name, v in sorted(installed.items()) if name not in skip]

def main():
    "All of it; the outputs of a notebook are saved only when it ran to its end"
    ask_for_mnist_sample()
    write_pyproject.main()
    nbdev('nbdev-export')
    paths = notebooks.series()
    with tqdm(total=sum(len(notebooks.code_cells(notebooks.read(p))) for p in paths), unit='cell', ncols=80) as bar:
        for path in paths: save_outputs(path, bar)
    nbdev('nbdev-clean')
    pins = notebooks.ROOT/'constraints.txt'
    pins.write_text('\n'.join(freeze(pins.read_text(encoding='utf-8').splitlines())) + '\n', encoding='utf-8', newline='\n')
    readme.main()

if __name__ == '__main__': main()
