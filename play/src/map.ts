// Momentum's map: learning rate × momentum, coloured by how fast they come down a quadratic; the point under the pointer shows its path.
import * as address from './address'
import {drawChart} from './chart'
import {color, ink, paper} from './colors'
import {Stage} from './descent/stage'
import {el, fit, isDark, newId, onTheme, say} from './dom'
import {type Field, numberField} from './fields'
import {rules} from './generated/rules.js'
import type {Ground, Point} from './ground'
import {type Closer, type Opening, offer} from './live'
import {defaults, Walker} from './walk'

const RANGE = {kappa: [2, 1000], lr: [0, 2], momentum: [0, 0.999]} as const
type Key = keyof typeof RANGE
const STEPS = 80
const sgd = rules.find(r => r.name === 'sgd')!

/** What is left of the distance after a step, in the long run, in the slower direction: the larger root of z² - (1 + μ - ηh)z + μ. */
export function factor(lr: number, momentum: number, kappa: number): number {
  const root = (h: number) => {
    const middle = (1 + momentum - lr * h) / 2
    const beyond = middle ** 2 - momentum
    return beyond < 0 ? Math.sqrt(momentum) : Math.abs(middle) + Math.sqrt(beyond)
  }
  return Math.max(root(1), root(kappa))
}

/** The pair that is best on a quadratic (Polyak, 1964). */
export function best(kappa: number): Point {
  const root = Math.sqrt(kappa)
  return [(2 / (1 + root)) ** 2, ((root - 1) / (root + 1)) ** 2]
}

/** Steps to a thousandth of the distance; infinite where it never gets there. */
export const stepsTo = (rho: number) => (rho < 1 ? (rho > 0 ? Math.log(1000) / -Math.log(rho) : 1) : Infinity)

const quadratic = (kappa: number): Ground => ({
  name: 'quadratic',
  title: 'quadratic',
  value: (x, y) => (x * x + kappa * y * y) / 2,
  grad: (x, y) => [x, kappa * y],
  start: [-1, 0.25],
  minima: [[0, 0]],
  lowest: 0,
  around: [0, 0],
  x: [-1.15, 0.6],
  y: [-0.58, 0.58],
})

const PAD = {left: 44, right: 10, top: 12, bottom: 34}

class MomentumMap {
  private kappa: number
  private at: Point
  private map = el('canvas', {class: 'play-layer'})
  private over = el('canvas', {class: 'play-layer'})
  private pad: HTMLElement
  private chart = el('canvas', {
    class: 'play-chart',
    role: 'img',
    'aria-label': 'Distance from the bottom against step',
  })
  private status = el('p', {class: 'play-status', role: 'status', 'aria-live': 'polite'})
  private stage: Stage
  private rate: Field<number>
  private momentum: Field<number>
  private ends: (() => void)[] = []

  constructor(
    host: HTMLElement,
    private name: string,
    given: Record<Key, number>,
    wrong: string[],
  ) {
    this.kappa = given.kappa
    this.at = [given.lr, given.momentum]
    const help = newId('help')
    this.pad = el(
      'div',
      {
        class: 'play-map',
        tabindex: 0,
        role: 'application',
        'aria-label':
          'Map: learning rate to the right, momentum upwards; the fewer steps a pair needs, the more its grey is like the page’s ground',
        'aria-describedby': help,
      },
      this.map,
      this.over,
    )
    this.stage = new Stage(quadratic(this.kappa), 'The path of this pair on the quadratic', help)
    this.stage.root.removeAttribute('tabindex')
    this.stage.root.setAttribute('role', 'img')
    const number = (label: string, key: Key, value: number, change: (v: number) => void, more = {}) =>
      numberField({label, value, min: RANGE[key][0], max: RANGE[key][1], change, ...more})
    const kappa = number('condition number', 'kappa', this.kappa, v => this.bend(v), {log: true})
    this.rate = number('learning rate', 'lr', this.at[0], v => this.go([v, this.at[1]]), {log: true})
    this.momentum = number('momentum', 'momentum', this.at[1], v => this.go([this.at[0], v]))
    const words =
      'Move the pointer over the map, or touch it. With the keyboard: arrow keys, with Shift farther; Enter goes to the best pair.'
    host.append(
      el(
        'div',
        {class: 'play-columns'},
        el(
          'div',
          {class: 'play-stage'},
          this.pad,
          el('p', {class: 'play-hint', id: help}, words),
          this.status,
          this.key(),
        ),
        el(
          'div',
          {class: 'play-side'},
          kappa.root,
          this.rate.root,
          this.momentum.root,
          this.stage.root,
          this.chart,
        ),
      ),
    )
    this.listen()
    this.all()
    this.status.textContent = this.result()
    if (wrong.length)
      this.status.textContent = `The address says “${wrong.join('” and “')}”, which isn’t understood: the default stands there.`
  }

