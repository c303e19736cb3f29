// Learning: the linear layer, or thirty hidden units, trained in the page on the embedded digits; with the mistakes that people make.
import * as address from './address'
import {drawChart} from './chart'
import {type Chosen, choose, readChosen, writeChosen} from './chosen'
import {hyperField} from './descent/optimizer'
import {type Digits, loadDigits} from './digits.js'
import {button, el, fit, isDark, onTheme, say, wantsStillness} from './dom'
import {choiceField, numbersOf, switchField} from './fields'
import {type Rule, rules} from './generated/rules.js'
import {type Mistake, NETS, Training} from './learning/training'
import {type Closer, type Opening, offer} from './live'
import {score} from './net.js'

const RANGE = {batch: [1, 512], seed: [0, 999999], speed: [0.5, 60]} as const
type Key = keyof typeof RANGE
const LAST = 300 // epochs
const MANY = 10 // epochs at once where motion is unwanted
const RATES: Record<string, number> = {adagrad: 0.01, rmsprop: 0.001, adam: 0.003, adamw: 0.003, lion: 0.001}
const rateOf = (rule: Rule, model: string) => RATES[rule.name] ?? (model === 'hidden' ? 0.1 : 0.03)
const TOO_LARGE = 10

/** What people do wrong, and what to look for. Each is checked in tests/test_play.py. */
const MISTAKES: [name: Mistake | 'rate', label: string, look: string][] = [
  [
    'sorted',
    'Sorted data: all threes, then all sevens',
    'Look at the accuracy after the first epoch: one half, it says the same to every digit. Shuffled, one epoch is enough. At rate 1 it stays there.',
  ],
  [
    'kept',
    'Forgotten zero_grad',
    'Look at the score: every old gradient pushes again, so the steps grow. The loss falls fast, and the score runs more than ten times as far.',
  ],
  [
    'rate',
    'Learning rate too large',
    `Look at the score: the first step at rate ${TOO_LARGE} throws it far from 0, where the sigmoid is flat and gives no slope to come back by. The hidden units never do.`,
  ],
  [
    'flat',
    'Labels [n] beside scores [n,1]',
    'Look at the loss: it stays near one half. Every score is compared with every label, so no digit learns what it is.',
  ],
  [
    'sign',
    'Wrong sign: plus the gradient',
    'Look at both curves: the loss climbs towards 1, the accuracy falls to 0. It learns to be wrong.',
  ],
]

interface LearningState {
  model: string
  chosen: Chosen
  batch: number
  seed: number
  speed: number // epochs a second
  wrong: Set<string>
}

const initial = (): LearningState => ({
  model: NETS[0].name,
  chosen: choose(rules[0], 0, {lr: rateOf(rules[0], NETS[0].name)}),
  batch: 36,
  seed: 1,
  speed: 4,
  wrong: new Set(),
})

function read(items: [string, string][], state: LearningState): string[] {
  const bad: string[] = []
  for (const [name, value] of items) {
    const key = name as Key
    const number = name in RANGE ? address.numberIn(value, RANGE[key][0], RANGE[key][1]) : null
    const chosen = name === 'with' ? readChosen(value, 0) : null
    const names = value.split(',')
    if (name === 'model' && NETS.some(n => n.name === value)) state.model = value
    else if (name === 'wrong' && names.every(n => MISTAKES.some(m => m[0] === n)))
      state.wrong = new Set(names)
    else if (chosen)
      state.chosen = chosen.auto
        ? {...chosen, hypers: {...chosen.hypers, lr: rateOf(chosen.rule, state.model)}}
        : chosen
    else if (number !== null && (name === 'speed' || Number.isInteger(number))) state[key] = number
    else bad.push(`${name}=${value}`.slice(0, 60))
  }
  return bad
}

let digits: {train: Digits; valid: Digits} | null = null

