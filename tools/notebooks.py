"""Tell lessons, appendices and the index apart, and execute a notebook in a real Jupyter kernel of its own.

The name says what a notebook is: `00_data` is a lesson, `A_checks` an appendix, `index` the front page. Nothing else tells them apart.
nbclient does the executing, as it does for `jupyter nbconvert --execute`, which would take whatever kernel the user has installed,
and doesn't show where it is. `nbdev-test` runs the cells too, but in its own process and without saving what they put out."""
from pathlib import Path
import re

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parent.parent

LESSON, APPENDIX = re.compile(r'(\d+[a-z]?)_'), re.compile(r'([A-Z])_')   # 00_data, 05a_net; A_checks

def named(folder, pattern):
    "The notebooks in `folder` whose names begin as `pattern` says, in order"
    return sorted(p for p in Path(folder).glob('*.ipynb') if pattern.match(p.name))

def lessons(folder):
    "The notebooks that teach, numbered from 00"
    return named(folder, LESSON)

def appendices(folder):
    "The notebooks at the back of the house, lettered from A"
    return named(folder, APPENDIX)

def series(folder):
    "All of `folder` in reading order: lessons, appendices, and the index, which sums them up"
    return lessons(folder) + appendices(folder) + named(folder, re.compile(r'index\.'))

def is_lesson(path):
    "Is it a lesson? Of a lesson or an appendix, given by path or by name"
    return bool(LESSON.match(Path(path).name))

def number(path):
    "What stands before the name of a lesson or an appendix: `00`, `A`; empty for the index"
    m = LESSON.match(Path(path).name) or APPENDIX.match(Path(path).name)
    return m[1] if m else ''

def page_of(path):
    "The page that a notebook becomes: its name without number or letter"
    return Path(path).stem.removeprefix(f'{number(path)}_')

def title_of(path):
    "What a lesson or an appendix is called: its number or letter, and its name in words, `06 Momentum`; empty for the index"
    words = page_of(path).replace('_', ' ')
    return f'{number(path)} {words[0].upper()}{words[1:]}' if number(path) else ''

def module_of(path):
    "The module that a notebook writes, as its line `#| default_exp` says; None without one"
    found = (re.search(r'^#\|\s*default_exp\s+(\S+)', c.source, flags=re.M) for c in read(path).cells)
    return next((m[1] for m in found if m), None)

def read(path):
    "The notebook at `path`"
    return nbformat.read(path, as_version=4)

def write(nb, path):
    "Save `nb`, with the same line ends everywhere"
    text = nbformat.writes(nb).rstrip('\n') + '\n'
    Path(path).write_text(text, encoding='utf-8', newline='\n')

def code_cells(nb):
    "The cells that a kernel would run"
    return [c for c in nb.cells if c.cell_type == 'code' and c.source.strip()]

def exported(nb):
    "The code cells that go into a module"
    return [c for c in code_cells(nb) if re.search(r'^#\|\s*exporti?\b', c.source, flags=re.M)]

RUNNING = set()   # the kernels at work now

class ThisPython(AsyncKernelManager):
    "Starts the Python that runs this script, whatever kernels the user has installed"
    def _kernel_spec_manager_default(self): return KernelSpecManager(kernel_dirs=[])

def join_streams(nb):
    "Printed pieces of a cell become one output, so that they read as one line"
    for cell in code_cells(nb):
        joined = []
        for output in cell.outputs:
            same = joined and output.output_type == 'stream' == joined[-1].output_type and output.name == joined[-1].name
            if same: joined[-1].text += output.text
            else: joined.append(output)
        cell.outputs = joined

class CellFailed(Exception):
    "A cell, numbered from 1 among all cells of its notebook, its source, and its error"
    def __init__(self, number, source, error):
        self.number, self.source, self.error = number, source, re.sub(r'\x1b\[[0-9;]*m', '', error).strip()

    def __str__(self): return f'cell {self.number} failed:\n\n{self.source}\n\n{self.error}'

def error_text(nb, number, problem):
    "The traceback saved in the cell, or else what the client says"
    saved = [o for o in nb.cells[number-1].outputs if o.output_type == 'error']
    return '\n'.join(saved[0].traceback) if saved else str(problem)

def execute(nb, folder, after_cell=None):
    "Execute `nb` in place in a fresh kernel started in `folder`. Raises `CellFailed`."
    started = [1]
    client = NotebookClient(nb, timeout=600, kernel_name='python3', kernel_manager_class=ThisPython,
                            resources={'metadata': {'path': str(folder)}}, on_cell_executed=after_cell,
                            extra_arguments=['--log-level=ERROR', '--InlineBackend.figure_formats=retina'],     # pictures have two pixels a point
                            on_cell_start=lambda cell, cell_index: started.append(cell_index + 1))
    RUNNING.add(client)
    try: client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as e:
        raise CellFailed(started[-1], nb.cells[started[-1]-1].source, error_text(nb, started[-1], e)) from e
    finally: RUNNING.discard(client); join_streams(nb)

def stop_all():
    "Kill the kernels at work, from whatever thread: each `execute` then ends with `CellFailed`"
    for client in [*RUNNING]:
        process = getattr(getattr(client.km, 'provisioner', None), 'process', None)
        if process: process.kill()
