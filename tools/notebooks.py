"Find the notebooks of the series and execute one in a real Jupyter kernel of its own."
from pathlib import Path
import re

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parent.parent

def series(folder):
    "The notebooks in `folder` in order: the numbered ones, then the index"
    return sorted(Path(folder).glob('[0-9]*.ipynb')) + sorted(Path(folder).glob('index.ipynb'))

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
                            resources={'metadata': {'path': str(folder)}}, on_cell_executed=after_cell, extra_arguments=['--log-level=ERROR'],
                            on_cell_start=lambda cell, cell_index: started.append(cell_index + 1))
    try: client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as e:
        raise CellFailed(started[-1], nb.cells[started[-1]-1].source, error_text(nb, started[-1], e)) from e
    finally: join_streams(nb)
