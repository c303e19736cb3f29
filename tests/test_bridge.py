"The bridge from nbdev's conventions to pages, on a tiny notebook that holds each directive."
import re, sys

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
import pytest

pytest.importorskip('docutils', reason='the site\'s packages are not installed: make docs')

from conftest import ROOT

sys.path.insert(0, str(ROOT/'docs'))
pytest.importorskip('yaml', reason="the site's requirements are not installed: pip install -e .[docs]")
import bridge

PNG = 'iVBORw0KGgo='
picture = lambda: new_output('display_data', data={'image/png': PNG, 'text/plain': '<Figure size 600x300>'})
text = lambda s: new_output('stream', name='stdout', text=s)

@pytest.fixture
def site(tmp_path):
    for name in ('nbs/00_first.ipynb', 'nbs/01_next.ipynb', 'LICENSE', 'CONTRIBUTING.md', 'tests/test_x.py'):
        (tmp_path/name).parent.mkdir(exist_ok=True)
        (tmp_path/name).write_text('{}')
    return bridge.Site(names={'Optim': 'lib.next.Optim', 'torch.no_grad': 'https://example.org/no_grad'},
                       terms=[dict(term='batch', forms=['batch', 'batches']), dict(term='step', forms=['step', 'steps'], not_in=['step by step'])],
                       pages={'nbs/00_first.ipynb': 'first.ipynb', 'nbs/01_next.ipynb': 'next.ipynb', 'CONTRIBUTING.md': 'contributing.md'}, root=tmp_path, last='01_next')

def tiny(*cells):
    return new_notebook(cells=[new_markdown_cell('# What is it?\n\n> A `lesson` in one sentence.'), *cells],
                        metadata={'fastbook_sgd': dict(code='1', data='mnist_sample', versions=dict(torch='2.1', fastai='2.8', fastbook_sgd='0.1'))})

def converted(site, *cells): return bridge.convert(tiny(*cells), '01_next', site).cells[1:-1]
def one(site, source, *outputs): return converted(site, new_code_cell(source, outputs=list(outputs)))
def prose(site, source): return converted(site, new_markdown_cell(source))[0].source

@pytest.mark.parametrize('line', ['#| default_exp next', '#| hide', '#|hide', '#| include: false', '#| export\n#| hide'])
def test_dropped_with_its_outputs(site, line): assert one(site, f'{line}\nx = 1', text('seen')) == []

@pytest.mark.parametrize('line', ['#| export', '#| exporti', '#| eval: false', '#|slow', '#| code-fold: true'])
def test_other_directive_lines_go_and_the_code_stays(site, line):
    cells = one(site, f'{line}\nx = 1\n#| echo is mentioned', text('seen'))
    assert cells[-1].source == 'x = 1' and cells[-1].outputs[0].text == 'seen' and 'tags' not in cells[-1].metadata

@pytest.mark.parametrize('line', ['#| hide', '#| export\n#| hide'])
def test_hidden_prose_is_dropped(site, line): assert converted(site, new_markdown_cell(f'{line}\nA batch.')) == []

def test_directive_lines_of_prose_go_and_fenced_ones_stay(site):
    assert prose(site, '#| export\nA word.') == 'A word.'
    fenced = '```python\n#| hide\nx = 1\n```'
    assert prose(site, fenced) == fenced

@pytest.mark.parametrize('line', ['#| echo: false', '#| hide_input'])
def test_code_hidden_output_shown(site, line):
    cell, = one(site, f'{line}\nprint(1)', text('1\n'))
    assert cell.metadata['tags'] == ['remove-input'] and cell.outputs
    assert one(site, f'{line}\nx = 1') == []

def test_echo_true_hides_nothing(site): assert 'tags' not in one(site, '#| echo: true\nx = 1')[0].metadata

@pytest.mark.parametrize('line', ['#| output: false', '#| hide_output'])
def test_output_hidden_code_shown(site, line):
    cell, = one(site, f'{line}\nprint(1)', text('1\n'))
    assert cell.source == 'print(1)' and cell.outputs == []

def test_alt_text_of_pictures(site):
    cell, = one(site, '#| fig-alt: A curve: it "rises".\nplot()', picture())
    assert cell.metadata['mystnb']['image']['alt'] == 'A curve: it "rises".' and 'text/plain' not in cell.outputs[0].data

def test_a_picture_without_text_is_an_error(site):
    with pytest.raises(ValueError, match='fig-alt'): one(site, 'plot()', picture())

