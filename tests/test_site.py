"The built site in a real browser: what readers see. That the same checks notice planted faults, and the build itself: test_site_build.py."
from importlib import import_module
from pathlib import Path
from urllib.parse import urldefrag, urlsplit
import gzip, json, os, re
import xml.etree.ElementTree as ET

import nbformat, pytest

from conftest import ROOT
from sites import OUT, Links, axe, broken_links, needs_a_browser, open_page, overflow, problems
import notebooks

needs_a_browser()

NOTEBOOKS = notebooks.series(ROOT/'nbs')
LESSONS, APPENDICES = ([notebooks.page_of(p) for p in some(ROOT/'nbs')] for some in (notebooks.lessons, notebooks.appendices))
WRITTEN_BY = {m: p for p in NOTEBOOKS[:-1] if (m := notebooks.module_of(p)) and import_module(f'fastbook_sgd.{m}').__all__}   # with names of their own
MODULES = list(WRITTEN_BY)
PAGES = ['index.html', *(f'{n}.html' for n in LESSONS + APPENDICES), 'api/index.html', *(f'api/{m}.html' for m in MODULES), 'play.html', 'glossary.html', 'references.html', 'benchmark.html', 'changelog.html', 'contributing.html', 'search.html', '404.html']

# What every page must show

def test_every_page_is_known(site):
    assert sorted(p.relative_to(OUT).as_posix() for p in OUT.rglob('*.html') if '_static' not in p.parts) == sorted(PAGES)

@pytest.fixture(scope='module', params=PAGES)
def opened(request, site, browser):
    "A page, loaded once for the tests that ask for it, which run one after the other"
    page, wrong = open_page(browser, site + request.param)
    yield request.param, page, wrong
    page.context.close()

def test_page_is_sound(opened):
    name, page, wrong = opened
    assert problems(page, wrong) == []

def test_no_line_of_code_is_cut(opened):
    name, page, _ = opened
    page.evaluate('document.querySelectorAll("details").forEach(d => d.open = true)')
    for width in (390, 1024, 1440):
        page.set_viewport_size({'width': width, 'height': 900})
        cut = page.evaluate('[...document.querySelectorAll("article div.highlight pre")].filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent.slice(0, 60))')
        assert cut == [], width
    if name.removesuffix('.html') in LESSONS + APPENDICES:     # a line of a page is a line on the screen
        heights = page.evaluate('[...document.querySelectorAll(".cell_input pre")].map(e => [e.textContent, e.getBoundingClientRect().height/parseFloat(getComputedStyle(e).lineHeight)])')
        assert not [text[:60] for text, lines in heights if max(map(len, text.splitlines())) <= 110 and lines > len(text.rstrip().splitlines()) + 2.5]

def test_the_dark_is_there_from_the_first(site, browser):
    for name in ('index.html', 'momentum.html', 'api/optim.html'):
        page, wrong = open_page(browser, site + name, 'dark')
        assert page.evaluate('document.documentElement.dataset.theme') == 'dark' and wrong == [] == axe(page)
        page.context.close()

def test_links_and_anchors_resolve(site): assert broken_links(OUT) == []

def test_titles_descriptions_and_cards(site):
    seen = {}
    for name in PAGES:
        root = (OUT/name).read_text(encoding='utf-8')
        title = re.search(r'<title>(.*?)</title>', root, flags=re.S)[1].strip()
        meta = dict(re.findall(r'<meta (?:name|property)="([\w:]+)" content="([^"]*)"', root))
        assert len(meta['description']) > 20 and meta['og:title'], name
        assert re.fullmatch(r'https?://\S+/card\.png', meta['og:image']) if 'og:image' in meta else not os.environ.get('SITE_URL'), name    # whole, or none
        seen.setdefault(title, []).append(name)
    assert all(len(names) == 1 for names in seen.values()), seen
    from PIL import Image
    assert Image.open(OUT/'card.png').size == (1200, 630) and Image.open(OUT/'favicon.png').size == (64, 64)

def test_sitemap_and_llms(site):
    urls = [e.text for e in ET.parse(OUT/'sitemap.xml').iter('{http://www.sitemaps.org/schemas/sitemap/0.9}loc')]
    base = os.path.commonprefix(urls).rsplit('/', 1)[0] + '/'
    assert sorted(u.removeprefix(base) for u in urls) == sorted(set(PAGES) - {'404.html', 'search.html'})
    llms = (OUT/'llms.txt').read_text(encoding='utf-8')
    links = [re.sub(r'^https?://.*?/(?=(?:[\w-]+\.html|api/|notebooks/))', '', u) for u in re.findall(r'(?<=\()[^)\s]+\.html(?=\))|\S+\.ipynb', llms)]
    assert len(links) >= 2*len(LESSONS + APPENDICES) + len(MODULES) and not [u for u in links if not (OUT/u).exists()]

