import type {Chosen} from '../chosen'
import {el, say, unseen} from '../dom'
import type {Rule} from '../generated/rules.js'
import type {Point} from '../ground'
import type {Walker} from '../walk'
import {ruleEditor} from './editor'

const pair = (p: Point) => `(${say(p[0], 4)}, ${say(p[1], 4)})`
const PAUSE = 80 // ms between two looks while it runs

/** The lines of a rule, with what they change: the tensors whose methods that end in `_` are called there. */
export function linesOf(rule: Rule): {text: string; changes: string[]}[] {
  const names = ['p', ...rule.state]
  const found = (line: string) =>
    names.filter(n => new RegExp(`(^|[^\\w.])${n}\\.\\w+_\\(`).test(line.replace(/#.*/, '')))
  return rule.python
    .trimEnd()
    .split('\n')
    .map(text => ({text, changes: found(text)}))
}

/** What the rule itself says of a parameter: the comment beside it. */
const meaning = (rule: Rule, name: string) =>
  new RegExp(`^\\s+${name}(?:=[^#\\n]*)?,\\s*#\\s*(.*)$`, 'm').exec(rule.python)?.[1] ?? ''

/** The numbers of the last step beside the rule's own lines of Python, for who unfolds them. */
export function lastStep(chosen: Chosen, title: string, edited: () => void) {
  const {rule} = chosen
  const editor = ruleEditor(chosen, title, edited)
  const lines = linesOf(rule)
  const notes = new Map<HTMLElement, string[]>()
  const code = lines.map(({text, changes}) => {
    const note = el('span', {class: 'play-note'})
    if (changes.length) notes.set(note, changes)
    return el('span', {class: 'play-line'}, el('span', {class: 'play-code'}, `${text || ' '}`), note, '\n')
  })
  const body = el('tbody')
  const table = el(
    'table',
    {class: 'play-numbers'},
    el('caption', {class: 'play-unseen'}, `The last step of ${title}`),
    el('thead', {}, el('tr', {}, ...['', 'x', 'y'].map(t => el('th', {scope: 'col'}, t)))),
    body,
  )
  const before = el('p', {class: 'play-hint'}, 'No step yet.')
  const source = el(
    'pre',
    {class: 'play-python', tabindex: 0, 'aria-label': `The rule of ${title} in Python`},
    ...code,
  )
  const root = el(
    'details',
    {class: 'play-more'},
    el('summary', {}, 'The rule, and its last step', unseen(` (${title})`)),
    before,
    table,
    source,
    editor.root,
  )
  let walker: Walker | null = null
  let shown = 0
  const fill = () => {
    const seen = walker?.seen
    before.textContent = seen ? `Step ${walker!.steps}:` : 'No step yet.'
    table.hidden = !seen
    source.hidden = editor.open()
    const step: Point = seen ? [seen.after[0] - seen.before[0], seen.after[1] - seen.before[1]] : [0, 0]
    const rows: [string, string, Point][] = !seen
      ? []
      : [
          ['g', 'the gradient', seen.g],
          ...Object.keys(seen.state).map((n): [string, string, Point] => [
            n,
            meaning(rule, n),
            seen.state[n],
          ]),
          ['step', 'how far p moved', step],
          ['p', 'where it is now', seen.after],
        ]
    body.replaceChildren(
      ...rows.map(([n, why, [x, y]]) =>
        el(
          'tr',
          {},
          el('th', {scope: 'row', title: why}, n),
          el('td', {}, say(x, 4)),
          el('td', {}, say(y, 4)),
        ),
      ),
    )
    if (!editor.open())
      for (const [note, changes] of notes) {
        const of = (n: string) => (n === 'p' ? `step ${pair(step)}` : `${n} = ${pair(seen!.state[n])}`)
        note.textContent = seen ? `  ← ${changes.map(of).join(', ')}` : ''
      }
  }
  editor.root.addEventListener('click', fill)
  root.addEventListener('toggle', fill)
  return {
    root,
    update(now: Walker) {
      walker = now
      if (!root.open || performance.now() - shown < PAUSE) return
      shown = performance.now()
      fill()
    },
    settle: () => root.open && fill(),
    blame: editor.blame,
  }
}
