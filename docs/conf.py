"Sphinx's configuration. The pages come from pages.py, written by tools/build_docs.py."
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
import atexit, json, subprocess, sys

from docutils import nodes
from sphinx.errors import ExtensionError

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))
import pages

cfg = pages.settings()
url = pages.site_url(cfg)

project, author, version, release = 'fastbook_sgd', cfg['author'], cfg['version'], cfg['version']
copyright = f'{author}, {cfg["license"]}'
language = 'en'
extensions = ['myst_nb', 'sphinx_copybutton']
exclude_patterns = []

nb_execution_mode = 'off'           # the outputs saved in the notebooks are what is shown
myst_enable_extensions = ['dollarmath', 'fieldlist', 'attrs_block', 'colon_fence']
myst_heading_anchors = 3
nitpicky = True                     # a name without a page is an error
html_math_renderer = 'katex'         # math becomes HTML at build time: nothing to load, nothing to run
python_display_short_literal_types = True
add_module_names = False
toc_object_entries_show_parents = 'hide'
copybutton_selector = 'div.cell_input div.highlight pre, div[class^="highlight-"]:not(.cell_output *) > div.highlight > pre'

html_theme = 'sphinx_book_theme'
html_title = 'fastbook_sgd'
html_baseurl = url
html_static_path = ['_static']
html_extra_path = [str(pages.ROOT/'_proc'/'docs'/'extra')]
html_context = {'default_mode': 'auto'}
html_css_files = ['katex/katex.min.css', 'site.css']
html_js_files = [('site.js', {'priority': 100}), 'search.js']
html_favicon = str(pages.ROOT/'_proc'/'docs'/'extra'/'favicon.png')
html_copy_source = html_show_sourcelink = html_show_sphinx = False
html_use_index = False
html_domain_indices = False
html_last_updated_fmt = None
html_show_search_summary = False      # it would fetch every page found; search.js has excerpts in its index
html_permalinks_icon = '#'
html_sidebars = {'**': ['navbar-logo.html', 'search-button-field.html', 'sbt-sidebar-nav.html']}
html_theme_options = dict(
    use_download_button=False, use_fullscreen_button=False, home_page_in_toc=True, show_toc_level=2,
    navbar_persistent=[], navbar_end=[], show_navbar_depth=1,
    pygments_light_style='a11y-high-contrast-light', pygments_dark_style='a11y-high-contrast-dark',
    logo={'text': 'fastbook_sgd'}, footer_content_items=['copyright.html', 'extra-footer.html'], extra_footer=f'<p>{project} {version}</p>',
    **(dict(repository_url=cfg['git_url'], use_repository_button=True) if cfg['git_url'] else {}))

def describe_page(app, pagename, templatename, context, doctree):
    "Description and social card in a page's head"
    infos = {i['page']: i for i in json.loads((pages.ROOT/'_proc'/'docs'/'infos.json').read_text(encoding='utf-8'))}
    info = infos.get(pagename, {})
    for way in ('prev', 'next'):     # by the name of the lesson, its question below
        page = infos.get(context[way]['link'].rsplit('/', 1)[-1].removesuffix('.html'), {}) if context.get(way) else {}
        if page.get('name'): context[way]['title'] = f'{page["name"]} <span class="asks">{escape(page["title"].replace("`", ""))}</span>'
    lead = next((n.astext() for n in doctree.findall(nodes.paragraph) if 'lead' in n['classes']), '') if doctree is not None else ''
    text = (info.get('description') or lead or cfg['description']).replace('\n', ' ')
    title = ': '.join(filter(None, [info.get('name'), info.get('title')])) or context.get('title') or project
    if info.get('name'): context['title'] = title
    meta = {'name="description"': text, 'property="og:title"': title, 'property="og:description"': text, 'property="og:type"': 'article',
            'property="og:site_name"': project}
    if url: meta |= {'property="og:image"': f'{url}card.png', 'name="twitter:card"': 'summary_large_image'}     # they take whole addresses alone
    context['metatags'] = context.get('metatags', '') + ''.join(f'<meta {k} content="{escape(v)}">\n' for k, v in meta.items())

RENDER = """require('readline').createInterface({input: process.stdin}).on('line', line => {
  const [tex, displayMode] = JSON.parse(line), say = x => console.log(JSON.stringify(x));
  try { say([require('katex').renderToString(tex, {displayMode}), '']) } catch (e) { say(['', e.message]) }
})"""

@cache
def node():
    "One process that renders every formula, a line in and a line out"
    process = subprocess.Popen(['node', '-e', RENDER], cwd=DOCS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding='utf-8')
    atexit.register(process.kill)
    return process

@cache
def katex(tex, display):
    "HTML and MathML for a formula; a formula that KaTeX can't read fails the build"
    node().stdin.write(json.dumps([tex, display]) + '\n')
    node().stdin.flush()
    shown, wrong = json.loads(node().stdout.readline())
    if wrong: raise ExtensionError(f'KaTeX cannot read {tex!r}: {wrong}')
    return shown

def inline_math(writer, node):
    "A formula in a line"
    writer.body.append(f'<span class="math">{katex(node.astext(), False)}</span>')
    raise nodes.SkipNode

def display_math(writer, node):
    "A formula of its own"
    writer.body.append(f'<div class="math">{katex(node.astext(), True)}</div>')
    raise nodes.SkipNode

def setup(app):
    app.add_html_math_renderer('katex', (inline_math, None), (display_math, None))
    code = b''.join(p.read_bytes() for p in sorted(DOCS.glob('*.py')))
    app.add_config_value('docs_code', sha256(code).hexdigest(), 'env')   # a change here builds every page anew
    app.connect('html-page-context', describe_page)
