"Write the sources of the site into a folder: lessons, API pages, glossary, pictures. Files that say the same are left alone."
from functools import cache, partial
from importlib import import_module
from io import BytesIO
from pathlib import Path
import ast, inspect, json, os, re, sys

from PIL import Image, ImageDraw, ImageFont
import nbformat, yaml

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
LIB = 'fastbook_sgd'
sys.path.insert(0, str(ROOT/'tools'))
import bridge, play, search
from notebooks import appendices, is_lesson, lessons, module_of, number, page_of, series, title_of
from write_pyproject import read_settings as settings

SAFE = 'How it is kept safe'    # what the appendices are called: in the sidebar, and as the heading of their table on the first page

def site_url(cfg):
    "Where the site is published, with a slash at its end: SITE_URL, else GitHub Pages of git_url, else empty"
    if url := os.environ.get('SITE_URL'): return url.rstrip('/') + '/'
    m = re.fullmatch(r'https://github\.com/([^/]+)/([^/]+?)/?', cfg['git_url'])
    return f'https://{m[1].lower()}.github.io/{m[2]}/' if m else ''

class Folder:
    "A folder to write into that knows what was written"
    def __init__(self, path): self.path, self.written = Path(path), set()

    def write(self, name, content):
        "Write text or bytes, unless the file says the same already"
        data = content.encode() if isinstance(content, str) else content
        path = self.path/name
        self.written.add(path)
        if path.exists() and path.read_bytes() == data: return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def sweep(self):
        "Remove what an earlier build wrote and this one didn't"
        for path in self.path.rglob('*'):
            if path.is_file() and path not in self.written: path.unlink()

# API

DOOR = 'optim'    # the module that people import: its page shows what other modules build, and comes first

@cache
def modules(root=ROOT):
    "Modules with the stem of the notebook that writes each: the public door, then those of the lessons, then the back rooms"
    found = [(module_of(p), p.stem) for p in lessons(root/'nbs') + appendices(root/'nbs')]
    shown = [m for m in found if m[0] and import_module(f'{LIB}.{m[0]}').__all__]      # one that only leads old names on has no page
    return sorted(shown, key=lambda m: m[0] != DOOR)

def symbols(module):
    "The public names of a module: its own in the order of its source, methods as `Class.method`, then those that it passes on"
    index = import_module(f'{LIB}._modidx').d['syms'].get(module.__name__, {})
    names = [n.removeprefix(module.__name__ + '.') for n in index]
    names += [n for n in module.__all__ if n not in names]
    own = [n for n in names if not re.search(r'(^|\.)_', n) and home(module, n) is module]
    return sorted(own, key=lambda n: line_of(module, n)) + passed_on(module)

def passed_on(module):
    "The names in a module's `__all__` that another module of ours defines"
    return [n for n in module.__all__ if home(module, n) is not module]

def home(module, name):
    "The module of ours that defines what `module` calls `name`"
    obj = lookup(module, name.split('.')[0])
    if name in assigned(module): return module
    at = getattr(obj, '__module__', '') if inspect.isclass(obj) or inspect.isroutine(obj) else ''
    at = at or next((f'{LIB}.{m}' for m, _ in modules() if name in assigned(import_module(f'{LIB}.{m}'))), '')   # data doesn't know
    return import_module(at) if at.startswith(f'{LIB}.') else module

@cache
def assigned(module):
    "Line by name of what a module assigns a value"
    return dict(reversed([*bridge.assigned(ast.parse(inspect.getsource(module)).body)]))     # the first line of each

def line_of(module, name):
    "The line at which a name is defined, in the module that defines it"
    obj = lookup(module, name)
    if isinstance(obj, property): obj = obj.fget
    try: return inspect.getsourcelines(inspect.unwrap(obj))[1]
    except (TypeError, OSError): pass
    if line := assigned(home(module, name)).get(name): return line
    raise LookupError(f'{module.__name__}.{name}: no definition found')

def lookup(module, name):
    "The object behind `name` or `Class.method`"
    obj = module
    for part in name.split('.'): obj = getattr(obj, part)
    return obj

def names_in(module):
    "The public data of a module that is more than a number or a text: name by identity"
    return {id(v): n for n, v in vars(module).items() if n in module.__all__ and (hasattr(v, '_fields') or not isinstance(v, (type(None), bool, int, float, str, tuple)))}

