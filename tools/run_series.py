"""Execute lessons, appendices and index, each in its own kernel, as many at once as there are cores, and print what each lesson reached
(`make run`)."""
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import json
import os
import sys
import threading

import nbformat
import psutil
from tqdm import tqdm

from notebooks import LESSON, ROOT, CellFailed, code_cells, execute, number, read, series, stop_all, write

MEMORY = 1.5e9   # bytes that a kernel may take

PROBE = '''import json
print(json.dumps(dict(reached=globals().get("reached", []), source=getattr(globals().get("data"), "source", None))))'''

def run_notebook(nb, folder, bar):
    "Execute `nb`, and return what its `reached` and `data.source` say"
    nb.cells.append(nbformat.v4.new_code_cell(PROBE))
    try: execute(nb, folder, lambda **_: bar.update())
    finally: probe = nb.cells.pop()
    return json.loads(''.join(o.text for o in probe.outputs if o.get('name') == 'stdout'))

def figure(x, digits):
    "`x` for the table, where nothing is a dash"
    return '–' if x is None else f'{x:.{digits}f}'

def row(stage, accuracy, loss, seconds):
    "A line of the table"
    return f'{stage:24}' + ''.join(f'{x:>10}' for x in (accuracy, loss, seconds))

def stage_row(s):
    "What a stage reached"
    return row(s['stage'], figure(s['accuracy'], 4), figure(s['loss'], 4), figure(s['seconds'], 2))

def workers(asked=None):
    "How many kernels at once: one a core, as far as memory goes"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    return asked or max(1, min(cores, int(psutil.virtual_memory().available / MEMORY)))

class Bar:
    "One progress bar over the cells of all notebooks, which names those at work"
    def __init__(self, total): self.bar, self.names, self.lock = tqdm(total=total, unit='cell'), [], threading.Lock()
    def update(self): self.bar.update()

    def at_work(self, name, begins):
        with self.lock:
            (self.names.append if begins else self.names.remove)(name)
            self.bar.set_description(' '.join(self.names) or 'done')

def run_one(path, nb, out, bar, failed):
    "Execute `nb`, write it to `out`, and return what it said; None once another has failed"
    if failed: return
    bar.at_work(path.stem, True)
    try: return run_notebook(nb, path.parent, bar)
    except CellFailed as e:
        failed.append((path, e))     # those that are killed now come behind it
        stop_all()
    finally:
        bar.at_work(path.stem, False)
        write(nb, out/path.name)

def run_all(paths, out, at_once):
    "Execute the notebooks, print each lesson's rows as soon as those before it stand, and return where the digits came from"
    books = {path: read(path) for path in paths}
    bar, failed, sources = Bar(sum(len(code_cells(nb)) + 1 for nb in books.values())), [], set()
    with ThreadPoolExecutor(at_once) as pool:
        answers = {path: pool.submit(run_one, path, nb, out, bar, failed) for path, nb in books.items()}
        try:
            for path, answer in answers.items():
                said = answer.result()
                if not said: continue
                if said['source']: sources.add(said['source'])
                if LESSON.match(path.name):
                    for stage in said['reached']: tqdm.write(stage_row(stage))
                    sys.stdout.flush()
        except BaseException:
            failed.append(None)      # nothing more is begun
            stop_all()
            raise
        finally: bar.bar.close()
    if failed: sys.exit(f'\n{failed[0][0].name}, {failed[0][1]}\n\nAs far as it came: {out/failed[0][0].name}')
    return sources

def main(nbs, out, only=None, at_once=None):
    "Run all, or one, and print the table as it comes"
    paths = series(nbs)
    if not paths: sys.exit(f'{nbs} has no notebooks named 00_….ipynb, A_….ipynb or index.ipynb')
    chosen = [p for p in paths if only in (None, number(p), p.stem)]
    if not chosen: sys.exit(f'no notebook {only!r}: expected one of {", ".join(number(p) or p.stem for p in paths)}')
    out.mkdir(parents=True, exist_ok=True)
    os.environ['FASTBOOK_SGD_PRACTICE'] = 'none'     # what you have solved is yours, not a run's
    at_once = min(workers(at_once), len(chosen))
    os.environ.setdefault('OMP_NUM_THREADS', str(max(1, workers() // at_once)))
    print(row('stage', 'accuracy', 'loss', 'seconds'), flush=True)
    sources = run_all(chosen, out, at_once)
    print(f'\nData: {", ".join(sorted(sources)) or "none"}. Executed notebooks: {out}')

if __name__ == '__main__':
    parser = ArgumentParser(description=__doc__)
    parser.add_argument('nbs', nargs='?', type=Path, default=ROOT/'nbs', help='folder with the notebooks')
    parser.add_argument('out', nargs='?', type=Path, default=ROOT/'_run', help='folder for the executed copies')
    parser.add_argument('--only', metavar='LESSON', help='one notebook, by number or name: 02, A, 02_descent')
    parser.add_argument('--at-once', type=int, metavar='N', help='kernels at once (default: one a core, as far as memory goes)')
    args = parser.parse_args()
    for stream in (sys.stdout, sys.stderr): stream.reconfigure(errors='replace')
    os.environ.setdefault('PYDEVD_DISABLE_FILE_VALIDATION', '1')  # else each kernel warns about its own debugger
    try: main(args.nbs.resolve(), args.out.resolve(), args.only, args.at_once)
    except KeyboardInterrupt: sys.exit(130)
    except OSError as e:
        sys.exit(f"{type(e).__name__}: {e}. What is executed goes to {args.out.resolve()}: "
                 "is there room, and may it be written? Another folder: run_series.py NBS OUT")