def test_a_wrong_address_shows_the_404_page(site, browser):
    page, wrong = open_page(browser, site + 'no/such/page')
    assert wrong and all('404' in w and ('no/such/page' in w or 'console' in w) for w in wrong), wrong   # the page itself, not its style sheets
    assert page.locator('article h1').inner_text().startswith('This page does not exist')
    page.get_by_role('link', name='first page').click()
    assert page.url.startswith(site) and page.title().startswith('fastbook_sgd')

# Lessons, API, glossary

def test_lesson(opened):
    "What a page made from a notebook must show; other pages pass"
    path = next((p for p in NOTEBOOKS if f'{notebooks.page_of(p)}.html' == opened[0]), None)
    if path is None: return
    nb, name, page = nbformat.read(path, as_version=4), notebooks.page_of(path), opened[1]
    text = page.locator('article').inner_text()
    for v in nb.metadata.fastbook_sgd.versions.values(): assert v in page.locator('.provenance').inner_text()
    assert nb.metadata.fastbook_sgd.data in page.locator('.provenance').inner_text()
    assert re.search(r'\d+ min to read', text) and page.locator('.page-bar a[download]').get_attribute('href') == f'notebooks/{path.name}'
    assert (OUT/'notebooks'/path.name).read_bytes() == path.read_bytes()
    place = page.locator('.eyebrow').all_inner_texts()
    if name in LESSONS: assert [p.split('\n')[-1].strip() for p in place] == [f'Lesson {notebooks.number(path)} of {notebooks.number(notebooks.lessons(ROOT/"nbs")[-1])}']
    else: assert [p.split('\n')[-1].strip() for p in place] == ([f'Appendix {notebooks.number(path)}'] if name in APPENDICES else [])
    assert page.locator('.eyebrow strong').all_inner_texts() == ([notebooks.title_of(path)] if notebooks.title_of(path) else [])
    imports = lambda c: c.cell_type == 'code' and all(l.startswith(('#|', 'import ', 'from ', ' ', ')')) for l in c.source.splitlines() if l)
    hidden = lambda c: re.search(r'^#\|\s*(hide|default_exp|echo: false)', c.source, flags=re.M) and not (imports(c) and '#| hide\n' in c.source)
    code = [re.sub(r'^#\|.*\n', '', c.source, flags=re.M).strip() for c in nb.cells if c.cell_type == 'code' and not hidden(c)]
    page.evaluate('document.querySelectorAll("details").forEach(d => d.open = true)')
    assert [t.strip() for t in page.locator('.cell_input pre').all_inner_texts()] == [c for c in code if c]
    headings = [h for c in nb.cells if c.cell_type == 'markdown' and not hidden(c) for h in re.findall(r'^## (.+)$', c.source, flags=re.M)]
    assert page.locator('nav.page-toc a, .bd-toc-nav a').count() >= len(headings) > 0
    assert page.locator('a.right-next').count() == 1 and (page.locator('a.left-prev').count() == 1 or name == 'index')
    assert not [i for i in page.evaluate('[...document.querySelectorAll("section")].map(s => s.id)') if re.fullmatch(r'id\d+', i)]   # anchors are words
    assert page.evaluate('Promise.all([...document.querySelectorAll("article img")].map(i => { i.loading = "eager"; return i.decode().then(() => i.naturalWidth) })).then(ws => ws.every(w => w > 0))')
    if name in LESSONS: assert page.locator('a[href*="glossary.html#term-"]').count() >= 3
    hrefs = page.evaluate('[...document.querySelectorAll("a[href*=\\"glossary.html#term-\\"]")].map(a => a.getAttribute("href"))')
    assert len(hrefs) == len(set(hrefs))   # at first use only

def test_sidebar_and_home_tell_lessons_from_appendices(site, browser):
    page, _ = open_page(browser, site + 'index.html')
    captions = page.locator('.bd-sidebar-primary p.caption').all_inner_texts()
    assert [c.strip() for c in captions] == ['Lessons', *(['How it is kept safe'] if APPENDICES else []), 'Reference']
    entries = [t.split()[0] for t in page.locator('.bd-sidebar-primary li.toctree-l1 > a').all_inner_texts()]
    numbers = [notebooks.number(p) for p in NOTEBOOKS[:-1]]
    assert [e for e in entries if e in numbers] == numbers
    links = page.evaluate('[...document.querySelectorAll("article table a")].map(a => a.getAttribute("href")).filter(h => !h.includes("/") && !h.includes("#"))')
    assert list(dict.fromkeys(links)) == [f'{n}.html' for n in LESSONS + APPENDICES]
    page.goto(f'{site}{LESSONS[-1]}.html')
    assert page.locator('a.right-next').get_attribute('href') == (f'{APPENDICES[0]}.html' if APPENDICES else 'api/index.html')