def test_title_description_bar_and_foot(site):
    cells = bridge.convert(tiny(new_code_cell('x = 1')), '01_next', site).cells
    first, last = cells[0].source, cells[-1].source
    assert '\n\n{.lead}\nA `lesson` in one sentence.\n' in first and '> A `lesson`' not in first
    assert 'min to read' in first and 'href="notebooks/01_next.ipynb"' in first and 'colab' not in first
    places = {'01_next': '<strong>01 Next</strong><span>Lesson 01 of 01</span>', 'A_checks': '<strong>A Checks</strong><span>Appendix A</span>', '15_your_own': '<strong>15 Your own</strong><span>Lesson 15 of 01</span>'}
    for name, words in places.items(): assert f'# What is it?\n\n<p class="eyebrow">{words}</p>\n\n{{.lead}}' in bridge.convert(tiny(), name, site).cells[0].source
    assert 'eyebrow' not in bridge.convert(tiny(), 'index', site).cells[0].source
    for words in ('torch 2.1', 'fastai 2.8', 'fastbook_sgd 0.1', 'mnist_sample'): assert words in last
    site.git_url = 'https://github.com/someone/repo'
    first = bridge.convert(tiny(), '01_next', site).cells[0].source
    assert 'colab.research.google.com/github/someone/repo/blob/main/nbs/01_next.ipynb' in first and 'mybinder.org/v2/gh/someone/repo/main' in first

@pytest.mark.parametrize('start', ['What is it?', '# Title alone', '# Title\n> no empty line'])
def test_no_title_or_description_is_an_error(start):
    with pytest.raises(ValueError, match='begins with a cell'): bridge.opening(new_notebook(cells=[new_markdown_cell(start)]))

def test_names_become_links(site):
    assert prose(site, 'Use `Optim`.') == 'Use {py:obj}`Optim <lib.next.Optim>`.'
    assert prose(site, '`Optim(params, lr)`') == '{py:obj}`Optim(params, lr) <lib.next.Optim>`'
    assert prose(site, '`torch.no_grad()`') == '[`torch.no_grad()`](https://example.org/no_grad)'
    for same in ('`other`', '`x = Optim(1)`', 'Optim', '## `Optim`', '[`Optim`](https://example.org)', '```python\n`Optim`\n```', '$`Optim`$'): assert prose(site, same) == same

def test_terms_are_linked_once_a_page(site):
    cells = converted(site, new_markdown_cell('Step by step: Batches, a batch.'), new_code_cell('x = 1'), new_markdown_cell('A batch and a *step*, two steps.'))
    assert cells[0].source == 'Step by step: {term}`Batches <batch>`, a batch.'
    assert cells[2].source == 'A batch and a *{term}`step <step>`*, two steps.'
    for same in ('`batch`', '## A batch', '[a batch](https://example.org)', '$batch$', 'minibatch batch_size mini-batch', '```\nbatch\n```'): assert prose(site, same) == same

def test_links(site):
    assert prose(site, '[a](00_first.ipynb) [b](01_next.ipynb#top)') == '[a](first.ipynb) [b](next.ipynb#top)'
    assert prose(site, '[c](../CONTRIBUTING.md) [d](../LICENSE) [e](../tests/test_x.py)') == '[c](contributing.md) [d](files/LICENSE.txt) [e](files/tests/test_x.py)'
    assert site.files == {'LICENSE', 'tests/test_x.py'}
    assert prose(site, '[w](https://example.org) [h](#here)') == '[w](https://example.org) [h](#here)'
    site.git_url = 'https://github.com/someone/repo'
    assert prose(site, '[d](../LICENSE)') == '[d](https://github.com/someone/repo/blob/main/LICENSE)'

def test_lessons_are_called_by_one_name(site):
    assert prose(site, '[01_next](01_next.ipynb) and [here](01_next.ipynb#top)') == '[01 Next](next.ipynb) and [here](next.ipynb#top)'
    assert prose(site, 'See lesson 01, Notebook 00; not lesson 07.') == 'See [lesson 01](next.ipynb), [Notebook 00](first.ipynb); not lesson 07.'
    for same in ('`lesson 01`', '## Lesson 01', '[lesson 01](https://example.org)', 'lesson 0123', 'lessons 01'): assert prose(site, same) == same