def as_code(x, names=()):
    "A value as one would write it: by a name that its module gives it, functions and classes by theirs, sets in the order of the alphabet"
    code = lambda x: names[id(x)] if id(x) in names else as_code(x, names)
    if isinstance(x, dict): return '{' + ', '.join(f'{code(k)}: {code(v)}' for k, v in x.items()) + '}'
    if isinstance(x, (set, frozenset)): return '{' + ', '.join(sorted(map(code, x))) + '}' if x else 'set()'
    if hasattr(x, '_fields'): return f'{type(x).__name__}(' + ', '.join(f'{n}={code(v)}' for n, v in zip(x._fields, x)) + ')'
    if isinstance(x, list): return '[' + ', '.join(map(code, x)) + ']'
    if isinstance(x, tuple): return '(' + ', '.join(map(code, x)) + (',)' if len(x) == 1 else ')')
    if hasattr(x, '__name__'): return '...' if x.__name__ == '<lambda>' else x.__name__
    return re.sub(r' at 0x\w+', '', repr(x))

def signature(obj):
    "The parameters in parentheses, with their defaults"
    at = getattr(obj, '__module__', None) or ''
    names = names_in(import_module(at)) if at.startswith(f'{LIB}.') else {}
    default = lambda x: x if x is inspect.Parameter.empty else type('Code', (), {'__repr__': lambda _: names.get(id(x)) or as_code(x, names)})()
    params = [p.replace(annotation=p.empty, default=default(p.default)) for n, p in inspect.signature(obj).parameters.items() if n != 'self']
    return str(inspect.Signature(params))

def link(text, site):
    "Names of a docstring or docment as links, and the first use of a term on the page"
    return bridge.link_terms(bridge.link_papers(bridge.link_names(text.strip(), site), site), site, site.seen)

def words_for(module, name):
    "The docstring behind `name` on one line; without one, the comment at the end of a `def` of one line; of a method, also that of a class above"
    owner, _, last = name.rpartition('.')
    for obj in [vars(c)[last] for c in lookup(module, owner).__mro__ if last in vars(c)] if owner else [lookup(module, name)]:
        if doc := inspect.getdoc(obj): return ' '.join(doc.split())
        m = re.search(r'^\s*def [^\n]*:[ \t]*[^\s#][^\n]*?[ \t]#[ \t]*([^\n"]+)$', inspect.getsource(obj).rstrip()) if inspect.isfunction(obj) else None
        if m: return f'{m[1][0].upper()}{m[1][1:].rstrip(".")}.'
    return ''

def source(obj):
    "The code of a function or a class, to be unfolded"
    try: code = inspect.getsource(inspect.unwrap(obj)).rstrip()
    except (TypeError, OSError): return ''
    return f'<details class="source"><summary>Source</summary>\n\n`````python\n{code}\n`````\n\n</details>'

def split_errors(doc):
    "A docstring without, and the sentences that name its errors"
    sentences = re.split(r'(?<=\.)\s+(?=[A-Z])', doc)
    errors = [s for s in sentences if re.match(r'Raises?\b', s)]
    return ' '.join(s for s in sentences if s not in errors), ' '.join(errors)

def result_comment(obj):
    "The comment behind the colon of a `def`: what it returns"
    m = re.search(r'^(?:\s*\)|\s*def [^\n]*\))(?:\s*->[^:\n]*)?:[ \t]*#[ \t]*(.+)$', inspect.getsource(obj), flags=re.M)
    return m[1].strip() if m else ''

def fields(obj, site, skip=(), said=''):
    "Parameters and result with their comments, as a field list; without those in `skip`, and without a comment that is `said` above"
    from fastcore.docments import docments
    if not inspect.isfunction(obj := inspect.unwrap(obj) if callable(obj) else obj): return []
    docs, plain = docments(obj, full=True), lambda words: words.strip(' .').lower()
    lines = [f':param {name}: {link(" ".join(doc["docment"].split()), site)}' for name, doc in docs.items() if name not in (*skip, 'self', 'return') and doc['docment'] and plain(doc['docment']) != plain(said)]
    return lines + [f':returns: {link(text, site)}' for text in [result_comment(obj)] if text]

