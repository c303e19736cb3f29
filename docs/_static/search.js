// Results while one types, from search-index.js, which is fetched with the first letter. Works for pages opened as files, too.
(() => {
  const root = document.documentElement.dataset.content_root;
  const COMMON = new Set('a an and are as at be by can do does for from how i in is it my of on or should so that the this to use what when where which why with you'.split(' '));
  const WEIGHT = {class: 12, lesson: 11, term: 10, function: 7, appendix: 5, page: 5, section: 4, method: 3, data: 3, property: 2, inner: 0};
  let entries = null, loading = null;

  const fold = text => text.toLowerCase().replaceAll('fastbook_sgd', 'fastbookxsgd');      // not every module is about SGD; as long as before
  const stem = word => word.length > 4 ? word.replace(/(?:ting|ing|ies|es|ed|s)$/, '') : word;
  const escaped = text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const starts = word => new RegExp('(?:^|[^a-z0-9])' + escaped(word));     // where a word, or a part of a name, begins
  const html = text => text.replace(/[&<>"]/g, c => ({'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;'})[c]);

  function load() {
    return loading ??= new Promise(done => {
      const script = document.createElement('script');
      script.src = root + 'search-index.js';
      script.onload = () => {
        const {kinds, entries: rows} = window.searchEntries;
        entries = rows.map(([title, url, kind, where, also, text]) =>
          ({title, url, kind: kinds[kind], where, text, low: {title: fold(title), also: fold(also), text: fold(text)}, names: [...title.split(' · '), title.split(': ')[0], ...also.split('|')]}));
        done();
      };
      document.head.append(script);
    });
  }

  // How well an entry answers: its name, words of its title, other words for it, its text. 0 where a word is found nowhere.
  function score(entry, query, words, any) {
    let sum = 0, found = 0;
    const names = entry.names.filter(n => fold(n) === fold(query));
    if (names.length) sum += names.includes(query) ? 104 : 100;
    for (const [word, at] of words) {
      const best = at.test(entry.low.title) ? 20 : at.test(entry.low.also) ? 9 : at.test(entry.low.text) ? 4 : 0;
      if (best) found++;
      sum += best;
    }
    if (!sum || (!any && found < words.length)) return 0;
    if (entry.low.title.startsWith(fold(query))) sum += 15;
    if (words.length > 1 && (entry.low.title + ' ' + entry.low.text).includes(fold(query))) sum += 12;
    return sum * (any ? found : 1) + WEIGHT[entry.kind];
  }

  // For what is mistyped: the share of pairs of letters that a name has in common with it.
  function like(a, b) {
    const pairs = s => new Set([...fold(s)].slice(1).map((c, i) => fold(s)[i] + c)), x = pairs(a), y = pairs(b);
    return 2*[...x].filter(p => y.has(p)).length / (x.size + y.size || 1);
  }

  function find(query, most = 12) {
    query = query.trim();
    if (!query || !entries) return [];
    let words = query.split(/[\s?!,;:"'()]+/).filter(Boolean);
    if (words.some(w => !COMMON.has(fold(w)))) words = words.filter(w => !COMMON.has(fold(w)));
    const patterns = words.map(w => [w, starts(stem(fold(w)))]);
    const rank = any => entries.map(e => [score(e, query, patterns, any), e]).filter(([s]) => s).sort((a, b) => b[0] - a[0]);
    let ranked = rank(false);
    if (!ranked.length && words.length > 1) ranked = rank(true);
    if (!ranked.length) ranked = entries.map(e => [Math.max(...e.names.map(n => like(query, n))), e]).filter(([s]) => s > .6).sort((a, b) => b[0] - a[0]);
    return ranked.slice(0, most).map(([, e]) => ({...e, excerpt: excerpt(e, patterns)}));
  }

  // The text around the first word that was looked for, with all of them marked.
  function excerpt(entry, patterns) {
    const at = Math.max(0, Math.min(...patterns.map(([, p]) => { const i = entry.low.text.search(p); return i < 0 ? 1e9 : i; })));
    const from = at > 1e8 || at < 60 ? 0 : entry.text.lastIndexOf(' ', at - 40) + 1;
    const text = entry.text.slice(from, from + 150).replace(/\s+\S*$/, m => from + 150 < entry.text.length ? '' : m);
    const mark = new RegExp('(^|[^A-Za-z0-9])(' + patterns.map(([w]) => escaped(stem(fold(w)))).join('|') + ')([a-z]*)', 'gi');
    return (from ? '… ' : '') + html(text).replace(mark, '$1<mark>$2$3</mark>') + (from + text.length < entry.text.length ? ' …' : '');
  }

  const option = (e, i, id) => `<a role="option" id="${id}-${i}" tabindex="-1" aria-selected="false" href="${root}${html(e.url)}"><span class="found-title">${html(e.title)}</span>`
    + `<span class="found-kind">${['section', 'method', 'inner'].includes(e.kind) ? html(e.where) : e.kind}</span>${e.excerpt ? `<span class="found-text">${e.excerpt}</span>` : ''}</a>`;

  // A list below a field, for the eye, the keyboard and screen readers.
  function attach(input, place, id) {
    const list = Object.assign(document.createElement('div'), {id, className: 'found', hidden: true}), said = Object.assign(document.createElement('p'), {className: 'found-said', role: 'status'});
    list.setAttribute('role', 'listbox');
    list.setAttribute('aria-label', 'Results');
    for (const [name, value] of Object.entries({role: 'combobox', 'aria-expanded': 'false', 'aria-controls': id, 'aria-autocomplete': 'list'})) input.setAttribute(name, value);
    place.append(list, said);
    let at = -1;
    const options = () => [...list.children];
    const choose = to => {
      at = to;
      options().forEach((o, i) => o.setAttribute('aria-selected', i === at));
      if (at < 0) input.removeAttribute('aria-activedescendant');
      else { input.setAttribute('aria-activedescendant', options()[at].id); options()[at].scrollIntoView({block: 'nearest'}); }
    };
    const show = async () => {
      const query = input.value;
      if (query.trim()) await load();
      if (query !== input.value) return;                       // more was typed while the index came
      const found = find(query, id === 'found-here' ? 30 : 12);
      list.innerHTML = found.map((e, i) => option(e, i, id)).join('');
      list.hidden = !found.length;
      input.setAttribute('aria-expanded', String(found.length > 0));
      said.textContent = !query.trim() ? '' : found.length ? `${found.length} ${found.length > 1 ? 'results' : 'result'}` : 'Nothing is called so';
      choose(-1);
    };
    input.addEventListener('input', show);
    input.addEventListener('keydown', e => {
      const n = options().length;
      if (e.isComposing || !n) return;
      if (e.key === 'ArrowDown' || e.key === 'ArrowUp') { e.preventDefault(); choose(e.key === 'ArrowDown' ? (at + 2)%(n + 1) - 1 : (at + 1 + n)%(n + 1) - 1); }
      else if (e.key === 'Enter' && at >= 0) { e.preventDefault(); options()[at].click(); }
    });
    list.addEventListener('click', e => e.target.closest('a') && input.closest('dialog')?.close());
    return show;
  }

  document.addEventListener('DOMContentLoaded', () => {
    const dialog = document.getElementById('pst-search-dialog');
    if (dialog) attach(dialog.querySelector('input'), dialog, 'found-anywhere');
    const input = document.querySelector('article input[name=q], .bd-search-container input[name=q]'), below = document.getElementById('search-results');
    if (!input || !below) return;
    const place = document.createElement('div');
    below.before(place);
    input.value = new URLSearchParams(location.search).get('q') ?? '';
    attach(input, place, 'found-here')();
  });
  window.siteSearch = query => load().then(() => find(query));
})();
