// Excerpts of search results are fetched, which a browser refuses to pages opened as files: there, show titles alone.
document.addEventListener('DOMContentLoaded', () => {
  if (location.protocol === 'file:' && window.DOCUMENTATION_OPTIONS) DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
});