def built_in(module):
    "The stem of the notebook that writes a module"
    stems = dict(modules())
    name = module.__name__.split('.')[-1]
    if name not in stems: raise LookupError(f'{module.__name__}: no notebook writes it, so its names have no page that explains them')
    return stems[name]

def kind_of(obj, name):
    "What Sphinx calls an object; what is neither a class of ours nor written as a function is data, such as a method of another library"
    if isinstance(obj, property): return 'property'
    if '.' in name: return 'method'
    if inspect.isclass(obj): return 'class' if obj.__module__.startswith(f'{LIB}.') else 'data'
    return 'function' if inspect.isfunction(inspect.unwrap(obj)) or isinstance(obj, partial) else 'data'

def describe(module, name, site, cfg, methods=()):
    "One entry of an API page, a class with its `methods`. What another module defines is named as its own too, which Sphinx calls canonical: a link to either finds it."
    obj, at = lookup(module, name), home(module, name)
    lesson = built_in(at)
    kind = kind_of(obj, name)
    is_class, called_so = kind == 'class', kind in ('class', 'function', 'method')
    head = name + (signature(obj) if called_so else '')
    doc, errors = split_errors(words_for(module, name) if called_so or kind == 'property' else '')
    value = as_code(obj, names_in(at)) if kind == 'data' else ''
    called = obj.__init__ if is_class and '__init__' in vars(obj) and not hasattr(obj, '_fields') else obj
    if errors and not doc: doc, errors = errors, ''
    body = [f'`{value}`' if value else link(doc, site)]
    if is_class and 'rule' in vars(obj): lines = fields(obj.__init__, site, ('args', 'hypers')) + fields(obj.rule, site, ('p', 'g', *obj.remembers)) + fields(obj.__init__, site, ('args', 'params'))   # what its rule takes
    else: lines = fields(called, site, said=doc) if called_so else []
    if lines: body.append('\n'.join(lines))
    if errors: body.append(f':Errors: {link(errors, site)}')
    where = [f'<a href="../{page_of(lesson)}.html#{name.lower()}">Built in {title_of(lesson)}</a>']
    if cfg['git_url']: where.append(f'<a href="{cfg["git_url"]}/blob/{cfg["branch"]}/{LIB}/{at.__name__.split(".")[-1]}.py#L{line_of(module, name)}">Source</a>')
    if kind not in ('method', 'property'): body.append(f'<p class="where">{" · ".join(where)}</p>')
    if kind in ('class', 'function'): body.append(source(obj))
    body += [describe(module, n, site, cfg) for n in methods]
    options = f':canonical: {at.__name__}.{name}\n' if at is not module else ''
    fence = '::::' if '.' in name else ':::::'
    return f'{fence}{{py:{kind}}} {head}\n{options}\n' + '\n\n'.join(b for b in body if b) + f'\n\n{fence}'

def api_page(name, lesson, site, cfg):
    "The page of one module"
    module = import_module(f'{LIB}.{name}')
    site.seen, names = set(), symbols(module)
    entries = [describe(module, n, site, cfg, [m for m in names if m.startswith(f'{n}.')]) for n in names if '.' not in n]
    notebook, one = f'<a href="../{page_of(lesson)}.html">{title_of(lesson)}</a>', 'lesson' if is_lesson(lesson) else 'appendix'
    if name == DOOR: text = f'Imported with `from {LIB} import {name}`. The {one} {notebook} brings together what other notebooks build; below each name stands the one that builds, explains and checks it.'
    else: text = f'Everything here is built, explained and checked in the {one} {notebook}{" or in the notebook named below it" if passed_on(module) else ""}, and imported with `from {LIB}.{name} import *`.'
    doc = (module.__doc__ or '').split('\n\n')
    return '\n\n'.join([f'# {LIB}.{name}', f'{{.lead}}\n{link(doc[0], site)}', *[link(d, site) for d in doc[1:]], f'```{{py:module}} {LIB}.{name}\n```', text, *entries]) + '\n'

def api_table(mods):
    "A table of modules with their names"
    rows = ['| module | names |', '|---|---|']
    for name, _ in mods:
        names = ', '.join(f'{{py:obj}}`{n} <{LIB}.{name}.{n}>`' for n in symbols(import_module(f'{LIB}.{name}')) if '.' not in n)
        shown = name.replace('__', r'\_\_')     # bold, otherwise
        rows.append(f'| [{LIB}.{shown}]({name}.md) | {names} |')
    return '\n'.join(rows)

