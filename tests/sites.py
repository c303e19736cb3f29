"The built site for the tests that look at it in a real browser: build it once, serve it, open a page of it, and what is wrong on that page."
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit
import os, re, shutil, subprocess, sys, threading

import pytest

ROOT = Path(__file__).resolve().parent.parent
OUT, CHROMIUM = ROOT/'_docs', '/usr/bin/chromium'

def missing():
    "What the site's tests need and this machine lacks"
    try: import playwright, sphinx, myst_nb, sphinx_book_theme, sphinx_copybutton, yaml
    except ImportError as e: return f'{e.name} (pip install -e .[docs])'
    if not shutil.which('npm'): return 'Node.js with npm'
    if not Path(CHROMIUM).exists(): return f'Chromium at {CHROMIUM} (apt-get install chromium)'

def needs_a_browser():
    "Skip the file that calls this where something is missing; fail where FASTBOOK_SGD_SITE_REQUIRED is set"
    if not (lacking := missing()): return
    if os.environ.get('FASTBOOK_SGD_SITE_REQUIRED'): pytest.fail(f'the tests of the site need {lacking}', pytrace=False)
    pytest.skip(f'the tests of the site need {lacking}', allow_module_level=True)

def build(root=ROOT, **env):
    return subprocess.run([sys.executable, root/'tools'/'build_docs.py'], capture_output=True, text=True, encoding='utf-8', cwd=root, env=os.environ | env)

def build_once():
    "Build the site, in a run with several processes in one of them: the others wait for it"
    from filelock import FileLock
    run, place = os.environ.get('PYTEST_XDIST_TESTRUNUID', ''), ROOT/'_proc'
    place.mkdir(exist_ok=True)
    built = place/'built-by'
    with FileLock(place/'build.lock'):
        if run and built.exists() and built.read_text() == run: return
        done = build()
        assert done.returncode == 0, done.stdout + done.stderr
        assert 'WARNING' not in done.stderr and str(OUT/'index.html') in done.stdout
        built.write_text(run)

class Handler(SimpleHTTPRequestHandler):
    "Serves a folder below a prefix, as GitHub Pages does, with 404.html for what isn't there"
    prefix = '/'
    def log_message(self, *args): pass
    def translate_path(self, path): return super().translate_path('/' + path.removeprefix(self.prefix) if path.startswith(self.prefix) else '/none')
    def send_error(self, code, *args, **kwargs):
        body = (Path(self.directory)/'404.html').read_bytes()
        self.send_response(code)
        self.send_header('Content-Type', 'text/html; charset=utf-8')
        self.end_headers()
        self.wfile.write(body)

