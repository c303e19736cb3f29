"Where the playgrounds stand: below a picture of a lesson, which is their still, and on a page of their own. From play.yml."
from functools import cache
from html import escape
from pathlib import Path

from nbformat.v4 import new_markdown_cell
import yaml

SCRIPT = '<script defer src="_static/play/open.js"></script>'    # it fetches the rest when somebody plays

@cache
def places():
    "The entries of play.yml"
    return yaml.safe_load((Path(__file__).resolve().parent/'play.yml').read_text(encoding='utf-8'))

def box(place):
    "What open.js finds"
    still = ' data-still' if 'cell' in place else ''
    return f'<div class="play" id="play-{place["name"]}" data-play="{place["play"]}" data-title="{escape(place["title"])}" data-state="{escape(place["state"])}"{still}></div>'

def below(cell_id, cells):
    "A list with the playground below a cell, empty below any other; of those in `cells`, the first brings the script"
    found = [p for p in places() if p.get('cell') == cell_id]
    script = '' if any(SCRIPT in c.source for c in cells) else SCRIPT
    return [new_markdown_cell(box(p) + script) for p in found]

WORDS = {
    'descent': 'Choose a surface, click where to start, choose optimizers, and move what they are told **while they run**. The paths go on from what each remembers.',
    'learning': 'The layer of the first lessons, trained on the embedded digits: its weights become a picture. The switches are what people do wrong, each with what is then seen.',
    'map': 'How many steps to a thousandth of the distance? Learning rate to the right, momentum upwards; the point under the pointer shows its path.'}

def page():
    "The page that has them all"
    own = [p for kind in WORDS for p in places() if p['play'] == kind and 'cell' not in p]
    parts = [f'## {p["title"]}\n\n{WORDS[p["play"]]}\n\n{box(p)}' for p in own]
    return '\n\n'.join(['# Play', "{.lead}\nMove the slider, watch it learn: the rules of the lessons, translated from their Python, at work in this page.",
                        '<div><noscript>This page needs JavaScript. The pictures of the lessons show the same without.</noscript></div>', *parts, SCRIPT]) + '\n'
