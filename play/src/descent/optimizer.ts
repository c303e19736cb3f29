import type {Chosen} from '../chosen'
import {mark} from '../colors'
import {button, el, onTheme, say, unseen} from '../dom'
import {type Field, numberField, switchField} from '../fields'
import type {Hyper} from '../generated/rules.js'
import type {Walker} from '../walk'
import {lastStep} from './laststep'

const FIRST = ['lr', 'momentum', 'alpha', 'beta1', 'beta2'] // the others wait behind "More"
const NEAR_1 = /^(beta\d?|momentum|alpha)$/

export interface Row {
  root: HTMLElement
  chosen: Chosen
  /** Show where the optimizer is now; `settled`: it will stay there. */
  update(walker: Walker, settled: boolean): void
  setRate(lr: number): void
  /** Show what is wrong with the reader's rule. Returns it in a line. */
  blame(error: unknown): string
  end(): void
}

interface Options {
  chosen: Chosen
  title: string
  changed(): void
  remove(): void
  findRate(): void
  edited(): void
}

/** One chosen optimizer: its colour and shape, its hyper-parameters, and the numbers of its last step. */
export function optimizerRow({chosen, title, changed, remove, findRate, edited}: Options): Row {
  const {rule, hypers, slot} = chosen
  const swatch = el('canvas', {class: 'play-swatch', width: 36, height: 36, 'aria-hidden': 'true'})
  const paint = () => drawSwatch(swatch, slot)
  const stopTheme = onTheme(paint)
  paint()
  const height = el('span', {class: 'play-height'})
  let rate: Field<number> | null = null
  const control = (h: Hyper) => {
    const field = hyperField(h, title, hypers, () => {
      if (h.name === 'lr') chosen.auto = false
      changed()
    })
    if (h.name === 'lr') rate = field as Field<number>
    return field.root
  }
  const main = rule.hypers.filter(h => FIRST.includes(h.name))
  const rest = rule.hypers.filter(h => !FIRST.includes(h.name))
  const last = lastStep(chosen, title, edited)
  const more = el(
    'details',
    {class: 'play-more'},
    el('summary', {}, 'More', unseen(` of ${title}`)),
    ...rest.map(control),
  )
  const root = el(
    'fieldset',
    {class: 'play-optimizer'},
    el('legend', {}, swatch, ' ', title),
    height,
    el(
      'div',
      {class: 'play-buttons'},
      button('Find rate', findRate, {
        'aria-label': `Find rate: the learning rate for ${title} that ends lowest after 100 steps`,
        title: 'Tries 1, 2 and 5 times each power of ten, as best_lr of lesson 05 does',
      }),
      button('Remove', remove, {'aria-label': `Remove ${title}`}),
    ),
    ...main.map(control),
    ...(rest.length ? [more] : []),
    last.root,
  )
  return {
    root,
    chosen,
    update(walker, settled) {
      const lost = walker.lost !== null
      height.textContent = chosen.fault
        ? `stopped at step ${walker.lost}`
        : lost
          ? `diverged at step ${walker.lost}`
          : `height ${say(walker.height)}`
      height.classList.toggle('play-lost', lost)
      last.update(walker)
      if (settled) last.settle()
    },
    setRate(lr) {
      hypers.lr = lr
      rate?.set(lr)
    },
    blame: last.blame,
    end: stopTheme,
  }
}

/** The control of one hyper-parameter. */
export function hyperField(
  h: Hyper,
  of: string,
  hypers: Record<string, number | boolean>,
  changed: () => void,
) {
  const change = (value: number | boolean) => {
    hypers[h.name] = value
    changed()
  }
  if (h.kind === 'switch') return switchField({label: h.label, of, value: !!hypers[h.name], change})
  const {label, min, max, log} = h
  const near1 = NEAR_1.test(h.name) && max <= 1 && min >= 0
  return numberField({label, of, value: Number(hypers[h.name]), min, max, log, near1, change})
}

function drawSwatch(canvas: HTMLCanvasElement, slot: number) {
  const ctx = canvas.getContext('2d')!
  ctx.setTransform(2, 0, 0, 2, 0, 0)
  ctx.clearRect(0, 0, 18, 18)
  mark(ctx, slot, 9, 9, 6.5)
}