def test_a_lesson_has_one_name_everywhere(site, browser):
    names = {f'{notebooks.page_of(p)}.html': notebooks.title_of(p) for p in NOTEBOOKS[:-1]}
    page, _ = open_page(browser, site + 'index.html')
    texts = lambda selector: dict(page.evaluate(f'[...document.querySelectorAll({selector!r})].map(a => [a.getAttribute("href"), a.textContent.trim()])'))
    for there in (texts('.bd-sidebar-primary li.toctree-l1 > a'), texts('article table td:not(:has(img)) a[href$=".html"]')):
        assert {h: t for h, t in there.items() if h in names} == names
    assert page.locator('a.start').get_attribute('href') == f'{LESSONS[0]}.html' and notebooks.number(notebooks.lessons(ROOT/'nbs')[0]) in page.locator('a.start').inner_text()
    page.goto(f'{site}{LESSONS[1]}.html')
    titles = page.locator('.prev-next-title').all_inner_texts()
    assert [t.split('\n')[0].strip() for t in titles] == [names[f'{LESSONS[i]}.html'] for i in (0, 2)] and all('?' in t for t in titles)
    assert page.title().startswith(names[f'{LESSONS[1]}.html'] + ': ')
    page.set_viewport_size({'width': 390, 'height': 800})
    for name in (f'{LESSONS[1]}.html', 'api/learner.html', 'api/optim.html'):
        page.goto(site + name)
        cut = page.evaluate('[...document.querySelectorAll(".prev-next-area a, .prev-next-title")].filter(e => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > innerWidth).map(e => e.className)')
        assert page.locator('.prev-next-area a').count() == 2 and cut == []
    page.context.close()
    mentions = re.compile(r'\b(?:[Ll]esson|[Nn]otebook|[Aa]ppendix) (?:\d\d[a-z]?|[A-Z])\b(?! of)')
    for name in names:      # what names a lesson leads to it
        text = re.sub(r'<a\b.*?</a>|<pre.*?</pre>|<code.*?</code>|<h\d.*?</h\d>|<p class="eyebrow">.*?</p>', '', re.search(r'<article.*</article>', (OUT/name).read_text(encoding='utf-8'), flags=re.S)[0], flags=re.S)
        assert mentions.findall(re.sub('<[^>]+>', '', text)) == [], name

def test_references(site, browser):
    import yaml
    papers = yaml.safe_load((ROOT/'docs'/'references.yml').read_text(encoding='utf-8'))
    page, wrong = open_page(browser, site + 'references.html')
    links = page.evaluate('[...document.querySelectorAll("article a.external")].map(a => a.href)')
    assert sorted(links) == sorted(p['url'] for p in papers if 'url' in p)
    entries = page.evaluate('[...document.querySelectorAll("#papers-and-books p")].map(p => [p.id || p.closest("[id]").id || p.previousElementSibling?.id, p.textContent])')
    assert len(entries) == len(papers) and all(any(p['title'] in text and str(p['year']) in text for _, text in entries) for p in papers)
    text = (OUT/'adaptive.html').read_text(encoding='utf-8')
    assert 'href="references.html#kingma-and-ba-2015"' in text and 'href="../references.html#' in (OUT/'api'/'optim.html').read_text(encoding='utf-8')
    assert '07 Adaptive' in next(t for _, t in entries if 'Diederik' in t) and '@software{' in page.locator('article').inner_text()
    assert (OUT/Path(page.locator('#cite-this-series a[href*="CITATION"]').get_attribute('href'))).exists()
    page.context.close()

def test_hidden_prose_is_not_shown(site):
    about = [c.source for c in notebooks.read(ROOT/'nbs'/'index.ipynb').cells if c.cell_type == 'markdown' and c.source.startswith('#|')]
    assert len(about) == 1 and 'a module a room' in about[0]
    for path in (OUT/'index.html', ROOT/'README.md'): assert 'a module a room' not in path.read_text(encoding='utf-8')

def test_home_has_the_arc_and_the_commands(site, browser):
    page, _ = open_page(browser, site + 'index.html')
    rows = page.locator('table.arc tbody tr')
    assert rows.count() == len(LESSONS) == page.locator('table.arc img').count()
    for command in ('make run', 'make test'): assert command in page.locator('article').inner_text()
    assert page.locator('.cell_output img').count() == 1

def test_api_has_every_name_with_its_comments(site):
    from fastcore.docments import docments
    from fastbook_sgd._modidx import d
    for module, names in d['syms'].items():
        stem = module.split('.')[-1]
        if stem not in MODULES: continue
        text = (OUT/'api'/f'{stem}.html').read_text(encoding='utf-8') if names else ''
        plain = re.sub(r'\s+', ' ', re.sub('<[^>]+>', '', text))
        for full, (url, _) in names.items():
            if re.search(r'\._(?!_)', full): continue                                                         # private
            path = re.sub('^[a-z]_', '', url.split('#')[0])                                                   # nbdev leaves the letter of an appendix
            assert f'id="{url.split("#")[1]}"' in (OUT/path).read_text(encoding='utf-8'), url                 # nbdev's own link, into the notebook
            if '__' in full: continue
            assert f'id="{full}"' in text, full
            obj = import_module(module)
            for part in full.removeprefix(module + '.').split('.'): obj = getattr(obj, part)
            for p, doc in docments(obj, full=True).items():
                words = re.findall(r'^[\w ,-]{4,}', doc['docment'] or '')
                if p in ('self', 'return', *(['args'] if hasattr(obj, 'rule') else [])) or not words: continue
                told = f'{p} – {words[0].strip()}'
                if callable(obj) and not obj.__doc__: told = told.removeprefix(f'{p} – ')       # a moment's comment is all that is said of it
                assert told.lower() in plain.lower(), (full, p)
        if names: assert f'href="../{notebooks.page_of(WRITTEN_BY[stem])}.html#' in text, stem

