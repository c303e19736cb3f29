document.addEventListener('DOMContentLoaded', () => {
  // Names for what the theme shows as signs alone.
  const name = (selector, label) => document.querySelectorAll(selector).forEach(e => e.setAttribute('aria-label', label(e)));
  name('button.search-button__button', e => e.textContent.replace(/\s+/g, ' ').trim() || 'Search');
  name('.cell details.hide > summary', e => e.querySelector('p').textContent);      // Imports, or Check
  name('summary:not([aria-label])', e => e.textContent.trim() || 'Show the pages below');

  // What scrolls sideways can be reached and scrolled with the keyboard, at any width of the window.
  const reach = () => document.querySelectorAll('pre:not(.play-python), div.math, .cell_output .output, .pst-scrollable-table-container').forEach(e => { e.tabIndex = e.scrollWidth > e.clientWidth ? 0 : -1; });
  addEventListener('load', reach);

  // Of the buttons that copy, one is reached with Tab; from there the arrow keys lead to the others.
  addEventListener('load', () => {
    const buttons = [...document.querySelectorAll('button.copybtn')];
    const first = buttons.find(b => b.checkVisibility());      // not one that is folded away
    buttons.forEach((button, i) => {
      button.tabIndex = button === first ? 0 : -1;
      button.setAttribute('aria-keyshortcuts', 'ArrowDown ArrowUp');
      button.addEventListener('keydown', e => {
        const next = buttons.slice(i + 1).find(b => b.checkVisibility()), last = buttons.slice(0, i).reverse().find(b => b.checkVisibility());
        const to = e.key === 'ArrowDown' ? next : e.key === 'ArrowUp' ? last : null;
        if (!to) return;
        e.preventDefault();
        button.tabIndex = -1;
        to.tabIndex = 0;
        to.focus();
      });
    });
  });

  // Folded cells that stand one after the other are one: the first unfolds them all.
  document.querySelectorAll('.tag_fold-imports, .tag_fold-check').forEach(cell => {
    const kind = [...cell.classList].find(c => c.startsWith('tag_fold-')), details = cell.querySelector('details'), rest = [];
    if (cell.previousElementSibling?.classList.contains(kind)) return;
    for (let next = cell.nextElementSibling; next?.classList.contains(kind) && !next.querySelector('.cell_output'); next = next.nextElementSibling) rest.push(next);
    rest.forEach(c => c.classList.add('follows'));
    if (rest.length) details.addEventListener('toggle', () => rest.forEach(c => { c.querySelector('details').open = details.open; }));
  });

  // A film plays once; a button plays it again, also for who asked for stillness and wants to see it.
  document.querySelectorAll('img[data-animated]').forEach((film, i) => {
    const button = Object.assign(document.createElement('button'), {className: 'replay', textContent: 'Play again'}), src = film.getAttribute('src');
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (still) button.textContent = 'Play';
    let times = 0;
    button.addEventListener('click', () => {
      film.closest('picture').querySelector('source')?.remove();
      film.src = `${src}?${++times}`;                      // a new address, or the browser goes on where it ended
      button.textContent = 'Play again';
    });
    film.closest('picture').after(button);
  });
  addEventListener('resize', reach);
});
