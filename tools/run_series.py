"Execute lessons, appendices and index, each in its own kernel, and print what each lesson reached (`make run`)."
from argparse import ArgumentParser
from pathlib import Path
import json
import os
import sys

import nbformat
from tqdm import tqdm

from notebooks import ROOT, CellFailed, code_cells, execute, lessons, read, series, write

PROBE = '''import json
print(json.dumps(dict(reached=globals().get("reached", []), source=getattr(globals().get("data"), "source", None))))'''

def run_notebook(nb, folder, bar):
    "Execute `nb`, and return what its `reached` and `data.source` say"
    nb.cells.append(nbformat.v4.new_code_cell(PROBE))
    try: execute(nb, folder, lambda **_: bar.update())
    finally: probe = nb.cells.pop()
    return json.loads(''.join(o.text for o in probe.outputs if o.get('name') == 'stdout'))

def number(x, digits):
    "`x` for the table, where nothing is a dash"
    return '–' if x is None else f'{x:.{digits}f}'

def table_rows(stages):
    "A heading, then a row of strings for each stage"
    heading = ('stage', 'accuracy', 'loss', 'seconds')
    return [heading] + [(s['stage'], number(s['accuracy'], 4), number(s['loss'], 4), number(s['seconds'], 2)) for s in stages]

def table_text(stages):
    "What each stage reached, in columns"
    rows = table_rows(stages)
    wide = max(len(r[0]) for r in rows)
    return '\n'.join(f'{r[0]:{wide}}' + ''.join(f'{x:>10}' for x in r[1:]) for r in rows)

def run_all(nbs, out):
    "Execute the notebooks in `nbs` in order, write them to `out`, and return what each one said, by path"
    books = {path: read(path) for path in series(nbs)}
    said = {}
    with tqdm(total=sum(len(code_cells(nb)) + 1 for nb in books.values()), unit='cell') as bar:
        for path, nb in books.items():
            bar.set_description(path.stem)
            try: said[path] = run_notebook(nb, nbs, bar)
            except CellFailed as e: bar.close(); sys.exit(f'\n{path.name}, {e}\n\nAs far as it came: {out/path.name}')
            finally: write(nb, out/path.name)
    return said

def main(nbs, out):
    "Run all, and print the table"
    if not series(nbs): sys.exit(f'{nbs} has no notebooks named 00_….ipynb, A_….ipynb or index.ipynb')
    out.mkdir(parents=True, exist_ok=True)
    os.environ['FASTBOOK_SGD_PRACTICE'] = 'none'     # what you have solved is yours, not a run's
    said = run_all(nbs, out)
    sources = sorted({s['source'] for s in said.values() if s['source']})
    print('\n' + table_text([stage for path in lessons(nbs) for stage in said[path]['reached']]))
    print(f'\nData: {", ".join(sources) or "none"}. Executed notebooks: {out}')

if __name__ == '__main__':
    parser = ArgumentParser(description=__doc__)
    parser.add_argument('nbs', nargs='?', type=Path, default=ROOT/'nbs', help='folder with the notebooks')
    parser.add_argument('out', nargs='?', type=Path, default=ROOT/'_run', help='folder for the executed copies')
    args = parser.parse_args()
    for stream in (sys.stdout, sys.stderr): stream.reconfigure(errors='replace')
    os.environ.setdefault('PYDEVD_DISABLE_FILE_VALIDATION', '1')  # else each kernel warns about its own debugger
    main(args.nbs.resolve(), args.out.resolve())
