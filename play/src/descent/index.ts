// Descent: optimizers on a surface, moved by the module's own rules, translated.
import * as address from '../address'
import {drawChart} from '../chart'
import {choose} from '../chosen'
import {MOST} from '../colors'
import {button, el, newId, onTheme, say, wantsStillness} from '../dom'
import {choiceField, numbersOf} from '../fields'
import {rules} from '../generated/rules.js'
import {surfaces} from '../generated/surfaces.js'
import {type Ground, type Point, turn, turned} from '../ground'
import type {Closer, Opening} from '../live'
import {gaussians} from '../random'
import {bestRate, Walker} from '../walk'
import {optimizerRow, type Row} from './optimizer'
import {Stage} from './stage'
import {type DescentState, initial, RANGE, read, write} from './state'

const LAST = 5000 // steps
const MANY = 100 // steps at once where motion is unwanted

export function openDescent({host, name, preset, given}: Opening): Closer {
  const base = read(preset, initial()).state
  const {state, wrong} = given ? read(given, base) : {state: base, wrong: []}
  return new Descent(host, name, state, wrong).closer
}

class Descent {
  private ground: Ground
  private stage: Stage
  private walkers: Walker[] = []
  private rows: Row[] = []
  private draw = gaussians(1)
  private size = 1 // of the gradient at the start, by which noise is measured
  private playing = false
  private last = 0
  private due = 0
  private chart = el('canvas', {class: 'play-chart', role: 'img', 'aria-label': 'Height against step'})
  private status = el('p', {class: 'play-status', role: 'status', 'aria-live': 'polite'})
  private count = el('span', {class: 'play-count'})
  private play = button('Play', () => this.toggle(), {class: 'play-button play-main'})
  private list = el('div', {class: 'play-list'})
  private adder = choiceField({
    label: 'Add an optimizer',
    value: '',
    options: [['', 'choose…'], ...rules.map((r): [string, string] => [r.name, r.title])],
    change: v => this.add(v),
  })
  private seed!: HTMLElement
  private ends: (() => void)[] = []

  constructor(
    private host: HTMLElement,
    private name: string,
    private state: DescentState,
    wrong: string[],
  ) {
    const help = newId('help')
    this.ground = turned(state.surface, state.turn)
    this.stage = new Stage(this.ground, '', help)
    this.build(help)
    this.setGround(true)
    for (const c of state.chosen) this.addRow(c)
    this.stage.show(this.ground, [])
    this.restart()
    this.listen()
    this.begun = true
    if (wrong.length)
      this.tell(
        `The address says ${wrong.map(w => `“${w.slice(0, 60)}”`).join(' and ')}, which isn’t understood: the default stands there.`,
      )
  }

  closer: Closer = () => {
    this.playing = false
    for (const end of [...this.ends, ...this.rows.map(r => r.end)]) end()
  }

  private build(help: string) {
    const s = this.state
    const surface = choiceField({
      label: 'Surface',
      value: s.surface.name,
      options: surfaces.map((x): [string, string] => [x.name, x.title]),
      change: v => {
        s.surface = surfaces.find(x => x.name === v)!
        s.start = null
        this.setGround(true)
      },
    })
    const number = numbersOf(s, RANGE)
    const turnBy = number('Turn', 'turn', () => this.setGround(false), {unit: '°'})
    const noise = number('Noise', 'noise', () => this.restart())
    const seed = number('Seed of the noise', 'seed', () => this.restart(), {whole: true})
    const speed = number('Steps a second', 'speed', () => this.keep(), {log: true})
    const buttons = el(
      'div',
      {class: 'play-buttons'},
      this.play,
      button('Step', () => this.one()),
      button('Restart', () => this.restart(true)),
      this.count,
    )
    this.play.textContent = this.playWord()
    const words =
      'Click where to start. With the keyboard: arrow keys move a cross (with Shift farther), Enter starts there, Escape goes back to the surface’s own start.'
    const left = el(
      'div',
      {class: 'play-stage'},
      this.stage.root,
      el('p', {class: 'play-hint', id: help}, words),
      buttons,
      this.status,
    )
    const right = el('div', {class: 'play-side'}, surface.root, turnBy, speed, noise, seed, this.chart)
    this.seed = seed
    const optimizers = el('div', {class: 'play-optimizers'}, this.list, this.adder.root)
    this.host.append(el('div', {class: 'play-columns'}, left, right), optimizers)
  }

  private listen() {
    const map = this.stage.root
    map.addEventListener('click', e => this.startAt(this.stage.pointAt(e)))
    map.addEventListener('keydown', e => this.key(e))
    map.addEventListener('blur', () => {
      this.stage.cross = null
      this.show()
    })
    const all = () => {
      this.stage.all(this.shown())
      this.show(true)
    }
    const size = new ResizeObserver(all)
    size.observe(map)
    this.ends.push(onTheme(all), () => size.disconnect())
  }