def test_api_entries_say_what_they_are_and_show_their_code(site, browser):
    from fastbook_sgd import optim
    for m in MODULES:
        page, _ = open_page(browser, f'{site}api/{m}.html')
        silent = page.evaluate("""[...document.querySelectorAll('dl.py:is(.class, .function, .method, .property)')]
            .filter(e => !e.querySelector(':scope > dd > p:not(.where)')?.textContent.trim() && !e.querySelector(':scope > dd > .field-list')).map(e => e.querySelector('dt').id)""")
        assert silent == [], m
        bare = page.evaluate('[...document.querySelectorAll("dl.py:is(.class, .function)")].filter(e => !e.querySelector(":scope > dd > details.source")).map(e => e.querySelector("dt").id)')
        assert all(hasattr(getattr(import_module(f'fastbook_sgd.{m}'), i.rsplit('.', 1)[-1]), '_fields') for i in bare)      # a namedtuple has no code of its own
        assert page.locator('details.source').count() > 0 and page.locator('details.source[open]').count() == 0
        listed = page.evaluate('[...document.querySelectorAll("#pst-page-toc-nav > ul > li > a")].map(a => a.textContent)')
        assert len(listed) == len(set(listed)) > 0                           # methods stand below their class
        page.context.close()
    page, _ = open_page(browser, site + 'api/optim.html')
    assert {*optim.__all__} <= {i.rsplit('.', 1)[-1] for i in page.evaluate('[...document.querySelectorAll("dt[id]")].map(d => d.id)')}
    page.locator('details.source summary').first.click()
    assert page.locator('details.source[open] pre').inner_text().startswith(('class ', 'def '))
    assert page.locator('a[href*="glossary.html#term-"]').count() > 0
    page.context.close()

def test_the_public_door_shows_what_others_build(site, browser):
    from fastbook_sgd import optim
    page, _ = open_page(browser, site + 'api/optim.html')
    for name in optim.__all__:
        entry = page.locator(f'dl.py:has(> dt[id="fastbook_sgd.optim.{name}"])')
        module = getattr(getattr(optim, name), '__module__', optim.__name__).split('.')[-1]
        notebook = WRITTEN_BY[module]
        link = entry.locator('.where a').first
        assert link.inner_text() == f'Built in {notebooks.title_of(notebook)}' and link.get_attribute('href') == f'../{notebooks.page_of(notebook)}.html#{name.lower()}'
        assert (OUT/'api'/f'{module}.html').read_text(encoding='utf-8').count(f'id="fastbook_sgd.{module}.{name}"') == 1
        if isinstance(getattr(optim, name), type): assert entry.locator('.field-list li').count() >= 2, name    # its parameters

def test_the_api_begins_with_the_public_door(site, browser):
    page, _ = open_page(browser, site + 'api/index.html')
    listed = [a.removeprefix('fastbook_sgd.') for a in page.locator('article table td:first-child').all_inner_texts()]
    assert listed[0] == 'optim' and listed[1:] == [m for m in MODULES if m != 'optim']
    assert page.locator('article h2').count() == 2 + bool(APPENDICES)

def test_names_in_prose_lead_to_the_api_and_to_other_docs(site):
    text = (OUT/'optimizer.html').read_text(encoding='utf-8')
    assert 'href="api/optimizer.html#fastbook_sgd.optimizer.BasicOptim"' in text and 'href="https://docs.pytorch.org/' in text
    assert 'href="https://docs.fast.ai/' in (OUT/'learner.html').read_text(encoding='utf-8')

def test_names_of_other_libraries_exist():
    import yaml
    from fastbook_sgd import all as everything
    import fastai.optimizer, fastcore.test, matplotlib.axes, sklearn.datasets, torch
    homes = [everything, torch.Tensor, torch.optim.lr_scheduler, everything.Learner, fastcore.test, matplotlib.axes.Axes, sklearn.datasets]
    for name in yaml.safe_load((ROOT/'docs'/'links.yml').read_text(encoding='utf-8')):
        first, *rest = name.split('.')
        obj = {'torch': torch, 'fastai': fastai}.get(first) or next((getattr(h, first) for h in homes if hasattr(h, first)), None)
        assert obj is not None, name
        if name == 'fastai.vision': continue    # named in prose as what to avoid; it may not import
        for part in rest: obj = getattr(obj, part)

