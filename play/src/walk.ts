import type {Rule} from './generated/rules.js'
import type {Ground, Point} from './ground'

export type Hypers = Record<string, number | boolean>
export type State = Record<string, Float64Array>

export const defaults = (rule: Rule): Hypers => Object.fromEntries(rule.hypers.map(h => [h.name, h.value]))

/** What a rule remembers at the start: zeros, or what its hyper-parameters say. */
export function begin(rule: {state: string[]}, n: number, hypers: Hypers): State {
  const first = hypers.initial_accumulator_value
  const fill = typeof first === 'number' ? first : 0
  return Object.fromEntries(rule.state.map(s => [s, new Float64Array(n).fill(fill)]))
}

/** The numbers of one step: the gradient, the place before and after, and what the rule remembers then. */
export interface Seen {
  g: Point
  before: Point
  after: Point
  state: Record<string, Point>
}

const FAR = 1e8

/** A rule that the reader wrote: its steps are answered later, and may fail. */
export interface Edited {
  state: string[]
  hypers: {name: string; value: number | boolean}[]
  step(p: Float64Array, g: Float64Array, s: State, t: number, h: Hypers): Promise<void>
}

/** One optimizer on its way over a surface. Its hyper-parameters may change between two steps; what it remembers stays. */
export class Walker {
  path: number[]
  heights: number[]
  lost: number | null = null // the step at which it diverged
  seen: Seen | null = null
  private p: Float64Array
  private state: State

  constructor(
    readonly rule: Rule,
    readonly hypers: Hypers,
    readonly ground: Ground,
    start: Point,
    readonly edited: Edited | null = null,
  ) {
    this.p = Float64Array.from(start)
    this.state = begin(edited ?? rule, 2, hypers)
    this.path = [...start]
    this.heights = [ground.value(...start)]
  }

  get steps() {
    return this.heights.length - 1
  }

  get height() {
    return this.heights[this.steps]
  }

  /** A step, with `noise` added to the gradient. Not finite, or far above where it began: lost, and that is all. */
  move(noise: Point = [0, 0]) {
    if (this.lost !== null) return
    const g = this.gradient(noise)
    const before = this.at()
    this.rule.step(this.p, g.slice(), this.state, this.steps + 1, this.hypers)
    this.note(before, g)
  }

  /** A step by the reader's rule. What goes wrong in it is for the caller; the walker is lost. */
  async moveLater(noise: Point = [0, 0]) {
    if (this.lost !== null || !this.edited) return
    const g = this.gradient(noise)
    const before = this.at()
    const hypers = {...Object.fromEntries(this.edited.hypers.map(h => [h.name, h.value])), ...this.hypers}
    try {
      await this.edited.step(this.p, g.slice(), this.state, this.steps + 1, hypers)
    } catch (error) {
      this.lost = this.steps + 1
      throw error
    }
    this.note(before, g)
  }

  private at = (): Point => [this.p[0], this.p[1]]

  private gradient(noise: Point) {
    const [gx, gy] = this.ground.grad(this.p[0], this.p[1])
    return Float64Array.of(gx + noise[0], gy + noise[1])
  }

  private note(before: Point, g: Float64Array) {
    const height = this.ground.value(this.p[0], this.p[1])
    this.path.push(this.p[0], this.p[1])
    this.heights.push(height)
    const state = Object.fromEntries(Object.entries(this.state).map(([n, s]) => [n, [s[0], s[1]] as Point]))
    this.seen = {g: [g[0], g[1]], before, after: this.at(), state}
    const high = FAR * Math.max(1, Math.abs(this.heights[0]))
    if (!(Number.isFinite(this.p[0] + this.p[1]) && Math.abs(height) < high)) this.lost = this.steps
  }
}

// The grid of lesson 05: 1, 2 and 5 times each power of ten, and ten.
const LRS = [...[-4, -3, -2, -1, 0].flatMap(e => [1, 2, 5].map(m => m * 10 ** e)), 10].map(x =>
  Number(x.toPrecision(3)),
)

/** The learning rate of the grid whose path ends lowest, as `best_lr` of lesson 05 has it; null if all paths diverge. */
export function bestRate(
  rule: Rule,
  hypers: Hypers,
  ground: Ground,
  start: Point,
  steps = 100,
): number | null {
  let best: number | null = null
  let least = Infinity
  for (const lr of LRS) {
    const walker = new Walker(rule, {...hypers, lr}, ground, start)
    while (walker.steps < steps && walker.lost === null) walker.move()
    if (walker.lost === null && walker.height < least) [best, least] = [lr, walker.height]
  }
  return best
}
