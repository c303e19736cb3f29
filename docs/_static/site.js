document.addEventListener('DOMContentLoaded', () => {
  // Names for what the theme shows as signs alone.
  const name = (selector, label) => document.querySelectorAll(selector).forEach(e => e.setAttribute('aria-label', label(e)));
  name('button.search-button__button', e => e.textContent.replace(/\s+/g, ' ').trim() || 'Search');
  name('.cell details.hide > summary', e => e.querySelector('p').textContent);      // Imports, or Check
  name('summary:not([aria-label])', e => e.textContent.trim() || 'Show the pages below');

  // What scrolls sideways can be reached and scrolled with the keyboard, at any width of the window.
  const reach = () => document.querySelectorAll('pre, div.math, .cell_output .output, .pst-scrollable-table-container').forEach(e => { e.tabIndex = e.scrollWidth > e.clientWidth ? 0 : -1; });
  addEventListener('load', reach);
  addEventListener('resize', reach);
});