def test_glossary_is_traditional_chinese(site, browser):
    import yaml
    terms = yaml.safe_load((ROOT/'docs'/'glossary.yml').read_text(encoding='utf-8'))
    page, _ = open_page(browser, site + 'glossary.html')
    assert {'batch', 'epoch', 'gradient', 'learning rate', 'loss', 'logit', 'metric', 'momentum', 'parameter', 'sigmoid', 'step'} <= {t['term'] for t in terms}
    assert page.locator('[lang="zh-Hant"]').all_inner_texts() == [t['zh'] for t in sorted(terms, key=lambda t: t['term'].lower())]
    for t in terms: t['zh'].encode('big5')       # a Simplified form has no place in Big5
    with pytest.raises(UnicodeEncodeError): '训练'.encode('big5')

# What a reader does

@pytest.mark.parametrize('where', ['http', 'file'])
def test_search(site, browser, where):
    page, wrong = open_page(browser, (site if where == 'http' else OUT.as_uri() + '/') + 'search.html?q=zero_grad')
    page.locator('#search-results li a').first.wait_for()
    found = page.evaluate('[...document.querySelectorAll("#search-results li a")].map(a => a.getAttribute("href"))')
    assert any('optimizer.html' in f and 'api/' not in f for f in found) and any('api/optimizer.html' in f for f in found), found
    page.wait_for_timeout(500)
    assert wrong == []
    page.goto(page.url.replace('zero_grad', 'qwertyzxcv'))
    page.get_by_text('did not match any documents').wait_for()

def test_search_from_the_keyboard(site, browser):
    page, _ = open_page(browser, site + 'index.html')
    page.keyboard.press('Control+k')
    page.keyboard.type('zero_grad')
    page.keyboard.press('Enter')
    page.locator('#search-results li a').first.wait_for()
    page.context.close()

# What people ask, and the address that stands first. Numbers in brackets: it is among as many.
QUESTIONS = {
    '06_momentum': 'momentum.html', 'momentum': ('momentum.html', 2), 'lesson 12': 'nonlinear.html', 'SGD': 'api/optim.html#fastbook_sgd.optim.SGD',
    'AdamW': 'api/optim.html#fastbook_sgd.optim.AdamW', 'Muon': 'api/optim.html#fastbook_sgd.optim.Muon', 'zero_grad': 'api/optimizer.html#fastbook_sgd.optimizer.BasicOptim.zero_grad',
    'TensorLoader': 'api/data.html#fastbook_sgd.data.TensorLoader', '動量': 'glossary.html#term-momentum', '學習率': 'glossary.html#term-learning-rate', '過度配適': 'glossary.html#term-overfitting',
    'overfitting': 'glossary.html#term-overfitting', 'learning rate': 'glossary.html#term-learning-rate', 'how do I choose the learning rate?': ('schedules.html#finding-a-learning-rate', 3),
    'write your own optimizer': 'your_own.html', 'save and resume': ('saving.html', 5), 'Nesterov': ('momentum.html', 5), 'weight decay': 'glossary.html#term-weight-decay', 'backpropagation': 'glossary.html#term-backpropagation',
    'early stopping': ('api/callbacks.html#fastbook_sgd.callbacks.EarlyStop', 2), 'saddle point': 'glossary.html#term-saddle', 'license': 'contributing.html', 'momentem': ('momentum.html', 3), 'GPU': 'fast.html'}

@pytest.mark.parametrize('where', ['http', 'file'])
def test_what_the_search_answers(site, browser, where):
    page, wrong = open_page(browser, (site if where == 'http' else OUT.as_uri() + '/') + 'api/index.html')
    asked = []
    page.on('request', lambda r: asked.append(urlsplit(r.url).path.rsplit('/', 1)[-1]) if r.resource_type in ('script', 'fetch', 'xhr') else None)
    answers = {q: [e['url'] for e in page.evaluate('q => siteSearch(q)', q)] for q in QUESTIONS}
    wanted = {q: a if isinstance(a, tuple) else (a, 1) for q, a in QUESTIONS.items()}
    assert {q: answers[q][:n] for q, (url, n) in wanted.items() if url not in answers[q][:n]} == {}
    assert page.evaluate("siteSearch('qwertyzxcv')") == [] and wrong == [] and asked == ['search-index.js']     # one file, once
    page.context.close()