def api_index(mods):
    "The page that lists every module with its names: the public door, the lessons' modules, the back rooms"
    door, taught = [m for m in mods if m[0] == DOOR], [m for m in mods if m[0] != DOOR and is_lesson(m[1])]
    parts = [('The optimizers', door), ('What the lessons build', taught), (SAFE, [m for m in mods if m not in door + taught])]
    toc = '\n'.join(name for name, _ in mods)
    return '\n\n'.join(['# API reference', '{.lead}\nEvery public name: its signature, what each parameter is, and the notebook that builds it.',
                        f'`from {LIB}.all import *` gives you what the lessons build, together with fastai\'s basics, and `{DOOR}` for the optimizers.',
                        *[f'## {title}\n\n{api_table(some)}' for title, some in parts if some], f'```{{toctree}}\n:hidden:\n\n{toc}\n```']) + '\n'

def found_as():
    "Entries of the search for the API: each module, and each name once, on the public door's page where that has it"
    seen = set()
    for name, lesson in modules():
        module = import_module(f'{LIB}.{name}')
        yield search.entry(f'{LIB}.{name}', f'api/{name}.html', 'page', 'API reference', name, search.plain(inspect.getdoc(module) or ''))
        for n in symbols(module):
            at, kind = home(module, n), kind_of(lookup(module, n), n) if name == DOOR or is_lesson(lesson) else 'inner'
            if (at.__name__, n) in seen: continue
            seen.add((at.__name__, n))
            doc = words_for(module, n) if kind_of(lookup(module, n), n) != 'data' else ''
            yield search.entry(n, f'api/{name}.html#{LIB}.{name}.{n}', kind, f'{LIB}.{name}', [n.split('.')[-1], f'{LIB}.{name}.{n}'], search.plain(doc))

# Other pages

def glossary_page(terms, site):
    "The glossary, in alphabetical order"
    entries = []
    for e in sorted(terms, key=lambda e: e['term'].lower()):
        entries.append(f'{e["term"]}\n  <span lang="zh-Hant" class="zh">{e["zh"]}</span>\n\n  {e["text"]}\n')
    return ('# Glossary\n\n{.lead}\nThe words of the series, with the Traditional Chinese term beside each.\n\n'
            '```{glossary}\n' + '\n'.join(entries) + '```\n')

def references_page(site, cfg):
    "The papers, with the notebooks that name each, and how to cite the series"
    entries = []
    for e in sorted(site.papers, key=lambda e: (e['authors'].split(',')[0].split(' and ')[0].split()[-1], e['year'])):
        where = ', '.join(f'[{title_of(n)}]({page_of(n)}.ipynb)' for n in dict.fromkeys(site.cited.get(bridge.paper(e), [])) if title_of(n))
        title = f'[{e["title"]}]({e["url"]})' if 'url' in e else f'*{e["title"]}*'
        entries.append(f'({bridge.paper(e)})=\n{e["authors"]} ({e["year"]}). {title}{", " + e["at"] if "at" in e else ""}.{" Named in " + where + "." if where else ""}')
    bib = [f'@software{{{LIB},', f'  title = {{{LIB}: {cfg["description"].rstrip(".")}}},', f'  author = {{{{{cfg["author"]}}}}},', f'  version = {{{cfg["version"]}}},', *[f'  url = {{{u}}},' for u in [site.git_url or site_url(cfg)] if u], '}']
    return '\n\n'.join(['# References', '{.lead}\nThe papers and the book that the lessons name, and how to cite the series.', '## Papers and books', *entries, '## Cite this series',
                        bridge.relink('[CITATION.cff](CITATION.cff) says it in a form that programs read; for BibTeX:', site, '.'), '```bibtex\n' + '\n'.join(bib) + '\n```']) + '\n'

def changelog(root):
    "What is new; its subtitle becomes the description of the page"
    return (root/'CHANGELOG.md').read_text(encoding='utf-8').replace('\n> ', '\n{.lead}\n', 1)

