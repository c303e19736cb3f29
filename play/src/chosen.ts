import {call, numberIn} from './address'
import {type Rule, rules} from './generated/rules.js'
import {defaults, type Edited, type Hypers} from './walk'

/** An optimizer that was chosen. `auto`: its learning rate is the one that the grid of lesson 05 finds. */
export interface Chosen {
  rule: Rule
  hypers: Hypers
  auto: boolean
  slot: number
  edited?: Edited // the reader's version, which runs in its place
  fault?: string // what went wrong in it
}

export const choose = (rule: Rule, slot: number, given: Hypers = {}): Chosen => ({
  rule,
  hypers: {...defaults(rule), ...given},
  auto: !('lr' in given),
  slot,
})

/** `adam(lr:0.1)` as an optimizer; null for what isn't one, or isn't in range. */
export function readChosen(value: string, slot: number): Chosen | null {
  const m = call(value)
  const rule = rules.find(r => r.name === m?.name)
  if (!m || !rule) return null
  const given: Hypers = {}
  for (const [name, v] of m.args) {
    const hyper = rule.hypers.find(h => h.name === name)
    if (!hyper) return null
    const x =
      hyper.kind === 'switch' ? ({true: true, false: false}[v] ?? null) : numberIn(v, hyper.min, hyper.max)
    if (x === null) return null
    given[name] = x
  }
  return choose(rule, slot, given)
}

/** An optimizer as `readChosen` reads it, without what stands at its default. */
export function writeChosen({rule, hypers, auto}: Chosen): string {
  const changed = rule.hypers.filter(h => (h.name === 'lr' ? !auto : hypers[h.name] !== h.value))
  const args = changed.map(h => `${h.name}:${hypers[h.name]}`)
  return args.length ? `${rule.name}(${args.join(',')})` : rule.name
}