def test_papers_are_links(site):
    site.papers = [dict(cited='Polyak', year=1964), dict(cited='Polyak and Juditsky', year=1992), dict(cited='Li et al.', year=2018), dict(cited='Howard and Gugger', year=2020, forms=["fastai's book"])]
    assert prose(site, '(Polyak, 1964), Polyak and Juditsky 1992') == '([Polyak, 1964](#polyak-1964)), [Polyak and Juditsky 1992](#polyak-and-juditsky-1992)'
    assert prose(site, "Li et al. (2018), Li and others, 2018; fastai's book") == "[Li et al. (2018)](#li-et-al-2018), [Li and others, 2018](#li-et-al-2018); [fastai's book](#howard-and-gugger-2020)"
    assert prose(site, 'A 1983, and Polyak 1964') == 'A 1983, and [Polyak 1964](#polyak-1964)'
    assert prose(site, 'Polyak (1964, a talk)') == '[Polyak](#polyak-1964) (1964, a talk)'
    for same in ('Polyak, 1965', 'Polyak, 19645', '`Polyak 1964`', 'Anna and Polyak, 1964', '## Polyak, 1964'): assert prose(site, same) == same
    assert set(site.cited) == {'polyak-1964', 'polyak-and-juditsky-1992', 'li-et-al-2018', 'howard-and-gugger-2020'} and set(site.cited['polyak-1964']) == {'01_next'}

def test_every_paper_that_is_named_is_known():
    import notebooks, yaml
    site = bridge.Site(papers=yaml.safe_load((ROOT/'docs'/'references.yml').read_text(encoding='utf-8')))
    for e in site.papers: assert {'cited', 'year', 'authors', 'title'} <= e.keys() <= {'cited', 'year', 'authors', 'title', 'at', 'url', 'forms'} and e['cited'].split()[0].strip(',') in e['authors']
    assert len({bridge.paper(e) for e in site.papers}) == len(site.papers)
    unknown = []
    for path in notebooks.series(ROOT/'nbs'):
        for cell in notebooks.read(path).cells:
            if cell.cell_type != 'markdown': continue
            linked = re.sub(r'\[[^\]]*\]\(#[^)]*\)', 'it', bridge.link_papers(cell.source, site, path.stem))
            unknown += [(path.stem, m) for m in re.findall(r"(?:[A-Z][\w'-]+|et al\.|others)(?:,? \(?|, )(?:19|20)\d\d\b", linked) if not re.match('In|On|Of|By|Since|Until', m)]
    assert unknown == []

def test_how_to_cite_is_in_step():
    import yaml
    from write_pyproject import read_settings
    cff, cfg = yaml.safe_load((ROOT/'CITATION.cff').read_text(encoding='utf-8')), read_settings(ROOT)
    assert (cff['cff-version'], cff['title'], cff['version'], cff['license'], cff['abstract']) == ('1.2.0', cfg['lib_name'], cfg['version'], cfg['license'], cfg['description'])
    assert cff['keywords'] == cfg['keywords'].split() and cff['authors'] == [{'name': cfg['author']}] and cff['message']
    assert f'Version {cfg["version"]} ' in (ROOT/'CHANGELOG.md').read_text(encoding='utf-8')

def test_a_link_to_nothing_is_an_error(site):
    with pytest.raises(ValueError, match='05_gone.ipynb'): prose(site, '[a](05_gone.ipynb)')

def test_exported_names_are_anchors(site):
    cells = converted(site, new_markdown_cell('## Optim'), new_code_cell('#| export\nclass Optim:\n    def step(self): pass\n\ndef check(): pass\nSIZE = 1\n_x = 2'), new_code_cell('def local(): pass'))
    ids = [c.source for c in cells if c.cell_type == 'markdown' and 'class="anchor"' in c.source]
    assert len(ids) == 1 and [i in ids[0] for i in ('id="optim.step"', 'id="check"', 'id="size"')] == [True]*3
    assert 'id="optim"' not in ids[0] and 'local' not in ids[0] and '_x' not in ids[0]   # the heading is #optim already

def test_assigned_names_are_anchors(site):
    cells = converted(site, new_code_cell('#| export\na, (b, _c) = 1, (2, 3)\nif a:\n    d: int = 4\nelse: e = f = 5\nx.y = a\ng[0] = b'))
    ids = next(c.source for c in cells if 'class="anchor"' in c.source)
    assert ids.count('<span') == 5 and all(f'id="{n}"' in ids for n in 'abdef')

def test_outputs_are_cleaned(site):
    cell, = one(site, 'train()', text('10%\r'), text('100%\ndone \x1b[31mred\x1b[0m\n'), new_output('display_data', data={'text/html': '<style>p{}</style>\n'}),
                new_output('display_data', data={'text/html': '<style>p{}</style><link href="https://example.org/x.css"><script>1</script><table></table>'}))
    assert [o.get('text') for o in cell.outputs] == ['100%\ndone red\n', None]
    assert cell.outputs[1].data['text/html'] == '<table></table>'

