import type {Chosen} from '../chosen'
import {button, el, newId} from '../dom'
import type {Edited} from '../walk'

interface Python {
  compile(source: string, name: string): Promise<Edited>
}

let python: Promise<Python> | null = null
/** MicroPython, fetched when the first rule is edited. */
function loaded(): Promise<Python> {
  python ??= window.fastbookLoad('edit').then(() => window.fastbookPlay.edit.loadPython())
  python!.catch(() => {
    python = null // another try may do better
  })
  return python!
}

/** A button that opens the rule's own Python; what the reader makes of it runs in its place. */
export function ruleEditor(chosen: Chosen, title: string, changed: () => void) {
  const id = newId('source')
  const wrong = el('p', {class: 'play-wrong', id: `${id}-wrong`, role: 'alert'})
  const said = el('p', {class: 'play-hint', role: 'status'})
  const text = el('textarea', {
    id,
    class: 'play-source',
    spellcheck: 'false',
    autocomplete: 'off',
    wrap: 'off',
    'aria-describedby': wrong.id,
  })
  text.value = chosen.rule.python
  text.rows = Math.min(24, chosen.rule.python.split('\n').length)
  const run = button('Run it', () => start(), {'aria-label': `Run it: my version of ${title}`})
  const back = button('Back to ours', () => close(), {'aria-label': `Back to ours: the rule of ${title}`})
  const begin = button('Edit this rule', () => open(), {'aria-label': `Edit this rule: ${title}`})
  const panel = el(
    'div',
    {class: 'play-editor'},
    el('label', {for: id}, `The rule of ${title}, yours to change`),
    text,
    wrong,
    said,
    el('div', {class: 'play-buttons'}, run, back),
  )
  panel.hidden = true
  const root = el('div', {class: 'play-edit'}, begin, panel)

  function open() {
    panel.hidden = false
    begin.hidden = true
    text.focus()
  }

  function close() {
    panel.hidden = true
    begin.hidden = false
    text.value = chosen.rule.python
    wrong.textContent = said.textContent = ''
    if (chosen.edited) {
      chosen.edited = undefined
      changed()
    }
    begin.focus()
  }

  async function start() {
    wrong.textContent = ''
    said.textContent = 'Python is being read…'
    run.disabled = true
    try {
      chosen.edited = await (await loaded()).compile(text.value, chosen.rule.name)
      said.textContent =
        text.value === chosen.rule.python
          ? 'It runs, unchanged, on MicroPython.'
          : 'Your version runs, on MicroPython.'
      changed()
    } catch (error) {
      said.textContent = ''
      blame(error)
    } finally {
      run.disabled = false
    }
  }

  /** Say what is wrong, and mark its line. */
  function blame(error: unknown): string {
    const fault = (error as {fault?: {line: number | null; message: string}}).fault
    const line = fault?.line ?? null
    const words = `${line ? `line ${line}: ` : ''}${fault?.message ?? (error as Error).message}`
    said.textContent = ''
    wrong.textContent = words[0].toUpperCase() + words.slice(1)
    text.setAttribute('aria-invalid', 'true')
    if (line) {
      const lines = text.value.split('\n')
      const from = lines.slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0)
      text.setSelectionRange(from, from + (lines[line - 1] ?? '').length)
      text.scrollTop = Math.max(0, (line - 4) * Number.parseFloat(getComputedStyle(text).lineHeight))
    }
    return words
  }

  text.addEventListener('input', () => {
    text.removeAttribute('aria-invalid')
  })
  // Tab leaves the field, as everywhere on the page: indentation is by spaces.
  return {root, blame, open: () => !panel.hidden}
}
