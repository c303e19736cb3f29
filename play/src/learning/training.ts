import type {Digits} from '../digits.js'
import type {Rule} from '../generated/rules.js'
import {lossAndGrad, measure, type Net, nets, random, shuffled, start} from '../net.js'
import {begin, type Hypers, type State} from '../walk'

export const NETS = nets
export type Mistake = 'sorted' | 'kept' | 'flat' | 'sign'

interface Setup {
  net: Net
  rule: Rule
  hypers: Hypers
  batch: number
  seed: number
  mistakes: ReadonlySet<string>
  digits: {train: Digits; valid: Digits}
  from?: Float64Array // the weights to start from, instead of those that `seed` draws
}

/** A net that learns, a batch at a time, as the loop of lesson 02 has it. */
export class Training {
  readonly net: Net
  readonly w: Float64Array
  steps = 0
  epochs = 0
  broken: number | null = null // the step at which a number was no longer finite
  curves = {
    trainLoss: [] as number[],
    validLoss: [] as number[],
    trainAccuracy: [] as number[],
    validAccuracy: [] as number[],
  }
  private grad: Float64Array
  private state: State
  private order: ArrayLike<number> & Iterable<number>
  private at = 0
  private next: () => number

  constructor(private setup: Setup) {
    this.net = setup.net
    this.w = setup.from ? setup.from.slice() : start(setup.net, setup.seed)
    this.grad = new Float64Array(setup.net.size)
    this.state = begin(setup.rule, setup.net.size, setup.hypers)
    this.next = random(setup.seed + 1)
    this.order = this.newOrder()
    this.note()
  }

  get batches() {
    return Math.ceil(this.setup.digits.train.y.length / this.setup.batch)
  }

  now = () => measure(this.net, this.w, this.setup.digits.valid.x, this.setup.digits.valid.y)

  private newOrder() {
    const n = this.setup.digits.train.y.length
    return this.setup.mistakes.has('sorted')
      ? Int32Array.from({length: n}, (_, i) => i)
      : shuffled(n, this.next)
  }

  private note() {
    const {train, valid} = this.setup.digits
    const [a, b] = [measure(this.net, this.w, train.x, train.y), measure(this.net, this.w, valid.x, valid.y)]
    this.curves.trainLoss.push(a.loss)
    this.curves.validLoss.push(b.loss)
    this.curves.trainAccuracy.push(a.accuracy)
    this.curves.validAccuracy.push(b.accuracy)
  }

  /** One batch: predict, measure, go backwards, step, clear; the mistakes at their places. */
  step() {
    const {rule, hypers, batch, mistakes, digits} = this.setup
    const rows = Array.from(this.order).slice(this.at, this.at + batch)
    const loss = lossAndGrad(
      this.net,
      this.w,
      digits.train.x,
      digits.train.y,
      rows,
      this.grad,
      mistakes.has('flat'),
    )
    const g = mistakes.has('sign') ? this.grad.map(x => -x) : this.grad.slice()
    rule.step(this.w, g, this.state, ++this.steps, hypers)
    if (!mistakes.has('kept')) this.grad.fill(0)
    if (!Number.isFinite(loss + this.w[0] + this.w[this.w.length - 1])) this.broken = this.steps
    this.at += batch
    if (this.at < this.order.length) return
    this.at = 0
    this.epochs++
    this.order = this.newOrder()
    this.note()
  }
}
