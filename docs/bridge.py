"""From nbdev's notebooks to pages that MyST-NB can render.

What nbdev means by a line, and what becomes of it here:

    #| default_exp, #| hide, #| include: false    the cell is dropped, code or prose; a cell of imports is folded
    #| echo: false, #| hide_input                 the code is dropped, its outputs stay
    #| output: false, #| hide_output              the outputs are dropped, the code stays
    #| fig-alt: text                              the text becomes the alternative text of the cell's pictures
    any other #| line, such as #| export          the line is dropped; exported code stands in its place, unfolded
    a cell that only imports, or only checks      it is folded, under the word Imports or Check
    a cell that ends with check('name', answer)   below it come hints and solution, folded (exercises.py)
    a cell that play.yml names                    below its picture comes a playground (play.py)
    > subtitle, below the title                   the description of the page
    a link to NN_name.ipynb or X_name.ipynb       a link to the page `name`; where its text is NN_name, it becomes the lesson's name
    lesson 06, notebook 06, appendix C            a link to that page, where it isn't one already
    a link to another file of the repository      a link to it in the repository, or to a copy where there is no repository
    a public name between backticks               a link to its documentation
    the first use of a term of glossary.yml       a link to the glossary
    a paper of references.yml, named with its year  a link to the references

An exported name becomes an anchor at the cell that defines it, so `optimizer.html#basicoptim` stays true when cells move.

Why not what there is: nbdev makes its pages with Quarto, a large program beside Python and Node.js, whose pages don't go through Sphinx's
checks (here a name without a page is an error). MyST-NB renders notebooks, and has no word for nbdev's lines: hence this bridge.
"""
from dataclasses import dataclass, field
from pathlib import Path
import ast, copy, html, math, re

import nbformat
from nbformat.v4 import new_markdown_cell

import exercises, play
from notebooks import is_lesson, number, page_of, title_of

DIRECTIVE = re.compile(r'^#\|[ \t]*([\w-]+)[ \t]*:?[ \t]*(.*?)[ \t]*$', flags=re.M)
DROPPED = {'default_exp', 'hide', 'include: false'}
NO_CODE, NO_OUTPUT = {'echo: false', 'hide_input'}, {'output: false', 'hide_output'}
ANSI = re.compile(r'\x1b\[[0-9;?]*[A-Za-z]')
# What is not plain prose: fenced code, math, code, links and pictures, headings, HTML.
SPECIAL = re.compile(r'(^```.*?^```|\$\$.*?\$\$|\$[^$\n]+\$|`[^`\n]+`|!?\[[^\]\n]*\]\([^)\n]*\)|^#[^\n]*|<[^>\n]+>)', flags=re.M | re.S)

@dataclass
class Site:
    "What the pages need to know about each other"
    names: dict = field(default_factory=dict)  # A name between backticks: the Markdown of a link, or a web address
    terms: list = field(default_factory=list)  # The entries of glossary.yml
    pages: dict = field(default_factory=dict)  # The path of a source file in the repository: the page made from it
    root: Path = Path('.')                     # The repository
    git_url: str = ''                          # Its public address; empty: none
    branch: str = 'main'
    last: str = ''                             # The name of the last lesson
    files: set = field(default_factory=set)    # Filled here: files of the repository that pages link to
    papers: list = field(default_factory=list) # The entries of references.yml
    cited: dict = field(default_factory=dict)  # Filled here: the notebooks that name a paper, by its anchor
    seen: set = field(default_factory=set)     # Terms that the API page in work has linked already

def directives(source):
    "The directive lines of a cell as a dict, `{'fig-alt': 'A curve'}`"
    return {name: value for name, value in DIRECTIVE.findall(source)}

def has(source, wanted):
    "Is one of the wanted directives there? `'echo: false'` means that value, `'hide'` the bare name."
    found = directives(source).items()
    return any(f'{k}: {v}' in wanted or k in wanted for k, v in found)

def slug(text):
    "The anchor of a heading, as Sphinx makes it"
    from docutils.nodes import make_id
    return make_id(re.sub(r'[`*]', '', text))

# Outputs

def clean_text(text):
    "Text as a terminal would leave it: no colours, and of an overwritten line its last state"
    lines = ANSI.sub('', text).replace('\r\n', '\n').split('\n')
    return '\n'.join(line.rstrip('\r').rsplit('\r', 1)[-1] for line in lines)

def clean_html(text):
    "A saved HTML output without styles of its own, scripts, and links to other hosts' style sheets"
    return re.sub(r'<(style|script)\b.*?</\1>|<link\b[^>]*>', '', text, flags=re.S | re.I).strip()