def test_every_entry_of_the_search_is_there(site):
    found = json.loads((OUT/'search-index.js').read_text(encoding='utf-8').removeprefix('var searchEntries = ').removesuffix(';\n'))
    ids = {p.relative_to(OUT).as_posix(): set(Links(p.read_text(encoding='utf-8')).ids) for p in OUT.rglob('*.html') if '_static' not in p.parts}
    gone = [url for _, url, *_ in found['entries'] if (lambda name, anchor: name not in ids or anchor and anchor not in ids[name])(*urldefrag(url))]
    assert gone == [] and len({url for _, url, *_ in found['entries']}) == len(found['entries'])
    pages = {urldefrag(url)[0] for _, url, *_ in found['entries']}
    assert set(PAGES) - pages == {'api/index.html', 'search.html', '404.html'}
    import yaml
    assert len([1 for _, url, *_ in found['entries'] if 'glossary.html#' in url]) == len(yaml.safe_load((ROOT/'docs'/'glossary.yml').read_text(encoding='utf-8')))
    furniture = re.compile(r'min to read|Download \w+\.ipynb|The outputs on this page|\{\w+\}`|#\||\]\(')
    assert [text[:80] for *_, text in found['entries'] if furniture.search(text)] == []

def test_results_come_while_one_types(site, browser):
    page, wrong = open_page(browser, site + 'momentum.html')
    page.keyboard.press('Control+k')
    page.locator('#pst-search-dialog input').wait_for()
    page.keyboard.type('SGD')
    first = page.locator('#found-anywhere a').first
    first.wait_for()
    assert first.inner_text().split('\n')[0] == 'SGD' and 'class' in first.inner_text() and axe(page) == []
    assert page.locator('#found-anywhere mark').count() > 0 and 'results' in page.locator('.found-said').first.inner_text()
    for key, at in (('ArrowDown', 0), ('ArrowDown', 1), ('ArrowUp', 0), ('ArrowUp', -1), ('ArrowUp', 11), ('ArrowDown', -1), ('ArrowDown', 0)):
        page.keyboard.press(key)
        assert page.evaluate("[...document.querySelectorAll('#found-anywhere a')].findIndex(a => a.getAttribute('aria-selected') == 'true')") == at
    field = page.locator('#pst-search-dialog input')
    assert field.get_attribute('aria-activedescendant') == first.get_attribute('id') and field.get_attribute('aria-expanded') == 'true'
    page.keyboard.press('Enter')
    page.wait_for_url('**/api/optim.html#fastbook_sgd.optim.SGD')
    assert page.locator('dt:target').count() == 1 and wrong == []
    page.keyboard.press('Control+k')
    page.keyboard.press('Escape')
    assert not page.locator('#pst-search-dialog').is_visible()
    page.set_viewport_size({'width': 390, 'height': 800})
    page.keyboard.press('Control+k')
    page.locator('#pst-search-dialog input').wait_for()
    page.keyboard.type('動量')
    assert page.locator('#found-anywhere a').first.inner_text().startswith('momentum · 動量') and overflow(page) == []
    page.context.close()

def test_the_search_page_answers_at_once(site, browser):
    page, wrong = open_page(browser, site + 'search.html?q=SGD')
    assert page.locator('#found-here a').first.get_attribute('href').endswith('api/optim.html#fastbook_sgd.optim.SGD')
    assert page.locator('#search-results li a').count() > 10 and page.locator('#search-results .context').count() == 0 and wrong == []
    page.context.close()

def test_dark_mode_switches_and_stays(site, browser):
    page, wrong = open_page(browser, site + 'linear.html')
    colour = lambda: page.evaluate('getComputedStyle(document.body).backgroundColor')
    light = colour()
    page.locator('button.theme-switch-button:visible').click()
    page.locator('.theme-switch-container .dropdown-menu, .dropdown-menu:visible').get_by_text('Dark').first.click()
    assert page.evaluate('document.documentElement.dataset.theme') == 'dark' and colour() != light
    page.reload()
    assert page.evaluate('document.documentElement.dataset.theme') == 'dark' and wrong == []

def test_copy_button_copies_the_code(site, browser):
    page, _ = open_page(browser, site + 'linear.html', permissions=['clipboard-read', 'clipboard-write'])
    cell = page.locator('.cell_input', has_text='def linear1').first
    cell.hover()
    cell.locator('button.copybtn').click()
    page.wait_for_timeout(200)
    assert page.evaluate('navigator.clipboard.readText()').strip() == cell.locator('pre').inner_text().strip()
    assert page.locator('.cell_output button.copybtn').count() == 0

def test_math_is_rendered(site, browser):
    for name in ('linear', 'descent', 'learner'):
        page, _ = open_page(browser, f'{site}{name}.html')
        formulas = page.locator('div.math .katex')
        assert formulas.count() > 0
        for i in range(formulas.count()):
            box = formulas.nth(i).bounding_box()
            assert box['width'] > 50 and box['height'] > 15
            assert formulas.nth(i).locator('math').count() == 1     # for screen readers
        assert page.evaluate('document.fonts.ready.then(f => [...f].some(x => x.family.startsWith("KaTeX") && x.status == "loaded"))')
        assert page.locator('.katex-error').count() == 0

def test_keyboard_reaches_the_text(site, browser):
    page, _ = open_page(browser, site + 'linear.html')
    page.keyboard.press('Tab')
    assert page.evaluate('document.activeElement.textContent.trim()') == 'Skip to main content'
    page.keyboard.press('Enter')
    assert page.url.endswith('#main-content')
    seen = set()
    for _ in range(15):
        page.keyboard.press('Tab')
        seen.add(page.evaluate('document.activeElement.closest("article") ? "article" : "around"'))
    assert 'article' in seen

