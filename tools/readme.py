"README.md from nbs/index.ipynb."
from base64 import b64decode
import re

import notebooks

README, IMAGES = notebooks.ROOT/'README.md', notebooks.ROOT/'nbs'/'images'

def relink(text):
    "Links as seen from the folder above the notebooks"
    return re.sub(r'\]\((?!\w+:|#)(?:(\.\./)|)', lambda m: '](' if m[1] else '](nbs/', text)

def picture(cell, output, number):
    "The picture's file name, its bytes, and the Markdown that shows it"
    alt = re.search(r'^#\| fig-alt: *(.+)$', cell.source, flags=re.M)
    if not alt: raise ValueError(f'index.ipynb: a cell draws a picture and has no "#| fig-alt:" line:\n{cell.source}')
    name = f'index_{number}.png'
    return name, b64decode(output.data['image/png']), f'![{alt[1]}](nbs/images/{name})'

def render(nb):
    "The text of README.md, and its pictures by file name"
    parts, pictures = [], {}
    for cell in nb.cells:
        if cell.cell_type == 'markdown': parts.append(relink(cell.source))
        elif not re.search(r'^#\| *(hide|default_exp)', cell.source, flags=re.M):
            if '#| echo: false' not in cell.source: parts.append('```python\n' + re.sub(r'^#\|.*\n', '', cell.source, flags=re.M) + '\n```')
            for output in cell.outputs:
                if 'image/png' in output.get('data', {}):
                    name, data, text = picture(cell, output, len(pictures))
                    pictures[name] = data
                    parts.append(text)
    return '\n\n'.join(parts) + '\n', pictures

def main():
    "Write README.md and its pictures"
    text, pictures = render(notebooks.read(notebooks.ROOT/'nbs'/'index.ipynb'))
    README.write_text(text, encoding='utf-8', newline='\n')
    IMAGES.mkdir(exist_ok=True)
    for name, data in pictures.items(): (IMAGES/name).write_bytes(data)

if __name__ == '__main__': main()
