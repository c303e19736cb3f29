"The checks of the built site notice planted faults; the build takes only what changed, and fails where it should."
import os, re, shutil

import pytest

from conftest import ROOT
from sites import OUT, broken_links, build, needs_a_browser, open_page, problems, serve
import notebooks

needs_a_browser()

# The same checks on a site with planted faults

FAULTS = {'external script': ('</body>', '<script src="https://example.org/x.js"></script></body>', 'request to another host'),
          'console error': ('</body>', '<script>console.error("oh")</script></body>', 'console: oh'),
          'missing file': ('</body>', '<script src="_static/none.js"></script></body>', '404'),
          'no alt text': ('</article>', '<img src="favicon.png"></article>', 'alt text'),
          'short alt text': ('</article>', '<img src="favicon.png" alt="plot"></article>', 'alt text'),
          'directive': ('</article>', '<p>#| export</p></article>', "'#|' in the text"),
          'attribute': ('</article>', '<p>{.lead}</p></article>', "'{.' in the text"),
          'too wide': ('</article>', '<div style="width:2000px; height:9px"></div></article>', 'too wide'),
          'too wide for phones': ('</article>', '<div style="width:600px; height:9px"></div></article>', 'too wide at 390'),
          'poor contrast': ('</article>', '<p style="color:#999; background:#aaa">pale</p></article>', 'color-contrast')}

def copied(folder):
    "The site again, its files as links to the same bytes, but for the page to be changed"
    def link(src, dst):
        try: os.link(src, dst)
        except OSError: shutil.copy2(src, dst)     # another disk
    copy = shutil.copytree(OUT, folder/'site', copy_function=link)
    (copy/'glossary.html').unlink()
    shutil.copy2(OUT/'glossary.html', copy)
    return copy

@pytest.mark.parametrize('fault', FAULTS)
def test_a_planted_fault_is_noticed(site, browser, tmp_path, fault):
    copy = copied(tmp_path)
    at, plant, sign = FAULTS[fault]
    path = copy/'glossary.html'
    path.write_text(path.read_text(encoding='utf-8').replace(at, plant, 1), encoding='utf-8')
    server, url = serve(copy)
    page, wrong = open_page(browser, url + 'glossary.html')
    found = problems(page, wrong)
    page.context.close()
    server.shutdown()
    assert any(sign in f for f in found), found

@pytest.mark.parametrize('link', ['#nowhere', 'linear.html#nowhere', 'gone.html', 'notebooks/gone.ipynb'])
def test_a_broken_link_is_noticed(site, tmp_path, link):
    copy = copied(tmp_path)
    path = copy/'glossary.html'
    path.write_text(path.read_text(encoding='utf-8').replace('</article>', f'<a href="{link}">x</a></article>'), encoding='utf-8')
    broken = broken_links(copy)
    assert [b for b in broken if link in b] and len(broken) == 1

# The build itself

KEPT = {'00_data', '01_linear', '02_descent', 'A_checks', 'B_sources', 'C_saving'}    # what the first three lessons stand on

@pytest.fixture
def checkout(tree):
    "A small tree that builds in seconds: the first lessons as they are, of the other notebooks only the title, with no module"
    for folder in ('docs', 'play'): (tree/folder/'node_modules').symlink_to(ROOT/folder/'node_modules')
    for path in notebooks.series(tree/'nbs'):
        if path.stem in KEPT | {'index'}: continue
        nb = notebooks.read(path)
        nb.cells = nb.cells[:1]
        notebooks.write(nb, path)
    words = tree/'docs'/'search.yml'
    words.write_text(re.sub(r'^api/.*\n', '', words.read_text(encoding='utf-8'), flags=re.M), encoding='utf-8')    # those modules are not there
    return tree

def change(path, old, new):
    text = path.read_text(encoding='utf-8')
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding='utf-8')

def test_second_build_takes_only_what_changed(site, checkout):
    at = dict(SITE_URL='https://example.org/series')
    assert build(checkout, **at).returncode == 0
    for name in ('index.html', 'api/data.html'): assert '<meta property="og:image" content="https://example.org/series/card.png">' in (checkout/'_docs'/name).read_text(encoding='utf-8')
    times = lambda: {p.name: p.stat().st_mtime_ns for p in (checkout/'_docs').glob('*.html') if p.name not in ('404.html', 'search.html')}
    first = times()
    assert build(checkout, **at).returncode == 0
    assert times() == first
    change(checkout/'nbs'/'01_linear.ipynb', 'What we now know', 'What we know at last')
    assert build(checkout, **at).returncode == 0
    assert {n for n, t in times().items() if t != first[n]} == {'linear.html', 'index.html'}    # the first page lists the headings of all
    (checkout/'nbs'/'01_linear.ipynb').rename(checkout/'nbs'/'01_line.ipynb')     # links to it are broken now
    done = build(checkout, **at)
    assert done.returncode != 0 and '01_linear.ipynb' in done.stderr

@pytest.mark.parametrize('name,old,new,sign', [
    ('01_linear', '(00_data.ipynb)', '(00_data.ipynb#nowhere)', 'nowhere'),
    ('01_linear', '`check_pair`', '{py:obj}`fastbook_sgd.gone`', 'fastbook_sgd.gone'),
    ('01_linear', '#| fig-alt', '#| fig-cap', 'fig-alt'),
    ('01_linear', r'\\sigma(x)', r'\\sigmo(x)', 'KaTeX')])
def test_a_fault_fails_the_build_twice(site, checkout, name, old, new, sign):
    change(checkout/'nbs'/f'{name}.ipynb', old, new)
    for _ in range(2):
        done = build(checkout)
        assert done.returncode != 0 and sign in done.stdout + done.stderr, done.stdout + done.stderr