def test_pictures_for_the_table(site):
    nb = tiny(new_code_cell('#| hide\nplot()', outputs=[picture()]), new_code_cell('#| fig-alt: Curve\nplot()', outputs=[picture()]))
    assert [alt for alt, _ in bridge.pictures(nb)] == ['Curve']
    table = '| notebook | builds |\n|---|---|\n| [00](first.ipynb) | x |\n| none | y |\n\n| a | b |\n|---|---|\n| 1 | 2 |\n'
    assert bridge.with_thumbnails(table, {'first': ('Curve', 'thumbs/first.png')}) == (
        '{.arc}\n| picture | notebook | builds |\n| --- |---|---|\n| [![Curve](thumbs/first.png)](first.ipynb) | [00](first.ipynb) | x |\n|  | none | y |\n\n| a | b |\n|---|---|\n| 1 | 2 |\n')

def test_a_table_without_pictures_stays_as_it_is():
    table = '| notebook | what |\n|---|---|\n| [A](checks.ipynb) | x |\n'
    assert bridge.with_thumbnails(table, {'first': ('Curve', 'thumbs/first.png')}) == table

def test_numbers_leave_the_page_names():
    assert [bridge.page_of(p) for p in ('nbs/00_data.ipynb', '05a_net.ipynb', 'index.ipynb', 'nbs/A_checks.ipynb', 'A_checks')] == ['data', 'net', 'index', 'checks', 'checks']

def test_the_notebook_is_not_changed(site):
    nb = tiny(new_code_cell('#| fig-alt: Curve\nplot()', outputs=[picture()]), new_markdown_cell('a batch'))
    before = str(nb)
    bridge.convert(nb, '01_next', site)
    assert str(nb) == before

# What is folded

@pytest.mark.parametrize('source,word', [
    ('import torch', 'Imports'), ('#| hide\nimport torch\nfrom math import pi', 'Imports'), ('#| export\nfrom torch import (\n    nn)', 'Imports'),
    ('test_eq(1, 1)', 'Check'), ('assert 1 == 1', 'Check'), ('for x in (1, 2):\n    test_eq(x, x)', 'Check'), ('with open(__file__):\n    test_fail(f, contains="x")', 'Check'),
    ('x = 1\ntest_eq(x, 1)', ''), ('print(1)', ''), ('import torch\ntorch.ones(2)', ''), ('# only a word', '')])
def test_imports_and_checks_are_folded(site, source, word):
    shown = one(site, source)
    if not shown: assert not word
    for cell in shown:
        tags, prompts = cell.metadata.get('tags', []), cell.metadata.get('mystnb', {})
        assert ('hide-input' in tags) == bool(word) and prompts.get('code_prompt_show', '') == word

def test_hidden_cells_that_do_more_stay_hidden(site):
    assert one(site, '#| hide\nimport torch\ntorch.manual_seed(0)') == [] == one(site, '#| hide\ntest_eq(1, 1)')

def test_folded_code_takes_no_time_to_read():
    nb = tiny(*[new_code_cell('\n'.join(['import torch']*400)), new_code_cell('\n'.join(['test_eq(1, 1)']*400))])
    assert bridge.minutes(nb) == 1 and bridge.minutes(tiny(new_code_cell('\n'.join(['x = 1']*400)))) >= 20

def test_the_first_page_says_how_long_the_lessons_take():
    import notebooks
    hours = sum(bridge.minutes(notebooks.read(p)) for p in notebooks.lessons(ROOT/'nbs')) // 60
    words = dict(enumerate('zero one two three four five six seven eight nine ten'.split()))
    assert f'take {words[hours]} to {words[hours + 1]} hours to read' in (ROOT/'README.md').read_text(encoding='utf-8'), hours

# The search

def test_what_the_search_knows_of_a_notebook():
    import search
    nb = tiny(new_markdown_cell('Some **words**, [a link](x.ipynb) and `code`.\n\n```python\nhidden = 1\n```\n\n## A `section`\n\n| a | b |\n|---|---|\n| c | d |'),
              new_code_cell('#| export\ndef my_name(x): return x  # a comment_word'), new_code_cell('#| hide\nsecret_name = 1'), new_code_cell('test_eq(my_check, 1)'), new_markdown_cell('#| hide\nNot this.'))
    page, section = search.of_notebook(nb, dict(page='next', stem='01_next', name='01 Next', title='What is it?', description='A lesson.'), 'lesson')
    assert page == ['01 Next: What is it?', 'next.html', 0, '', '01_next|next|lesson 01|01 Next', 'A lesson. Some words , a link and code .']
    assert section == ['A section', 'next.html#a-section', 3, '01 Next', 'my_name', 'a b c d']

def test_other_words_must_have_an_entry():
    import search
    assert search.with_other_words([search.entry('A', 'a.html', 'page', also='x')], {'a.html': ['y']})[0][4] == 'x|y'
    with pytest.raises(LookupError, match='b.html'): search.with_other_words([search.entry('A', 'a.html', 'page')], {'b.html': ['y']})