def clean_output(output):
    "The output as it is shown, or None if nothing of it is left"
    output = copy.deepcopy(output)
    if output.output_type == 'stream':
        output.text = clean_text(output.text)
        return output if output.text.strip() else None
    data = output.get('data', {})
    if 'text/html' in data:
        data['text/html'] = clean_html(data['text/html'])
        if not data['text/html']: return None
    if 'text/plain' in data: data['text/plain'] = clean_text(data['text/plain'])
    if any(kind.startswith('image/') for kind in data): data.pop('text/plain', None)
    return output

def joined(outputs):
    "Outputs with neighbouring pieces of the same stream as one"
    out = []
    for o in outputs:
        if out and o.output_type == 'stream' == out[-1].output_type and o.name == out[-1].name: out[-1].text += o.text
        else: out.append(copy.deepcopy(o))
    return out

def is_check(node):
    "Does a statement nothing but check, such as `test_eq(…)`, also under a `for`, `if` or `with`?"
    if isinstance(node, ast.Assert): return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call): return getattr(node.value.func, 'id', '').startswith(('test_', 'check_'))
    return isinstance(node, (ast.For, ast.With, ast.If)) and all(map(is_check, node.body + getattr(node, 'orelse', [])))

def folded(source):
    "`'Imports'` or `'Check'` for a cell that does only that, else empty"
    try: body = ast.parse(re.sub(r'^[%!].*$', 'pass', source, flags=re.M)).body
    except SyntaxError: return ''
    if body and all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in body): return 'Imports'
    return 'Check' if body and all(map(is_check, body)) else ''

def code_cell(cell):
    "The cell as it is shown, or None. Raises `ValueError` for a picture without its text."
    source = cell.source
    plain = re.sub(r'^#\|.*\n?', '', source, flags=re.M).strip('\n')
    fold = folded(plain)
    if has(source, DROPPED) and not ('hide' in directives(source) and fold == 'Imports'): return None
    cell = copy.deepcopy(cell)
    cell.source = plain
    cell.outputs = [] if has(source, NO_OUTPUT) else [o for o in map(clean_output, joined(cell.outputs)) if o]
    alt = directives(source).get('fig-alt', '')
    if any(kind.startswith('image/') for o in cell.outputs for kind in o.get('data', {})):
        if not alt: raise ValueError(f'a cell draws a picture and has no "#| fig-alt:" line:\n{source}')
        cell.metadata['mystnb'] = {'image': {'alt': alt}}
    if has(source, NO_CODE): cell.metadata['tags'] = ['remove-input']
    elif fold:
        cell.metadata['tags'] = ['hide-input', f'fold-{fold.lower()}']
        cell.metadata.setdefault('mystnb', {}).update(code_prompt_show=fold, code_prompt_hide=fold)
    return cell if cell.outputs or (cell.source and not has(source, NO_CODE)) else None

# Prose

def outside(text, change_prose=lambda s: s, change_special=lambda s: s):
    "Change the plain prose of Markdown and its special pieces (code, links, math, headings) separately"
    parts = SPECIAL.split(text)
    return ''.join(change_special(p) if i % 2 else change_prose(p) for i, p in enumerate(parts))

def link_names(text, site):
    "Turn backticked names that are documented somewhere into links"
    def change(piece):
        m = re.fullmatch(r'`([A-Za-z_][\w.]*)(\(.*\))?`', piece)
        target = site.names.get(m[1]) if m else None
        if not target: return piece
        return f'[{piece}]({target})' if '://' in target else f'{{py:obj}}`{m[1]}{m[2] or ""} <{target}>`'
    return outside(text, change_special=change)

def link_terms(text, site, seen):
    "Link each term of the glossary where it is first used; `seen` collects them over the cells of a page"
    def change(prose):
        for entry in site.terms:
            if entry['term'] in seen: continue
            forms = '|'.join(sorted(map(re.escape, entry.get('forms', [entry['term']])), key=len, reverse=True))
            phrases = ''.join(re.escape(p) + '|' for p in entry.get('not_in', []))
            for m in re.finditer(rf'{{term}}`[^`]*`|{phrases}(?<![\w-])({forms})(?![\w-])', prose, flags=re.I):
                if not m[1]: continue
                seen.add(entry['term'])
                prose = f'{prose[:m.start()]}{{term}}`{m[1]} <{entry["term"]}>`{prose[m.end():]}'
                break
        return prose
    return outside(text, change_prose=change)