class Learning {
  private run!: Training
  private before: Training | null = null // the run before this one, for comparison
  private shown = 0 // which digit
  private scores: number[] = []
  private playing = false
  private last = 0
  private due = 0
  private weights = el('canvas', {class: 'play-weights', role: 'img'})
  private digit = el('canvas', {class: 'play-digit', role: 'img'})
  private verdict = el('p', {class: 'play-verdict'})
  private scoreChart = el('canvas', {
    class: 'play-chart play-small',
    role: 'img',
    'aria-label': 'The score of this digit against the epoch',
  })
  private lossChart = el('canvas', {class: 'play-chart', role: 'img', 'aria-label': 'Loss against epoch'})
  private accuracyChart = el('canvas', {
    class: 'play-chart',
    role: 'img',
    'aria-label': 'Accuracy against epoch',
  })
  private status = el('p', {class: 'play-status', role: 'status', 'aria-live': 'polite'})
  private count = el('span', {class: 'play-count'})
  private play = button('Play', () => this.toggle(), {class: 'play-button play-main'})
  private hypers = el('div', {class: 'play-hypers'})
  private ends: (() => void)[] = []

  constructor(
    private host: HTMLElement,
    private name: string,
    private state: LearningState,
    bad: string[],
  ) {
    digits ??= loadDigits()
    this.play.textContent = this.playWord()
    this.build()
    this.fillHypers()
    this.restart(false)
    const all = () => this.show()
    const size = new ResizeObserver(all)
    size.observe(this.lossChart)
    this.ends.push(onTheme(all), () => size.disconnect())
    if (bad.length)
      this.status.textContent = `The address says “${bad.join('” and “')}”, which isn’t understood: the default stands there.`
  }

  closer: Closer = () => {
    this.playing = false
    for (const end of this.ends) end()
  }

  private build() {
    const s = this.state
    const model = choiceField({
      label: 'Model',
      value: s.model,
      options: NETS.map((n): [string, string] => [n.name, n.title]),
      change: v => this.change(() => this.setModel(v)),
    })
    const optimizer = choiceField({
      label: 'Optimizer',
      value: s.chosen.rule.name,
      options: rules.map((r): [string, string] => [r.name, r.title]),
      change: v =>
        this.change(() => {
          const rule = rules.find(r => r.name === v)!
          s.chosen = choose(rule, 0, {lr: rateOf(rule, s.model)})
          this.fillHypers()
        }),
    })
    const number = numbersOf(s, RANGE)
    const again = () => this.change(() => {})
    const batch = number('digits a batch', 'batch', again, {whole: true, log: true})
    const seed = number('seed', 'seed', again, {whole: true})
    const speed = number('epochs a second', 'speed', () => this.keep(), {log: true})
    const mistakes = MISTAKES.map(
      ([name, label, hint]) =>
        switchField({label, hint, value: s.wrong.has(name), change: on => this.mistake(name, on)}).root,
    )
    const buttons = el(
      'div',
      {class: 'play-buttons'},
      this.play,
      button('One batch', () => this.one()),
      button('Restart', () => this.change(() => {})),
      this.count,
    )
    const pictures = el(
      'div',
      {class: 'play-pictures'},
      el(
        'figure',
        {},
        this.weights,
        el('figcaption', {}, 'the weights: red speaks for a three, blue for a seven'),
      ),
      el(
        'figure',
        {},
        this.digit,
        el(
          'figcaption',
          {},
          this.verdict,
          button('Another digit', () => this.another()),
        ),
      ),
    )
    const curves = el('div', {class: 'play-curves'}, this.lossChart, this.accuracyChart, this.scoreChart)
    const key = el(
      'p',
      {class: 'play-hint'},
      '● training digits, ■ validation digits; dashed: the run before.',
    )
    const left = el('div', {class: 'play-stage'}, pictures, buttons, this.status)
    const right = el('div', {class: 'play-side'}, model.root, optimizer.root, this.hypers, batch, seed, speed)
    const wrong = el(
      'fieldset',
      {class: 'play-optimizer play-mistakes'},
      el('legend', {}, 'What people do wrong'),
      ...mistakes,
    )
    this.host.append(el('div', {class: 'play-columns'}, left, right), curves, key, wrong)
  }

  private setModel(model: string) {
    const {chosen, model: old} = this.state
    if (chosen.hypers.lr === rateOf(chosen.rule, old)) chosen.hypers.lr = rateOf(chosen.rule, model)
    this.state.model = model
    this.fillHypers()
  }

