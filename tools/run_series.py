"Execute the series, each notebook in its own kernel, and print what each stage reached."
from pathlib import Path
import json, re, sys

from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell
from tqdm import tqdm

import notebooks

ASK = '''import json as _json
print(_json.dumps(dict(reached=globals().get("reached", []), source=str(getattr(globals().get("data"), "source", "")))))'''

def run(path, out, bar):
    "Execute one notebook, save the executed copy in `out`, return what it reached"
    nb = notebooks.read(path)
    nb.cells.append(new_code_cell(ASK))
    bar.set_description(path.stem)
    try: notebooks.execute(nb, path.parent, bar.update)
    finally:
        question = nb.cells.pop()
        notebooks.write(nb, out/path.name)
    return json.loads(question.outputs[-1].text)

def failure(path, nb, error):
    "Which cell failed, its source, and its error without colours"
    number, cell = next((i, c) for i, c in enumerate(nb.cells)
                        if c.cell_type == 'code' and any(o.output_type == 'error' for o in c.outputs))
    trace = re.sub(r'\x1b\[[0-9;]*m', '', '\n'.join(next(o for o in cell.outputs if o.output_type == 'error').traceback))
    return f'{path.name}, cell {number} failed:\n\n{cell.source}\n\n{trace}'

def table(stages):
    "One line for each stage"
    cell = lambda value, form: '–' if value is None else format(value, form)
    lines = [f"{'stage':18}{'accuracy':>10}{'loss':>10}{'seconds':>10}"]
    return '\n'.join(lines + [f"{s['stage']:18}{cell(s['accuracy'], '.4f'):>10}{cell(s['loss'], '.4f'):>10}{cell(s['seconds'], '.2f'):>10}" for s in stages])

def main(folder=notebooks.ROOT/'nbs', out=notebooks.ROOT/'_run'):
    "Run all; the exit status is 1 when a notebook fails"
    paths, stages, sources = notebooks.series(folder), [], set()
    if not paths: sys.exit(f'{folder} holds no notebooks named 00_….ipynb or index.ipynb')
    total = sum(len(notebooks.code_cells(notebooks.read(p))) + 1 for p in paths)
    with tqdm(total=total, unit='cell', ncols=80) as bar:
        for path in paths:
            try: result = run(path, out, bar)
            except CellExecutionError as error:
                bar.close()
                sys.exit(failure(path, notebooks.read(out/path.name), error))
            stages += result['reached']
            sources |= {result['source']} - {''}
    print(f"\nWhat each stage reached, on {', '.join(sorted(sources)) or 'no data'}:\n\n{table(stages)}\n\nThe executed notebooks are in {out}")

if __name__ == '__main__': main(*map(Path, sys.argv[1:]))