def relink(text, site, folder='nbs'):
    "Point links at pages; `folder` is where the text's file lies. Raises `ValueError` for a file that isn't there."
    def change(piece):
        m = re.fullmatch(r'(!?\[[^\]]*\])\((?!\w+:|#)([^)#\s]+)(#[^)]*)?\)', piece, flags=re.S)
        if not m: return piece
        path = (site.root/folder/m[2]).resolve()
        if not path.exists(): raise ValueError(f'a link to {m[2]}: there is no such file')
        name = path.relative_to(site.root.resolve()).as_posix()
        if name in site.pages: return f'{f"[{title_of(path)}]" if m[1] == f"[{path.stem}]" else m[1]}({site.pages[name]}{m[3] or ""})'
        if site.git_url: return f'{m[1]}({site.git_url}/blob/{site.branch}/{name})'
        site.files.add(name)
        return f'{m[1]}(files/{name if path.suffix else name + ".txt"})'
    return outside(text, change_special=change)

def paper(entry):
    "The anchor of a paper"
    return slug(f'{entry["cited"]} {entry["year"]}')

def link_papers(text, site, name=''):
    "Link each paper that is named with its year, as `Kingma and Ba, 2015` or `Li et al. (2018)`, and note that `name` names it"
    def forms(entry):
        names = re.escape(entry['cited']).replace(r'et\ al\.', r'(?:et\ al\.|and\ others)').replace(r'\ ', r'\s+')
        return '|'.join([fr'(?<![\w-])(?<![A-Za-z]\sand\s){names}(?:,?\s+{entry["year"]}(?!\d)|\s+\({entry["year"]}\)|(?=\s+\({entry["year"]}\b))', *map(re.escape, entry.get('forms', []))])
    def change(prose):
        for entry in site.papers:
            def link(m):
                site.cited.setdefault(paper(entry), []).append(name)
                return f'[{m[0]}](#{paper(entry)})'
            prose = re.sub(forms(entry), link, prose)
        return prose
    return outside(text, change)

def link_lessons(text, site):
    "Turn words such as `lesson 06` and `appendix C` into links to that page"
    pages = {number(path): page for path, page in site.pages.items() if number(path)}
    def change(m): return f'[{m[0]}]({pages[m[1]]})' if m[1] in pages else m[0]
    return outside(text, lambda prose: re.sub(r'\b(?:[Ll]esson|[Nn]otebook|[Aa]ppendix) (\d\d[a-z]?|[A-Z])\b', change, prose))

def prose(text, site, seen, folder='nbs', name=''):
    "All that happens to a Markdown cell"
    return link_lessons(relink(link_terms(link_papers(link_names(text, site), site, name), site, seen), site, folder), site)

# Pages

def opening(nb):
    "Title and description of a notebook: `# title` and `> description` of its first cell"
    text = nb.cells[0].source if nb.cells else ''
    m = re.match(r'#[ \t]+(.+?)[ \t]*(?:\n\s*\n>[ \t]*(.+?)[ \t]*(?:\n|$)|\n|$)', text)
    if not m or not m[2]: raise ValueError('a notebook begins with a cell "# title", an empty line, and "> one sentence"')
    return m[1], m[2]

def minutes(nb):
    "How long the reading takes: 200 words of prose a minute, or 20 lines of the code that isn't folded"
    words = sum(len(c.source.split()) for c in nb.cells if c.cell_type == 'markdown')
    shown = [c for c in map(code_cell, [c for c in nb.cells if c.cell_type == 'code']) if c]
    lines = sum(len(c.source.splitlines()) for c in shown if 'hide-input' not in c.metadata.get('tags', []))
    return max(1, math.ceil(words/200 + lines/20))

def assigned(body):
    "The names that statements assign a value, with their lines; also under an `if`, and in `a, b = …`"
    for node in body:
        if isinstance(node, ast.If): yield from assigned(node.body + node.orelse)
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        yield from ((n.id, node.lineno) for t in targets for n in ast.walk(t) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))

def defined(source):
    "The names that a cell defines at its top level, with the methods of classes as `class.method`"
    try: tree = ast.parse(source)
    except SyntaxError: return []
    names = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.append(node.name)
            names += [f'{node.name}.{f.name}' for f in getattr(node, 'body', []) if isinstance(node, ast.ClassDef) and isinstance(f, ast.FunctionDef)]
        else: names += [n for n, _ in assigned([node])]
    return [n for n in names if not n.startswith('_')]

def anchors(names, taken):
    "A cell of invisible anchors, one a name, leaving out those that the page has already"
    ids = [n.lower() for n in names if n.lower() not in taken]
    taken.update(ids)
    return [new_markdown_cell(''.join(f'<span id="{i}" class="anchor"></span>' for i in ids))] if ids else []

