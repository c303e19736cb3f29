// Controls: each has a label, says what it takes, and says at its side what it was given that it can't take.
import {el, newId, say, unseen} from './dom'

export interface Field<T> {
  root: HTMLElement
  set(value: T): void
}

export interface NumberOptions {
  label: string
  of?: string // whose it is, for who hears one control alone
  value: number
  min: number
  max: number
  log?: boolean
  near1?: boolean // equal ways on the slider for 0.9, 0.99 and 0.999
  whole?: boolean
  unit?: string
  change: (value: number) => void
}

const STEPS = 1000

/** From a number to its place on the slider, 0 to 1000, and back. */
function scale({min, max, log, near1}: NumberOptions) {
  if (near1) {
    const nines = Math.log10(1 / 1e-4)
    return {
      place: (x: number) => Math.min(1, -Math.log10(Math.max(1 - x, 1e-4)) / nines) * STEPS,
      number: (s: number) => Math.min(max, 1 - 10 ** ((-s / STEPS) * nines)),
    }
  }
  if (log) {
    const low = min > 0 ? min : max * 1e-8
    const decades = Math.log10(max / low)
    return {
      place: (x: number) => (x <= low ? 0 : (Math.log10(x / low) / decades) * STEPS),
      number: (s: number) => (s <= 0 ? min : low * 10 ** ((s / STEPS) * decades)),
    }
  }
  return {
    place: (x: number) => ((x - min) / (max - min)) * STEPS,
    number: (s: number) => min + ((max - min) * s) / STEPS,
  }
}

const round = (x: number, o: NumberOptions) => {
  if (o.whole) return Math.round(x)
  if (o.near1) return Number((1 - Number((1 - x).toPrecision(2))).toPrecision(6))
  return Number(x.toPrecision(o.log ? 2 : 3))
}

/** A number to type, with a slider below. */
export function numberField(o: NumberOptions): Field<number> {
  let now = o.value
  const {place, number} = scale(o)
  const id = newId('number')
  const wrong = el('p', {class: 'play-wrong', id: `${id}-wrong`, role: 'alert'})
  const of = o.of ? ` of ${o.of}` : ''
  const text = el('input', {
    id,
    type: 'text',
    inputmode: 'decimal',
    autocomplete: 'off',
    'aria-describedby': wrong.id,
  })
  const slider = el('input', {
    type: 'range',
    min: 0,
    max: STEPS,
    step: 'any',
    'aria-label': `${o.label}${of}, slider`,
  })
  const show = () => {
    text.value = say(now, 6)
    slider.value = String(place(now))
    slider.setAttribute('aria-valuetext', `${say(now, 6)}${o.unit ?? ''}`)
  }
  const accept = (x: number) => {
    now = x
    wrong.textContent = ''
    text.removeAttribute('aria-invalid')
    o.change(x)
  }
  text.addEventListener('change', () => {
    const given = text.value
      .trim()
      .replace(',', '.')
      .replace(o.unit ?? '', '')
    const x = given === '' ? Number.NaN : Number(given)
    const fault =
      Number.isNaN(x) || (o.whole && !Number.isInteger(x))
        ? `a ${o.whole ? 'whole ' : ''}number is expected`
        : x < o.min || x > o.max
          ? `it must be ${say(o.min, 6)} to ${say(o.max, 6)}`
          : ''
    if (!fault) {
      accept(x)
      show()
      return
    }
    text.setAttribute('aria-invalid', 'true')
    wrong.textContent = `${o.label} can’t be “${text.value.trim().slice(0, 20)}”: ${fault}. It stays at ${say(now, 6)}.`
  })
  slider.addEventListener('input', () => {
    accept(round(number(Number(slider.value)), o))
    text.value = say(now, 6)
    slider.setAttribute('aria-valuetext', `${say(now, 6)}${o.unit ?? ''}`)
  })
  // A slider of 1000 places moves too little by one: the arrow keys take a fiftieth.
  slider.addEventListener('keydown', e => {
    const way = {ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 5, PageDown: -5}[e.key]
    if (!way) return
    e.preventDefault()
    const from = Number(slider.value)
    slider.value = String(from + (way * STEPS) / 50)
    let x = round(number(Number(slider.value)), o)
    if (o.whole && x === now) x = Math.min(o.max, Math.max(o.min, now + Math.sign(way)))
    accept(x)
    show()
  })
  show()
  const name = el('label', {for: id}, o.label, ...(of ? [unseen(of)] : []))
  const root = el('div', {class: 'play-field'}, name, text, slider, wrong)
  return {
    root,
    set(value) {
      now = value
      wrong.textContent = ''
      text.removeAttribute('aria-invalid')
      show()
    },
  }
}

export interface SwitchOptions {
  label: string
  of?: string
  value: boolean
  hint?: string
  change: (value: boolean) => void
}

/** On or off, with a hint below it. */
export function switchField(o: SwitchOptions): Field<boolean> {
  const id = newId('switch')
  const box = el('input', {id, type: 'checkbox', 'aria-describedby': o.hint && `${id}-hint`})
  box.checked = o.value
  box.addEventListener('change', () => o.change(box.checked))
  const name = el('label', {for: id}, o.label, ...(o.of ? [unseen(` of ${o.of}`)] : []))
  const root = el('div', {class: 'play-switch'}, box, name)
  if (o.hint) root.append(el('p', {class: 'play-hint', id: `${id}-hint`}, o.hint))
  return {
    root,
    set(value) {
      box.checked = value
    },
  }
}

export interface ChoiceOptions {
  label: string
  options: [value: string, text: string][]
  value: string
  change: (value: string) => void
}

/** One of several. */
export function choiceField(o: ChoiceOptions): Field<string> {
  const id = newId('choice')
  const box = el('select', {id}, ...o.options.map(([value, text]) => el('option', {value}, text)))
  box.value = o.value
  box.addEventListener('change', () => o.change(box.value))
  const root = el('div', {class: 'play-choice'}, el('label', {for: id}, o.label), box)
  return {
    root,
    set(value) {
      box.value = value
    },
  }
}

/** Makes the number fields of a playground's state: each sets `state[key]`, within its range, and calls `changed`. */
export function numbersOf<K extends string>(
  state: Record<NoInfer<K>, number>,
  ranges: Record<K, readonly [number, number]>,
) {
  return (label: string, key: K, changed: () => void, more: Partial<NumberOptions> = {}) =>
    numberField({
      label,
      value: state[key],
      min: ranges[key][0],
      max: ranges[key][1],
      change: v => {
        state[key] = v
        changed()
      },
      ...more,
    }).root
}