def test_imports_and_checks_are_folded_and_quiet(site, browser):
    page, _ = open_page(browser, site + 'linear.html')
    words = page.locator('.cell details.hide summary').all_inner_texts()
    assert {w.strip() for w in words} == {'Imports', 'Check'} and not page.locator('.cell details.hide[open]').count()
    seen = lambda: '\n'.join(page.evaluate('[...document.querySelectorAll(".cell_input pre")].filter(e => e.checkVisibility()).map(e => e.textContent)'))
    assert 'from fastbook_sgd.checks import' not in seen() and 'def linear1' in seen()
    page.locator('.cell details.hide summary').first.focus()
    page.keyboard.press('Enter')
    unfolded = page.evaluate('[...document.querySelectorAll(".cell:has(> details.hide[open])")].map(c => [c.classList.contains("tag_fold-imports"), c.previousElementSibling.classList.contains("tag_fold-imports")])')
    assert unfolded[0] == [True, False] and all(c == [True, True] for c in unfolded[1:]) and 'import ' in seen()     # it and its neighbours
    page.keyboard.press('Enter')
    assert not page.locator('.cell details.hide[open]').count()
    for name in LESSONS:
        page.goto(f'{site}{name}.html')
        twice = page.evaluate("[...document.querySelectorAll('.tag_fold-imports + .tag_fold-imports > details > summary')].filter(s => s.checkVisibility()).length")
        assert twice == 0, name
    page.context.close()

def test_a_page_is_light(site, browser):
    sizes, page = {}, browser.new_context(viewport={'width': 1440, 'height': 900}).new_page()
    weight = lambda r: len(r.body() if r.url.endswith(('.png', '.woff2')) else gzip.compress(r.body()))
    page.on('response', lambda r: sizes.update({r.url: weight(r)}) if r.ok else None)
    page.goto(site + 'momentum.html')
    page.wait_for_load_state('networkidle')
    assert not [u for u in sizes if 'fontawesome.js' in u] and not [u for u in sizes if 'woff2' in u and 'katex' not in u] and not [u for u in sizes if 'searchtools' in u or 'search-index' in u], sizes
    assert sum(sizes.values()) < 400_000, sizes
    shift = page.evaluate("""() => new Promise(done => { let sum = 0;
        new PerformanceObserver(list => list.getEntries().forEach(e => sum += e.value)).observe({type: 'layout-shift', buffered: true});
        setTimeout(() => done(sum), 300) })""")
    assert shift < .1
    pictures = page.evaluate('[...document.querySelectorAll("article img")].map(i => [i.loading, i.getAttribute("width") > 0, i.getAttribute("height") > 0])')
    assert pictures and all(p == ['lazy', True, True] for p in pictures)
    assert max(page.evaluate('[...document.querySelectorAll(".theme-switch-button i")].map(i => i.getBoundingClientRect().width)')) > 5
    page.context.close()

def test_every_icon_in_use_is_drawn(site):
    css = (OUT/'_static'/'site.css').read_text(encoding='utf-8')
    drawn = set(re.findall(r'^\.fa-([\w-]+) \{ --icon', css, flags=re.M))
    used = {n for p in OUT.rglob('*.html') if '_static' not in p.parts for i in re.findall(r'class="([^"]*fa-solid[^"]*)"', p.read_text(encoding='utf-8')) for n in re.findall(r'fa-([\w-]+)', i)}
    used |= set(re.findall(r'fa-solid fa-([\w-]+)', (OUT/'_static'/'scripts'/'pydata-sphinx-theme.js').read_text(encoding='utf-8')))
    assert used - {'solid', 'lg', 'fw'} <= drawn, used - drawn
    assert not list((OUT/'_static').rglob('fa-*.woff2')) and 'Font Awesome' not in re.sub(r'/\*.*?\*/', '', ''.join(re.findall('@font-face.*?}', (OUT/'_static'/'styles'/'pydata-sphinx-theme.css').read_text(encoding='utf-8'))))

def test_pictures_are_at_home_in_the_dark(site, browser):
    from io import BytesIO
    from PIL import Image
    page, _ = open_page(browser, site + 'momentum.html', 'dark')
    picture = page.locator('article .cell_output img').first
    picture.scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    shot = Image.open(BytesIO(picture.screenshot())).convert('RGB')
    ground = [int(x) for x in re.findall(r'\d+', page.evaluate('getComputedStyle(document.body).backgroundColor'))[:3]]
    assert max(abs(a - b) for a, b in zip(shot.getpixel((2, 2)), ground)) < 6                     # no slab, no frame
    assert max(max(p) for p in shot.getdata()) > 200 and page.evaluate('getComputedStyle(document.querySelector("article .cell_output img")).borderWidth') == '0px'
    page.context.close()