  private fillHypers() {
    const {rule, hypers} = this.state.chosen
    const first = rule.hypers.filter(h => ['lr', 'momentum', 'beta1', 'beta2'].includes(h.name))
    const change = () => {
      this.state.chosen.auto = false
      this.keep()
    }
    this.hypers.replaceChildren(...first.map(h => hyperField(h, '', hypers, change).root))
  }

  private mistake(name: string, on: boolean) {
    const {wrong, chosen} = this.state
    if (on) wrong.add(name)
    else wrong.delete(name)
    this.change(() => {
      if (name !== 'rate') return
      chosen.hypers.lr = on ? TOO_LARGE : rateOf(chosen.rule, this.state.model)
      this.fillHypers()
    })
  }

  /** Something that a run stands on has changed: begin anew, and play on if it played. */
  private change(what: () => void) {
    const go = this.playing
    this.playing = false
    what()
    this.keep()
    this.restart(go)
  }

  private restart(go: boolean) {
    const {model, chosen, batch, seed, wrong} = this.state
    if (this.run?.epochs) this.before = this.run
    this.run = new Training({
      net: NETS.find(n => n.name === model)!,
      rule: chosen.rule,
      hypers: chosen.hypers,
      batch,
      seed,
      mistakes: wrong,
      digits: digits!,
    })
    this.scores = [this.score()]
    this.status.textContent = ''
    this.play.textContent = this.playWord()
    this.show()
    if (go) this.toggle()
  }

  private keep() {
    const {model, chosen, batch, seed, speed, wrong} = this.state
    const base = initial()
    const items: [string, string][] = [
      ['model', model],
      ['with', writeChosen({...chosen, auto: false})],
    ]
    for (const [key, value] of Object.entries({batch, seed, speed}))
      if (value !== base[key as Key]) items.push([key, String(value)])
    if (wrong.size) items.push(['wrong', [...wrong].join(',')])
    address.keep(this.name, items)
  }

  private score = () => score(this.run.net, this.run.w, digits!.valid.x, this.shown)

  private another() {
    const n = digits!.valid.y.length
    this.shown = (this.shown + 37) % n
    this.scores = [this.score()]
    this.show()
    this.status.textContent = `Digit ${this.shown + 1} of ${n}: ${this.verdict.textContent}`
  }

  private playWord = () => (wantsStillness() ? `Train ${MANY} epochs` : 'Play')
  private over = () => this.run.broken !== null || this.run.epochs >= LAST

  private batchOn() {
    this.run.step()
    this.scores.push(this.score())
  }

  private one() {
    if (!this.over()) this.batchOn()
    this.pause()
  }

  private toggle() {
    this.keep()
    if (this.playing || this.over()) return this.pause()
    if (wantsStillness()) {
      const until = Math.min(LAST, this.run.epochs + MANY)
      while (this.run.epochs < until && !this.over()) this.batchOn()
      return this.pause()
    }
    this.playing = true
    this.play.textContent = 'Pause'
    this.status.textContent = ''
    this.last = performance.now()
    this.due = 0
    requestAnimationFrame(t => this.frame(t))
  }

  private frame(t: number) {
    if (!this.playing) return
    if (!this.host.isConnected) return this.closer()
    this.due += (Math.min(Math.max(t - this.last, 0), 250) / 1000) * this.state.speed * this.run.batches
    this.last = t
    const began = performance.now()
    for (; this.due >= 1 && !this.over() && performance.now() - began < 12; this.due--) this.batchOn()
    this.due = Math.min(this.due, this.run.batches) // what this machine can't do is let go
    this.show()
    if (this.over()) return this.pause()
    requestAnimationFrame(next => this.frame(next))
  }

  private pause() {
    this.playing = false
    this.play.textContent = this.playWord()
    this.status.textContent = this.result()
    this.show()
  }

  private result() {
    const {run} = this
    if (run.broken !== null)
      return `It diverged at step ${run.broken}: its numbers are no longer finite. Nothing more can be learned; restart with a smaller learning rate.`
    const {loss, accuracy} = run.now()
    return `Epoch ${run.epochs}, step ${run.steps}: validation loss ${say(loss)}, accuracy ${say(accuracy)}.${run.epochs >= LAST ? ` The run ends at ${LAST} epochs.` : ''}`
  }