def place(name, site):
    "Where a notebook stands: `Lesson 06 of 16`, the numbers as in the names of the files; `Appendix A`; empty for the index"
    if is_lesson(name): return f'Lesson {number(name)} of {number(site.last)}'
    return f'Appendix {number(name)}' if number(name) else ''

def eyebrow(name, site):
    "What stands above the title: `06 Momentum`, and where that is in the series"
    return f'<p class="eyebrow"><strong>{title_of(name)}</strong><span>{place(name, site)}</span></p>' if title_of(name) else ''

def bar(nb, name, site):
    "The line below the title: reading time, the notebook, and where to run it"
    links = [f'<span>{minutes(nb)} min to read</span>', f'<a href="notebooks/{name}.ipynb" download>Download {name}.ipynb</a>']
    if m := re.fullmatch(r'https://github\.com/([^/]+/[^/]+?)/?', site.git_url):
        links += [f'<a href="https://colab.research.google.com/github/{m[1]}/blob/{site.branch}/nbs/{name}.ipynb">Open in Colab</a>',
                  f'<a href="https://mybinder.org/v2/gh/{m[1]}/{site.branch}?labpath=nbs%2F{name}.ipynb">Open in Binder</a>']
    return '<div class="page-bar">' + ''.join(links) + '</div>'

def foot(nb):
    "What the outputs of the page come from, as `make prepare` noted it in the notebook"
    made = nb.metadata.get('fastbook_sgd')
    if not made: return ''
    versions = ', '.join(f'{k} {made["versions"][k]}' for k in ('fastbook_sgd', 'torch', 'fastai') if k in made['versions'])
    return f'<p class="provenance">The outputs on this page come from {html.escape(versions)}, on the data <code>{html.escape(made["data"])}</code>.</p>'

def convert(nb, name, site):
    "The notebook as MyST-NB is to render it"
    title, description = opening(nb)
    seen, cells = set(), []
    taken = {slug(h) for c in nb.cells if c.cell_type == 'markdown' for h in re.findall(r'^#+[ \t]+(.+)$', c.source, flags=re.M)}
    for i, cell in enumerate(nb.cells):
        if cell.cell_type == 'code':
            if shown := code_cell(cell):
                if 'export' in directives(cell.source): cells += anchors(defined(shown.source), taken)
                cells.append(shown)
                cells += play.below(cell.get('id'), cells)
                cells += exercises.below(shown.source, name)
        else:
            lines = re.match(r'(#\|.*\n?)*', cell.source)[0]
            if has(lines, DROPPED): continue
            text = cell.source.removeprefix(lines)
            if not i: text = re.sub(r'^>.*\n?', '', text.split('\n', 1)[1], flags=re.M).strip()
            parts = [prose(text, site, seen, name=name)] if text else []
            if not i: parts = [f'# {title}', eyebrow(name, site), f'{{.lead}}\n{link_names(description, site)}', bar(nb, name, site), *parts]
            new = copy.deepcopy(cell)
            new.source = '\n\n'.join(parts)
            cells.append(new)
    if end := foot(nb): cells.append(new_markdown_cell(end))
    out = nbformat.v4.new_notebook(cells=cells, metadata={'kernelspec': nb.metadata.get('kernelspec', {'name': 'python3', 'display_name': 'python3', 'language': 'python'})})
    for i, cell in enumerate(out.cells): cell['id'] = f'cell-{i}'
    return out

def pictures(nb):
    "The pictures that a notebook shows: their alternative texts and PNG bytes"
    from base64 import b64decode
    shown = [code_cell(c) for c in nb.cells if c.cell_type == 'code']
    return [(c.metadata['mystnb']['image']['alt'], b64decode(o.data['image/png']))
            for c in shown if c for o in c.outputs if 'image/png' in o.get('data', {})]

def with_thumbnails(text, thumbs):
    "Give a table whose rows link to pages with pictures a first column with these; `thumbs`: page: (alt, file)"
    def row(m):
        line, page = m[0], re.match(r'\|\s*\[[^\]]*\]\(([\w-]+)\.ipynb\)', m[0])
        if page and page[1] in thumbs: return '| [![{}]({})]({}.ipynb) '.format(*thumbs[page[1]], page[1]) + line
        return '| ' + ('---' if re.fullmatch(r'[|\s:-]+', line) else 'picture' if 'notebook' in line else '') + ' ' + line
    tables = re.split(r'((?:^\|.*\|[ \t]*$\n?)+)', text, flags=re.M)
    pages = lambda t: re.findall(r'^\|\s*\[[^\]]*\]\(([\w-]+)\.ipynb\)', t, flags=re.M)
    return ''.join('{.arc}\n' + re.sub(r'^\|.*$', row, t, flags=re.M) if thumbs.keys() & set(pages(t)) else t for t in tables)