def benchmark(root):
    "The last result of `make bench`; its subtitle becomes the description of the page"
    return (root/'bench'/'README.md').read_text(encoding='utf-8').replace('\n> ', '\n{.lead}\n', 1)

MISSING = '''---
orphan: true
---
# This page does not exist

{.lead}
The address may be mistyped, or the page may have moved.

Start from the [first page](index.ipynb), look a name up in the [API reference](api/index.md), or use the search above.
'''

def thumbnail(data, width=480):
    "A smaller PNG, on white"
    image = Image.open(BytesIO(data)).convert('RGBA')
    image = Image.alpha_composite(Image.new('RGBA', image.size, 'white'), image).convert('RGB')
    image.thumbnail((width, width))
    return png(image)

def png(image):
    "The bytes of a picture"
    out = BytesIO()
    image.save(out, 'PNG', optimize=True)
    return out.getvalue()

def font(size, bold=True):
    "A font that comes with matplotlib"
    import matplotlib
    return ImageFont.truetype(str(Path(matplotlib.get_data_path())/'fonts'/'ttf'/f'DejaVuSans{"-Bold" if bold else ""}.ttf'), size)

def social_card(data, title, text):
    "What is shown where someone shares a link: our own plot beside the title, 1200×630"
    card = Image.new('RGB', (1200, 630), 'white')
    plot = Image.open(BytesIO(data)).convert('RGB').resize((520, 520), Image.Resampling.LANCZOS)
    card.paste(plot, (50, 55))
    draw, lines = ImageDraw.Draw(card), ['']
    for word in text.split():
        if draw.textlength(f'{lines[-1]} {word}', font(34, False)) > 540: lines.append('')
        lines[-1] = f'{lines[-1]} {word}'.strip()
    draw.text((610, 190), title, '#111111', font(60))
    draw.multiline_text((610, 290), '\n'.join(lines), '#333333', font(34, False), spacing=14)
    return png(card)