  private show() {
    if (!this.host.isConnected) return
    const {run, before} = this
    this.count.textContent = `epoch ${run.epochs}, step ${run.steps}`
    this.drawWeights()
    this.drawDigit()
    const lines = (a: keyof Training['curves'], b: keyof Training['curves']) => [
      ...(before ? [{slot: 1, ys: before.curves[b], dashed: true}] : []),
      {slot: 0, ys: run.curves[a]},
      {slot: 1, ys: run.curves[b]},
    ]
    drawChart(
      this.lossChart,
      lines('trainLoss', 'validLoss'),
      {xLabel: 'epoch', yLabel: 'loss', range: [0, 1]},
      10,
    )
    drawChart(
      this.accuracyChart,
      lines('trainAccuracy', 'validAccuracy'),
      {xLabel: 'epoch', yLabel: 'accuracy', range: [0, 1]},
      10,
    )
    drawChart(
      this.scoreChart,
      [{slot: 2, ys: this.scores}],
      {xLabel: 'step', yLabel: 'score of the digit'},
      40,
    )
  }

  private drawDigit() {
    const y = digits!.valid.y[this.shown]
    const s = this.score()
    const truth = y === 1 ? 'three' : 'seven'
    const says = s > 0 ? 'three' : 'seven'
    this.verdict.textContent = `score ${say(s)}: it says ${says}, ${says === truth ? 'rightly' : `but it is a ${truth}`}`
    this.digit.setAttribute('aria-label', `A picture of a ${truth}`)
    picture(this.digit, 1, 1, k => {
      const g = digits!.valid.x[this.shown * 784 + k]
      const c = Math.round(255 * (isDark() ? g : 1 - g))
      return [c, c, c]
    })
  }

  private drawWeights() {
    const {net, w} = this.run
    const [across, down] = net.hidden ? [6, 5] : [1, 1]
    this.weights.setAttribute(
      'aria-label',
      net.hidden ? 'The weights of the 30 hidden units as pictures' : 'The 784 weights as a picture',
    )
    let most = 1e-12
    for (let k = 0; k < across * down * 784; k++) most = Math.max(most, Math.abs(w[k]))
    picture(this.weights, across, down, k => diverging(w[k] / most))
  }
}

/** Red for 1, blue for -1, the ground for 0. */
function diverging(x: number): [number, number, number] {
  const a = Number.isFinite(x) ? Math.min(1, Math.abs(x)) : 0
  const ground = isDark() ? [20, 24, 30] : [255, 255, 255]
  const end = x > 0 ? (isDark() ? [255, 110, 90] : [178, 24, 43]) : isDark() ? [95, 165, 255] : [33, 102, 172]
  return ground.map((g, i) => Math.round(g + (end[i] - g) * a)) as [number, number, number]
}

/** Pictures of 28 × 28 side by side, pixel k as `at` says. */
function picture(
  canvas: HTMLCanvasElement,
  across: number,
  down: number,
  at: (k: number) => [number, number, number],
) {
  const [w, h] = [across * 29 - 1, down * 29 - 1]
  const small = new OffscreenCanvas(w, h)
  const ctx = small.getContext('2d')!
  const image = ctx.createImageData(w, h)
  for (let k = 0; k < across * down * 784; k++) {
    const unit = Math.floor(k / 784)
    const x = (unit % across) * 29 + (k % 28)
    const y = Math.floor(unit / across) * 29 + Math.floor((k % 784) / 28)
    image.data.set([...at(k), 255], 4 * (y * w + x))
  }
  ctx.putImageData(image, 0, 0)
  const full = fit(canvas)
  full.ctx.imageSmoothingEnabled = false
  const scale = Math.min(full.w / w, full.h / h)
  full.ctx.drawImage(small, (full.w - w * scale) / 2, (full.h - h * scale) / 2, w * scale, h * scale)
}

function open({host, name, preset, given}: Opening): Closer {
  const state = initial()
  read(preset, state)
  if (state.wrong.has('rate')) state.chosen.hypers.lr = TOO_LARGE
  const bad = given ? read(given, state) : []
  return new Learning(host, name, state, bad).closer
}

const misread = (state: string) => read(address.pairs(state), initial())

offer('learning', open, {Training, NETS, rules, loadDigits, score, misread})
