"""What the search looks through: one file with an entry for each page, section, term and public name, which search.js ranks while one types.

Sphinx's own index knows words and pages: it cannot tell a class from a mention, nor a term of the glossary from its page, and must fetch
a page to show a line of it. Here an entry is a title, an address, what it is, where it stands, other words for it, and its text."""
from pathlib import Path
import json, re

import bridge

KINDS = ['lesson', 'appendix', 'page', 'section', 'term', 'class', 'function', 'method', 'property', 'data', 'inner']     # inner: a name of a back room
WORD = re.compile(r'[A-Za-z_]\w{2,}')

def plain(text):
    "Markdown as words alone: no markup, no blocks of code, no pictures, no HTML"
    text = re.sub(r'^```.*?^```|^:::+.*$|^\|[-:| ]+\|$|^#\|.*$|<[^>]+>|!\[[^\]]*\]\([^)]*\)|^\{[.\w]+\}$', ' ', text, flags=re.M | re.S)
    text = re.sub(r'\{[\w:]+\}`([^`<]*?)\s*(?:<[^>`]*>)?`', r'\1', text)
    text = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', text)
    return ' '.join(re.sub(r'[`*|$]|^[#>]+ |^\d+\. |^- ', ' ', text, flags=re.M).split())

def entry(title, url, kind, where='', also='', text=''):
    "One entry, as search.js reads it"
    return [title, url, KINDS.index(kind), where, also if isinstance(also, str) else '|'.join(dict.fromkeys(filter(None, also))), text]

def with_other_words(entries, words):
    "The entries, those at the addresses of search.yml with its words. Raises `LookupError` for an address that no entry has."
    entries = list(entries)
    if gone := words.keys() - {e[1] for e in entries}: raise LookupError(f'search.yml: nothing is found at {", ".join(sorted(gone))}')
    for e in entries: e[4] = '|'.join(filter(None, [e[4], *words.get(e[1], [])]))
    return entries

def parts(cells):
    "The shown cells of a notebook by section: heading, prose, and the code beside it"
    found = [['', [], []]]
    for cell in cells:
        if cell.cell_type == 'code':
            shown = bridge.code_cell(cell)
            if shown and 'hide-input' not in shown.metadata.get('tags', []): found[-1][2].append(shown.source)
            continue
        lines = re.match(r'(#\|.*\n?)*', cell.source)[0]
        if bridge.has(lines, bridge.DROPPED): continue
        pieces = re.split(r'^(#{2,3}) (.+)$', cell.source.removeprefix(lines), flags=re.M)
        found[-1][1].append(pieces[0])
        found += [[heading, [text], []] for heading, text in zip(pieces[2::3], pieces[3::3])]
    return found

def names_in(codes, text):
    "The names in code that the text beside it doesn't have, each once"
    return ' '.join(dict.fromkeys(w for w in WORD.findall(re.sub(r'#.*|[\'"].*?[\'"]', '', '\n'.join(codes))) if w not in text and ('_' in w or w != w.lower())))

def of_notebook(nb, info, kind):
    "A page made from a notebook: itself, and its sections"
    url, name = f'{info["page"]}.html', info['name'] or info['title']
    (_, first, codes), *rest = parts(nb.cells)
    first[0] = re.sub(r'^# .*$|^> .*$', '', first[0], flags=re.M)
    intro = f'{info["description"]} {plain(chr(10).join(first))}'
    yield entry(f'{info["name"]}: {info["title"]}'.removeprefix(': ').replace('`', ''), url, kind, '', [info['stem'], bridge.page_of(info['stem']), f'{kind} {bridge.number(info["stem"])}', info['name'], names_in(codes, intro)], intro)
    for heading, prose, codes in rest:
        text = '' if heading == 'Your turn' else plain('\n'.join(prose))   # an exercise asks; it answers nothing
        yield entry(plain(heading), f'{url}#{bridge.slug(heading)}', 'section', name, names_in(codes, text), text)

def of_page(text, page, title):
    "A page of Markdown, and its sections"
    text = re.sub(r'^---\n.*?^---\n', '', text, flags=re.M | re.S)
    pieces = re.split(r'^## (.+)$', text, flags=re.M)
    sections = [*zip(pieces[1::2], pieces[2::2])]
    rest = [body for heading, body in sections if not bridge.slug(heading)]      # below a date, which makes no anchor
    yield entry(title, f'{page}.html', 'page', '', '', plain('\n'.join([re.sub(r'^# .*$', '', pieces[0], flags=re.M), *rest])))
    for heading, body in sections:
        if bridge.slug(heading): yield entry(plain(heading), f'{page}.html#{bridge.slug(heading)}', 'section', title, '', plain(body))

def of_terms(terms):
    "The glossary, in both languages"
    for t in terms:
        yield entry(f'{t["term"]} · {t["zh"]}', f'glossary.html#term-{t["term"].replace(" ", "-")}', 'term', 'Glossary', [t['zh'], *t.get('forms', []), *t.get('also', [])], plain(t['text']))

def write(entries):
    "The file that search.js loads with the first letter; a script, because a page opened as a file may not fetch"
    return 'var searchEntries = ' + json.dumps({'kinds': KINDS, 'entries': entries}, ensure_ascii=False, separators=(',', ':')) + ';\n'