  closer: Closer = () => {
    for (const end of this.ends) end()
  }

  private key() {
    const row = (mark: string, text: string) =>
      el('li', {}, el('span', {'aria-hidden': 'true'}, `${mark} `), text)
    const rows = [
      row('★', 'the best pair'),
      row('●', 'the best without momentum'),
      row('—', 'the limit, 2(1 + μ)/κ: beyond it every path diverges'),
    ]
    return el('ul', {class: 'play-key'}, ...rows)
  }

  private listen() {
    const move = (e: PointerEvent) => {
      const {w, h, most} = this.frame()
      const box = this.pad.getBoundingClientRect()
      const lr = ((e.clientX - box.left - PAD.left) / (w - PAD.left - PAD.right)) * most
      const mu = 1 - (e.clientY - box.top - PAD.top) / (h - PAD.top - PAD.bottom)
      this.go([Number(lr.toPrecision(3)), Number(mu.toFixed(3))])
    }
    this.pad.addEventListener('pointermove', move)
    this.pad.addEventListener('pointerdown', move)
    this.pad.addEventListener('keydown', e => {
      const far = (e.shiftKey ? 10 : 1) / 100
      const [x, y] = {ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, far], ArrowDown: [0, -far]}[
        e.key
      ] ?? [0, 0]
      if (x || y) this.go([this.at[0] + x * this.frame().most, this.at[1] + y])
      else if (e.key === 'Enter') this.go(best(this.kappa))
      else return
      e.preventDefault()
    })
    const all = () => this.all()
    const size = new ResizeObserver(all)
    size.observe(this.pad)
    this.ends.push(onTheme(all), () => size.disconnect())
  }

  private frame() {
    const most = 4 / this.kappa
    const {clientWidth: w, clientHeight: h} = this.pad
    const sx = (lr: number) => PAD.left + ((w - PAD.left - PAD.right) * lr) / most
    const sy = (mu: number) => PAD.top + (h - PAD.top - PAD.bottom) * (1 - mu)
    return {w, h, most, sx, sy}
  }

  private bend(kappa: number) {
    this.kappa = kappa
    this.at = best(kappa)
    this.all()
    this.go(this.at)
  }

  private go([lr, momentum]: Point) {
    const inside = (x: number, most: number) => Math.min(Math.max(x, 0), most)
    this.at = [inside(lr, Math.min(2, this.frame().most)), inside(momentum, 0.999)]
    this.rate.set(this.at[0])
    this.momentum.set(this.at[1])
    this.show()
    this.status.textContent = this.result()
    const [a, b] = this.at
    address.keep(this.name, [
      ['kappa', String(this.kappa)],
      ['lr', String(a)],
      ['momentum', String(b)],
    ])
  }

  private all() {
    if (!this.pad.clientWidth) return
    this.paint()
    this.stage.show(quadratic(this.kappa), [])
    this.show()
  }

  /** The map itself: how many steps a pair needs, lighter is fewer. */
  private paint() {
    const {ctx} = fit(this.map)
    const {w, h, most, sx, sy} = this.frame()
    const cell = 2
    ctx.fillStyle = paper()
    ctx.fillRect(0, 0, w, h)
    for (let x = sx(0); x < sx(most); x += cell)
      for (let y = sy(1); y < sy(0); y += cell) {
        const lr = ((x + cell / 2 - sx(0)) / (sx(most) - sx(0))) * most
        const mu = 1 - (y + cell / 2 - sy(1)) / (sy(0) - sy(1))
        ctx.fillStyle = shade(stepsTo(factor(lr, mu, this.kappa)), this.kappa)
        ctx.fillRect(x, y, cell, cell)
      }
    ctx.beginPath()
    ctx.moveTo(sx(2 / this.kappa), sy(0))
    ctx.lineTo(sx(4 / this.kappa), sy(1))
    ctx.strokeStyle = color(2)
    ctx.lineWidth = 2
    ctx.stroke()
    this.axes(ctx)
  }

  private axes(ctx: CanvasRenderingContext2D) {
    const {w, h, most, sx, sy} = this.frame()
    ctx.fillStyle = ink()
    ctx.font = '12px system-ui, sans-serif'
    ctx.textAlign = 'center'
    ctx.textBaseline = 'top'
    for (let i = 0; i <= 4; i++)
      ctx.fillText(say((most * i) / 4, 2), Math.min(sx((most * i) / 4), w - 18), sy(0) + 4)
    ctx.fillText('learning rate', sx(most / 2), h - 15)
    ctx.textAlign = 'right'
    ctx.textBaseline = 'middle'
    for (let i = 0; i <= 4; i++) ctx.fillText(String(i / 4), PAD.left - 5, sy(i / 4))
    ctx.textAlign = 'center'
    ctx.fillText('diverges', sx(most * 0.82), sy(0.25))
    ctx.save()
    ctx.translate(9, sy(0.5))
    ctx.rotate(-Math.PI / 2)
    ctx.fillText('momentum', 0, 0)
    ctx.restore()
  }

  private show() {
    const [lr, momentum] = this.at
    const ground = quadratic(this.kappa)
    const walker = new Walker(sgd, {...defaults(sgd), lr, momentum}, ground, ground.start)
    for (let i = 0; i < STEPS; i++) walker.move()
    this.stage.again([{walker, slot: 1}])
    const distance = walker.heights.map((_, i) => Math.hypot(walker.path[2 * i], walker.path[2 * i + 1]))
    drawChart(
      this.chart,
      [{slot: 1, ys: distance}],
      {xLabel: 'step', yLabel: 'distance from the bottom', log: true, least: 1e-6},
      STEPS,
    )
    this.marks()
  }

  /** What becomes of the pair, in words. */
  private result() {
    const [lr, momentum] = this.at
    const rho = factor(lr, momentum, this.kappa)
    const needed = stepsTo(rho)
    const end = Number.isFinite(needed)
      ? `a step leaves ${say(rho)} of the distance in the long run: ${Math.ceil(needed)} steps to a thousandth.`
      : rho === 1 || lr === 0
        ? 'it doesn’t come closer.'
        : 'it diverges.'
    return `Learning rate ${say(lr)}, momentum ${say(momentum)}: ${end}`
  }

  private marks() {
    const {ctx, w, h} = fit(this.over)
    const {sx, sy} = this.frame()
    ctx.clearRect(0, 0, w, h)
    const [lr, mu] = best(this.kappa)
    ctx.font = '20px system-ui, sans-serif'
    ctx.textAlign = 'center'
    ctx.textBaseline = 'middle'
    ctx.lineWidth = 3
    ctx.strokeStyle = paper()
    ctx.fillStyle = color(1)
    ctx.strokeText('★', sx(lr), sy(mu))
    ctx.fillText('★', sx(lr), sy(mu))
    ctx.beginPath()
    ctx.arc(sx(2 / (1 + this.kappa)), sy(0), 5, 0, 2 * Math.PI)
    ctx.fillStyle = color(0)
    ctx.fill()
    const [x, y] = [sx(this.at[0]), sy(this.at[1])]
    for (const [style, width] of [
      [paper(), 5],
      [ink(), 2],
    ] as const) {
      ctx.beginPath()
      ctx.arc(x, y, 8, 0, 2 * Math.PI)
      ctx.lineWidth = width
      ctx.strokeStyle = style
      ctx.stroke()
    }
  }
}

