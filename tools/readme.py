"""README.md from nbs/index.ipynb: prose, visible code, text outputs, and pictures with a text for those who can't see them.

`nbdev-readme` does this with Quarto, a large program of its own beside Python."""
from base64 import b64decode
from html import escape
from pathlib import Path
import posixpath
import re
import sys

from notebooks import ROOT, read

NOTE = '<!-- Written by tools/readme.py from nbs/index.ipynb: edit that notebook, not this file. -->'

def split_directives(source):
    "The `#| key: value` lines of a cell as a dict, and the rest of it"
    lines = source.splitlines()
    directives = [line[2:].strip() for line in lines if line.startswith('#|')]
    pairs = [re.split(r':\s*|\s+', d, maxsplit=1) + [''] for d in directives if d]
    return {p[0]: p[1] for p in pairs}, '\n'.join(line for line in lines if not line.startswith('#|')).strip()

def from_top(text, folder='nbs'):
    "Links of a notebook in `folder` as seen from the top of the repository"
    fixed = lambda m: f'{m[1]}({posixpath.normpath(posixpath.join(folder, m[2]))})'
    return re.sub(r'(\])\((?!\w+:|#)([^)\s]+)\)', fixed, text)

def outside_fences(text):
    "`text` with its links seen from the top, fenced code left as it is"
    parts = re.split(r'(^```.*?^```)', text, flags=re.M | re.S)
    return ''.join(p if p.startswith('```') else from_top(p) for p in parts)

def fenced(text, language=''):
    "`text` as a block of code"
    return f'```{language}\n{text.rstrip()}\n```'

def picture(data, directives, images):
    "Markdown for a PNG, which is added to `images` under the next name"
    if not directives.get('fig-alt'): raise ValueError('index.ipynb shows a picture without a text: give its cell a line "#| fig-alt: …"')
    name = f'nbs/images/index_{len(images) + 1}.png'
    images[name] = b64decode(data)
    width, dots = int.from_bytes(images[name][16:20], 'big'), images[name].partition(b'pHYs')[2][:4]
    if int.from_bytes(dots, 'big') > 4000: return f'<img src="{name}" width="{width//2}" alt="{escape(directives["fig-alt"])}">'     # two pixels a point
    return f'![{directives["fig-alt"]}]({name})'

def output_text(output, directives, images):
    "Markdown for one output of a cell"
    data = output.get('data', {})
    if 'image/png' in data: return picture(data['image/png'], directives, images)
    text = output.get('text') or data.get('text/plain', '')
    return fenced(text) if text.strip() else ''

def cell_text(cell, images):
    "Markdown for one cell"
    lines = re.match(r'(#\|.*\n?)*', cell.source)[0]
    directives = split_directives(lines)[0]
    if 'hide' in directives: return ''
    if cell.cell_type != 'code': return outside_fences(cell.source.removeprefix(lines))
    directives, code = split_directives(cell.source)
    shown = [fenced(code, 'python')] if code and directives.get('echo') != 'false' else []
    return '\n\n'.join(shown + [output_text(o, directives, images) for o in cell.outputs])

def readme_parts(nb):
    "The text of README.md, and its pictures: bytes by path"
    images = {}
    texts = [NOTE] + [cell_text(c, images).strip() for c in nb.cells]
    return '\n\n'.join(t for t in texts if t) + '\n', images

def write_readme(root=ROOT):
    "Bring README.md and its pictures in step with the index"
    text, images = readme_parts(read(root/'nbs/index.ipynb'))
    (root/'README.md').write_text(text, encoding='utf-8', newline='\n')
    for name, data in images.items():
        (root/name).parent.mkdir(exist_ok=True)
        (root/name).write_bytes(data)

if __name__ == '__main__':
    try: write_readme()
    except ValueError as e: sys.exit(str(e))