  private key(e: KeyboardEvent) {
    const far = e.shiftKey ? 40 : 8
    const [right, up] = {ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, far], ArrowDown: [0, -far]}[
      e.key
    ] ?? [0, 0]
    const here = this.stage.cross ?? this.start()
    if (right || up) {
      this.stage.cross = this.stage.moved(here, right, up)
      const [x, y] = this.stage.cross
      this.tell(`Cross at ${say(x)}, ${say(y)}: height ${say(this.ground.value(x, y))}.`)
      this.show()
    } else if (e.key === 'Enter') this.startAt(here)
    else if (e.key === 'Escape') {
      this.state.start = null
      this.stage.cross = null
      this.restart(true)
    } else return
    e.preventDefault()
  }

  private start(): Point {
    const {start, surface} = this.state
    return start ? this.toGround(start) : this.ground.start.length ? this.ground.start : surface.start
  }

  // The start is kept as a point of the surface before it is turned, and turns with it.
  private toGround = (p: Point): Point => turn(p, this.state.turn, this.ground.around)

  private startAt(point: Point) {
    this.state.start = turn(point, -this.state.turn, this.ground.around)
    this.restart(true)
    this.tell(`Start at ${say(point[0])}, ${say(point[1])}: height ${say(this.ground.value(...point))}.`)
  }

  private setGround(findRates: boolean) {
    this.ground = turned(this.state.surface, this.state.turn)
    this.stage.root.setAttribute(
      'aria-label',
      `Map of the surface ${this.ground.title}, with the paths of the optimizers`,
    )
    this.stage.show(this.ground, [])
    if (findRates) for (const row of this.rows) if (row.chosen.auto) this.findRate(row)
    this.restart()
  }

  private add(ruleName: string) {
    this.adder.set('')
    const rule = rules.find(r => r.name === ruleName)
    const taken = this.state.chosen.map(c => c.slot)
    const slot = Array.from({length: MOST}, (_, i) => i).find(i => !taken.includes(i))
    if (!rule || slot === undefined) {
      if (rule) this.tell(`${MOST} optimizers are the most that can be told apart.`)
      return
    }
    const chosen = choose(rule, slot)
    this.state.chosen.push(chosen)
    this.addRow(chosen)
    this.restart()
    this.tell(
      `${this.titleOf(this.rows.length - 1)} is added, at the learning rate ${say(Number(chosen.hypers.lr))}.`,
    )
  }

  private titleOf(i: number) {
    const {rule} = this.state.chosen[i]
    const before = this.state.chosen.slice(0, i).filter(c => c.rule === rule).length
    return before ? `${rule.title} ${before + 1}` : rule.title
  }

  private addRow(chosen: DescentState['chosen'][number]) {
    const row: Row = optimizerRow({
      chosen,
      title: this.titleOf(this.state.chosen.indexOf(chosen)),
      changed: () => this.keep(),
      remove: () => this.remove(row),
      edited: () => this.restart(true),
      findRate: () => {
        chosen.auto = true
        const lr = this.findRate(row)
        this.restart()
        if (lr !== null) this.tell(`${chosen.rule.title} ends lowest at the learning rate ${say(lr)}.`)
      },
    })
    this.rows.push(row)
    this.list.append(row.root)
    if (chosen.auto) this.findRate(row)
  }

  private findRate(row: Row) {
    const {rule, hypers} = row.chosen
    const lr = bestRate(rule, hypers, this.ground, this.start())
    if (lr === null)
      this.tell(
        `${rule.title} diverges here at every learning rate of the grid; it keeps ${say(Number(hypers.lr))}.`,
      )
    else row.setRate(lr)
    return lr
  }

  private remove(row: Row) {
    const i = this.rows.indexOf(row)
    if (this.rows.length === 1) {
      this.tell('One optimizer must stay.')
      return
    }
    this.rows.splice(i, 1)
    this.walkers.splice(i, 1)
    this.state.chosen.splice(i, 1)
    row.end()
    row.root.remove()
    this.adder.root.querySelector('select')!.focus()
    this.stage.again(this.shown())
    this.show()
    this.keep()
  }

  private restart(on = false) {
    const go = this.playing || on
    this.playing = false
    const start = this.start()
    const [gx, gy] = this.ground.grad(...start)
    this.size = Math.hypot(gx, gy)
    this.draw = gaussians(this.state.seed)
    this.walkers = this.state.chosen.map(c => new Walker(c.rule, c.hypers, this.ground, start, c.edited))
    for (const c of this.state.chosen) c.fault = undefined
    this.stage.again(this.shown())
    this.keep()
    if (go && !wantsStillness() && this.begun) this.toggle()
    else this.pause('')
  }

  private begun = false // what is shown at first is no change, and not written into the address

  private keep() {
    if (this.begun) address.keep(this.name, write(this.state))
  }

  private shown = () => this.walkers.map((walker, i) => ({walker, slot: this.state.chosen[i].slot}))

  /** A step of each. Where a reader's own rule takes part, all wait for it. */
  private move(): Promise<void> | undefined {
    const noise: Point = [this.draw(), this.draw()]
    const size = this.state.noise * this.size
    const added: Point = [size * noise[0], size * noise[1]]
    for (const w of this.walkers) if (!w.edited) w.move(added)
    const later = this.walkers.filter(w => w.edited && w.lost === null)
    if (!later.length) return
    this.busy = true
    return Promise.all(later.map(w => w.moveLater(added).catch(e => this.blame(w, e)))).then(() => {
      this.busy = false
    })
  }

  private busy = false

  /** A reader's rule failed: said beside its lines, and in the result. */
  private blame(walker: Walker, error: unknown) {
    const i = this.walkers.indexOf(walker)
    if (i < 0) return
    this.state.chosen[i].fault = this.rows[i].blame(error)
    this.tell(this.result())
  }

  private steps = () => Math.max(...this.walkers.map(w => w.steps))
  private over = () => this.walkers.every(w => w.lost !== null) || this.steps() >= LAST

  private async one() {
    this.keep()
    if (!this.over() && !this.busy) await this.move()
    this.pause()
  }

  private playWord = () => (wantsStillness() ? `Take ${MANY} steps` : 'Play')

  /** Play, or pause; where motion is unwanted, many steps at once. */
  toggle() {
    this.keep()
    if (this.playing) return this.pause()
    if (this.over()) return this.pause()
    if (wantsStillness()) return void this.many()
    this.playing = true
    this.play.textContent = 'Pause'
    this.status.textContent = ''
    this.last = performance.now()
    this.due = 0
    requestAnimationFrame(t => this.frame(t))
  }

  private async many() {
    const {walkers} = this
    for (let i = 0; i < MANY && !this.over() && walkers === this.walkers; i++) {
      const later = this.move()
      if (later) await later
    }
    this.pause()
  }

  private frame(t: number) {
    if (!this.playing) return
    if (!this.host.isConnected) return this.closer()
    this.due += (Math.min(Math.max(t - this.last, 0), 250) / 1000) * this.state.speed
    this.last = t
    const lost = this.walkers.filter(w => w.lost !== null).length
    for (; this.due >= 1 && !this.over() && !this.busy; this.due--) this.move()
    this.due = Math.min(this.due, 50)
    this.show()
    if (this.over()) return this.pause()
    if (this.walkers.filter(w => w.lost !== null).length > lost) this.tell(this.result())
    requestAnimationFrame(next => this.frame(next))
  }

  private pause(words = this.result()) {
    this.playing = false
    this.play.textContent = this.playWord()
    this.tell(words)
    this.show(true)
  }

  private tell(words: string) {
    this.status.textContent = words
  }

  /** What came of it, in words. */
  private result() {
    const each = this.walkers.map((w, i) => {
      const title = this.titleOf(i)
      const {fault} = this.state.chosen[i]
      if (fault) return `${title} stopped at step ${w.lost}: ${fault}`
      if (w.lost === null) return `${title}: height ${say(w.height)}.`
      return `${title} diverged at step ${w.lost} and is stopped: its learning rate ${say(Number(w.hypers.lr))} is too large here.`
    })
    const end = this.steps() >= LAST ? ` The run ends at ${LAST} steps.` : ''
    return `Step ${this.steps()}. ${each.join(' ')}${end}`
  }

  private show(settled = false) {
    if (!this.walkers.length) return
    this.seed.hidden = !this.state.noise
    const shown = this.shown()
    this.stage.more(shown)
    this.count.textContent = `step ${this.steps()}`
    const lines = shown.map(({walker, slot}) => ({slot, ys: above(walker, this.ground.lowest)}))
    drawChart(
      this.chart,
      lines,
      {xLabel: 'step', yLabel: 'height above the lowest', log: true, least: 1e-16},
      50,
    )
    for (const [i, row] of this.rows.entries()) if (this.walkers[i]) row.update(this.walkers[i], settled)
  }
}

const ABOVE = new WeakMap<Walker, number[]>()
/** The heights above the lowest that is known of; grows with the walker. */
function above(walker: Walker, lowest: number) {
  let list = ABOVE.get(walker)
  if (!list) {
    list = []
    ABOVE.set(walker, list)
  }
  for (let i = list.length; i < walker.heights.length; i++) list.push(walker.heights[i] - lowest)
  return list
}