def test_a_film_plays_again_and_rests_for_whom_motion_disturbs(site, browser):
    for motion, shown in (('no-preference', 'Play again'), ('reduce', 'Play')):
        page, wrong = open_page(browser, site + 'pictures.html', reduced_motion=motion)
        film, button = page.locator('img[data-animated]'), page.locator('button.replay')
        film.scroll_into_view_if_needed()
        page.wait_for_function('document.querySelector("img[data-animated]").currentSrc')
        assert film.count() == button.count() == 1 and button.inner_text() == shown
        assert film.evaluate('e => e.currentSrc.endsWith("-still.png")') == (motion == 'reduce')
        for n in (1, 2):
            button.click()
            page.wait_for_function('n => document.querySelector("img[data-animated]").currentSrc.endsWith(`.png?${n}`)', arg=n)
        assert button.inner_text() == 'Play again' and wrong == []
        page.context.close()

def test_the_404_page_is_styled_as_a_file(site, browser):
    page, wrong = open_page(browser, (OUT/'404.html').as_uri())
    assert page.locator('.bd-sidebar-primary').evaluate('e => getComputedStyle(e).display') == 'flex' and overflow(page) == []      # what the browser asks for ahead, at the disk's root, is not there
    assert page.locator('article p a').first.evaluate('a => a.href') == (OUT/'index.html').as_uri()
    page.context.close()

CONTRAST = """e => { const rgb = c => c.match(/[\\d.]+/g).slice(0, 3).map(x => (x /= 255) <= .04045 ? x/12.92 : ((x + .055)/1.055)**2.4);
    const light = c => rgb(c).reduce((s, x, i) => s + x*[.2126, .7152, .0722][i], 0), a = light(getComputedStyle(e).color), b = light(getComputedStyle(document.body).backgroundColor);
    return (Math.max(a, b) + .05)/(Math.min(a, b) + .05) }"""

def test_signs_are_seen_and_the_keyboard_is_quick(site, browser):
    page, _ = open_page(browser, site + 'momentum.html')
    for scheme in ('light', 'dark'):
        page.emulate_media(color_scheme=scheme)
        page.locator('article h2').first.hover()
        sign = page.locator('article h2 a.headerlink').first
        assert sign.is_visible() and sign.evaluate(CONTRAST) > 4.5
    for button in ('.bd-sidebar-primary .search-button__button', 'button.sidebar-toggle.primary-toggle'):
        page.keyboard.press('Tab')
        page.locator(button).first.focus()
        assert page.locator(button).first.evaluate('e => [getComputedStyle(e).outlineStyle, parseFloat(getComputedStyle(e).outlineWidth) >= 2]') == ['solid', True]
    stops = page.evaluate('[...document.querySelectorAll("article button.copybtn")].map(b => b.tabIndex)')
    assert len(stops) > 10 and stops.count(0) == 1
    shown = page.locator('article button.copybtn:visible')
    page.locator('article button.copybtn[tabindex="0"]').focus()
    page.keyboard.press('ArrowDown')
    assert page.evaluate('document.activeElement.classList.contains("copybtn") && document.activeElement.tabIndex == 0') and shown.count() > 1
    assert page.evaluate('[...document.querySelectorAll("article button.copybtn")].filter(b => b.tabIndex == 0).length') == 1
    page.context.close()

def test_a_table_on_paper_keeps_its_columns(site, browser):
    for name in ('race.html', 'benchmark.html'):
        page, _ = open_page(browser, site + name, width=700)      # the text of a sheet of A4
        page.emulate_media(media='print')
        wide = page.evaluate('[...document.querySelectorAll("article table")].map(t => Math.round(t.getBoundingClientRect().right - document.querySelector("article").getBoundingClientRect().right))')
        assert wide and max(wide) <= 1 and overflow(page) == [], name
        page.context.close()

@pytest.mark.parametrize('name', ['benchmark', 'race', 'your_own'])
def test_tables_fit_the_page_and_pictures_keep_their_shape(site, browser, name):
    page, _ = open_page(browser, f'{site}{name}.html', width=1440)
    assert page.evaluate('[...document.querySelectorAll("article table")].filter(t => t.parentElement.scrollWidth > t.parentElement.clientWidth + 1).length') == 0
    for image in page.locator('article img').all():
        image.scroll_into_view_if_needed()
        drawn, shown = image.evaluate('async i => { await i.decode(); return [i.naturalWidth/i.naturalHeight, i.clientWidth/i.clientHeight]; }')
        assert shown == pytest.approx(drawn, rel=.02)

def test_print_leaves_the_text_alone(site, browser):
    page, _ = open_page(browser, site + 'linear.html')
    page.emulate_media(media='print')
    assert not page.locator('.bd-sidebar-primary').is_visible() and not page.locator('.prev-next-footer').is_visible()
    assert page.locator('h1:visible').count() == 1 and page.locator('article p:visible').count() > 10 and overflow(page) == []