def serve(folder):
    "A server for `folder` and the address of the site on it"
    prefix = re.search('<base href="([^"]+)"', (folder/'404.html').read_text(encoding='utf-8'))[1]
    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(type('Prefixed', (Handler,), {'prefix': prefix}), directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f'http://127.0.0.1:{server.server_port}{prefix}'

def open_page(browser, url, scheme='light', width=1300, **options):
    "A page in a context of its own, and the list of what went wrong while it loaded"
    page = browser.new_context(viewport={'width': width, 'height': 900}, color_scheme=scheme, **options).new_page()
    wrong, host = [], urlsplit(url).netloc
    page.on('request', lambda r: wrong.append(f'request to another host: {r.url}') if urlsplit(r.url).netloc != host and not r.url.startswith(('data:', 'blob:')) else None)
    page.on('response', lambda r: wrong.append(f'{r.status}: {r.url}') if r.status >= 400 else None)
    page.on('console', lambda m: wrong.append(f'console: {m.text}') if m.type == 'error' else None)
    page.on('pageerror', lambda e: wrong.append(f'script error: {e}'))
    page.goto(url)                                   # its scripts have run; on a busy machine the network can be idle before that
    page.wait_for_load_state('networkidle')
    return page, wrong

def overflow(page):
    "How far the page is wider than its window"
    wide = page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    return [f'{wide} px too wide at {page.viewport_size["width"]}'] if wide > 0 else []

def axe(page, *rules):
    "Serious and critical violations that axe-core finds, of all rules or of some"
    if not page.evaluate('typeof axe != "undefined"'): page.evaluate((ROOT/'docs'/'node_modules'/'axe-core'/'axe.min.js').read_text(encoding='utf-8'))
    only = {'runOnly': list(rules)} if rules else {}
    found = page.evaluate('options => axe.run(options).then(r => r.violations)', {'resultTypes': ['violations'], **only})
    return [f'axe: {v["id"]}: {n["html"][:160]} {n["failureSummary"][:200]}' for v in found if v['impact'] in ('serious', 'critical') for n in v['nodes'][:3]]

JUNK = ['#|', ':::', '{target=', '{term}', '{py:obj}', '{.', '$$', '\x1b', '\r']
def junk(page, allowed=()):
    "Traces of markup in the text"
    text = page.evaluate('document.body.innerText')
    found = {j: re.search(re.escape(j) + (r'[A-Za-z]' if j == '{.' else ''), text) for j in JUNK if j not in allowed}     # {.1: 2} is a dict
    return [f'{j!r} in the text: {text[max(0, m.start() - 30):][:80]!r}' for j, m in found.items() if m]

def alts(page):
    "Pictures without a text that says what they show"
    bad = page.evaluate('[...document.images].filter(i => i.closest("article") && (i.alt || "").trim().length < 30).map(i => i.outerHTML.slice(0, 120))')
    return [f'no meaningful alt text: {b}' for b in bad]

ONE_OF_EACH = """() => { const seen = new Set();
    document.querySelectorAll('div.highlight pre span[class]').forEach(s => {
        const key = [s.className, getComputedStyle(s).color, getComputedStyle(s.closest('pre')).backgroundColor].join();
        if (seen.has(key) && !s.firstElementChild) s.replaceWith(s.textContent); else seen.add(key); });
    document.querySelectorAll('div.highlight pre').forEach(p => p.normalize()) }"""     # axe would look at ten thousand words of code, in a dozen colours

def problems(page, wrong):
    """Everything that is wrong with a page opened in the light, there and then in the dark, wide and narrow: one load for all.
    In the dark the words and their order are the same: there axe looks at colours alone."""
    found = overflow(page) + junk(page, {'#|'} if 'contributing.html' in page.url else ()) + alts(page)
    page.evaluate(ONE_OF_EACH)
    page.add_style_tag(content='* { transition: none !important }')      # no colours half-way between two schemes
    for scheme, rules in (('light', []), ('dark', ['color-contrast'])):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function('scheme => document.documentElement.dataset.theme == scheme', arg=scheme, timeout=5000)
        found += [f'in the {scheme}: {w}' for w in axe(page, *rules)]
    page.emulate_media(color_scheme='light')
    page.set_viewport_size({'width': 390, 'height': 800})
    page.wait_for_timeout(100)
    found += overflow(page) + [f'at 390 px: {w}' for w in axe(page)]
    page.set_viewport_size({'width': 1300, 'height': 900})
    return wrong + found

class Links(HTMLParser):
    "The ids of a page and all that it refers to"
    def __init__(self, text):
        super().__init__()
        self.ids, self.refs, self.base = [], [], None
        self.feed(text)
    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if 'id' in attrs: self.ids.append(attrs['id'])
        if tag == 'base': self.base = attrs['href']
        elif ref := attrs.get('href') or attrs.get('src'): self.refs.append(ref)

def broken_links(folder):
    "References of the pages below `folder` to files or anchors that aren't there"
    pages = {p.relative_to(folder).as_posix(): Links(p.read_text(encoding='utf-8')) for p in folder.rglob('*.html') if '_static' not in p.parts}
    broken = []
    for name, page in pages.items():
        for ref in page.refs:
            if urlsplit(ref).scheme or ref.startswith('//'): continue
            full, anchor = urldefrag(ref)
            target = urlsplit(urljoin('' if page.base else name, full)).path.lstrip('/') or name
            if target.endswith('/'): target += 'index.html'
            if not (folder/unquote(target)).exists(): broken.append(f'{name}: no file for {ref}')
            elif anchor and target in pages and unquote(anchor) not in pages[target].ids: broken.append(f'{name}: no anchor for {ref}')
    return broken