/** Grey for a number of steps, in bands as in the lesson: nearest to the ground of the page at the best pair. */
function shade(steps: number, kappa: number) {
  const [lr, mu] = best(kappa)
  const least = Math.log10(stepsTo(factor(lr, mu, kappa)))
  if (!Number.isFinite(steps)) return isDark() ? '#3a2a20' : '#fbeee2'
  const share = Math.min(1, Math.max(0, (Math.log10(steps) - least) / 2))
  const band = Math.floor(share * 7.99) / 8
  const c = Math.round(isDark() ? 30 + 140 * band : 250 - 160 * band)
  return `rgb(${c} ${c} ${c})`
}

function read(items: [string, string][], state: Record<Key, number>): string[] {
  const wrong: string[] = []
  for (const [key, value] of items) {
    const range = RANGE[key as Key]
    const x = range ? address.numberIn(value, range[0], range[1]) : null
    if (x === null) wrong.push(`${key}=${value}`.slice(0, 60))
    else state[key as Key] = x
  }
  return wrong
}

const initial = (): Record<Key, number> => ({kappa: 100, lr: best(100)[0], momentum: best(100)[1]})

function open({host, name, preset, given}: Opening): Closer {
  const state = initial()
  read(preset, state)
  const wrong = given ? read(given, state) : []
  return new MomentumMap(host, name, state, wrong).closer
}

offer('map', open, {factor, best, stepsTo, misread: (state: string) => read(address.pairs(state), initial())})