def favicon(data):
    "The middle of the plot as a small square"
    image = Image.open(BytesIO(data)).convert('RGB')
    w, h = image.size
    return png(image.crop((w//8, h//8, w - w//8, h - h//8)).resize((64, 64), Image.Resampling.LANCZOS))

def llms(cfg, infos, url):
    "llms.txt: the site in a few lines for language models"
    line = lambda i: f'- [{i["name"]}: {i["title"]}]({url}{i["page"]}.html): {i["description"]} Notebook: {url}notebooks/{i["stem"]}.ipynb'
    parts = [('Lessons', [line(i) for i in infos if is_lesson(i['stem'])]), (SAFE, [line(i) for i in infos if number(i['stem']) and not is_lesson(i['stem'])])]
    return '\n'.join([f'# {LIB}', '', f'> {cfg["description"]}', '', *[text for title, lines in parts if lines for text in (f'## {title}', '', *lines, '')], '## Reference', '',
                      *[f'- [{LIB}.{m}]({url}api/{m}.html): signatures, parameters, errors' for m, _ in modules()],
                      f'- [Glossary]({url}glossary.html): the terms, in English and Traditional Chinese', ''])

def toctree(caption, entries):
    "One section of the sidebar"
    return '```{toctree}\n:hidden:\n:caption: ' + caption + '\n\n' + '\n'.join(entries) + '\n```\n'

def by_name(paths):
    "The sidebar's entries of notebooks, by name"
    return [f'{title_of(p)} <{page_of(p)}>' for p in paths]

def write(folder=ROOT/'_proc'/'docs', root=ROOT, cfg=None):
    "Write everything below `folder`: `pages` for Sphinx, `extra` to be copied as it is. Returns what is known of each notebook."
    cfg = cfg or settings(root)
    out, extra, mods = Folder(Path(folder)/'pages'), Folder(Path(folder)/'extra'), modules(root)
    terms = yaml.safe_load((DOCS/'glossary.yml').read_text(encoding='utf-8'))
    names = yaml.safe_load((DOCS/'links.yml').read_text(encoding='utf-8'))
    for name, _ in mods:
        module = import_module(f'{LIB}.{name}')
        for n in symbols(module):
            names[f'{LIB}.{name}.{n}'] = f'{LIB}.{name}.{n}'
            if home(module, n) is module: names.setdefault(n, f'{LIB}.{name}.{n}')   # docs/links.yml says which library a name means where two have it
            if name == DOOR: names[f'{DOOR}.{n}'] = f'{LIB}.{name}.{n}'
            elif hasattr(import_module(f'{LIB}.{DOOR}'), n): names.setdefault(f'{DOOR}.{n}', f'{LIB}.{name}.{n}')
    taught, kept, paths = lessons(root/'nbs'), appendices(root/'nbs'), series(root/'nbs')
    site = bridge.Site(names, terms, {f'nbs/{p.name}': f'{page_of(p)}.ipynb' for p in paths} | {'CONTRIBUTING.md': 'contributing.md', 'CHANGELOG.md': 'changelog.md', 'bench/README.md': 'benchmark.md', 'bench/bench.png': 'bench.png'},
                       root, cfg['git_url'].rstrip('/'), cfg['branch'], taught[-1].stem, papers=yaml.safe_load((DOCS/'references.yml').read_text(encoding='utf-8')))
    infos, thumbs, found = [], {}, [*found_as(), *search.of_terms(terms)]
    for path in paths:
        nb, page = nbformat.read(path, as_version=4), page_of(path)
        try:
            new, shown = bridge.convert(nb, path.stem, site), bridge.pictures(nb)
        except ValueError as e: raise ValueError(f'{path.name}: {e}') from e
        if page == 'index':
            for cell in new.cells:
                if cell.cell_type == 'markdown': cell.source = bridge.with_thumbnails(cell.source, thumbs)
            new.cells[-1].source += '\n\n' + '\n'.join(toctree(caption, entries) for caption, entries in [
                ('Lessons', by_name(taught)), (SAFE, by_name(kept)), ('Reference', ['play', 'api/index', 'glossary', 'references', 'benchmark', 'changelog', 'contributing'])] if entries)
            new.cells[0].source = new.cells[0].source.replace('<div class="page-bar">', f'<p><a class="start" href="{page_of(taught[0])}.html">Start with lesson {number(taught[0])}</a></p>\n\n<div class="page-bar">', 1)
            card, icon = social_card(shown[0][1], LIB, cfg['description']), favicon(shown[0][1])
        elif shown and path in taught:
            out.write(f'thumbs/{page}.png', thumbnail(shown[0][1]))
            thumbs[page] = shown[0][0], f'thumbs/{page}.png'
        out.write(f'{page}.ipynb', nbformat.writes(new))
        extra.write(f'notebooks/{path.name}', path.read_bytes())
        title, description = bridge.opening(nb)
        infos.append(dict(page=page, stem=path.stem, name=title_of(path), title=title, description=description.replace('`', '')))
        found += search.of_notebook(nb, infos[-1], 'lesson' if path in taught else 'appendix' if path in kept else 'page')
    for name, lesson in mods: out.write(f'api/{name}.md', api_page(name, lesson, site, cfg))
    out.write('api/index.md', api_index(mods))
    out.write('glossary.md', glossary_page(terms, site))
    out.write('references.md', references_page(site, cfg))
    out.write('changelog.md', bridge.link_lessons(changelog(root), site))
    out.write('404.md', MISSING)
    out.write('play.md', play.page())
    out.write('contributing.md', bridge.relink((root/'CONTRIBUTING.md').read_text(encoding='utf-8'), site, '.'))
    out.write('benchmark.md', bridge.relink(benchmark(root), site, 'bench'))
    out.write('bench.png', (root/'bench'/'bench.png').read_bytes())
    for page, title in (('play', 'Play'), ('contributing', 'Contributing'), ('benchmark', 'Benchmark'), ('references', 'References'), ('changelog', 'Changelog')):
        found += search.of_page((out.path/f'{page}.md').read_text(encoding='utf-8'), page, title)
    extra.write('search-index.js', search.write(search.with_other_words(found, yaml.safe_load((DOCS/'search.yml').read_text(encoding='utf-8')))))
    for name in sorted(site.files): out.write(f'files/{name if Path(name).suffix else name + ".txt"}', (root/name).read_bytes())
    extra.write('card.png', card)
    extra.write('favicon.png', icon)
    extra.write('llms.txt', llms(cfg, infos, site_url(cfg)))
    for f in (out, extra): f.sweep()
    (Path(folder)/'infos.json').write_text(json.dumps(infos), encoding='utf-8')
    return infos
