import {numberIn} from '../address'
import {type Chosen, choose, readChosen, writeChosen} from '../chosen'
import {MOST} from '../colors'
import {rules} from '../generated/rules.js'
import {type Surface, surfaces} from '../generated/surfaces.js'
import type {Point} from '../ground'

export interface DescentState {
  surface: Surface
  start: Point | null // before the surface is turned; null: its own
  turn: number // degrees
  noise: number // in lengths of the gradient at the start
  seed: number
  speed: number // steps a second
  chosen: Chosen[]
}

export const RANGE = {turn: [-180, 180], noise: [0, 2], seed: [0, 999999], speed: [1, 240]} as const
export const SPEED = 20

export const initial = (): DescentState => ({
  surface: surfaces[0],
  start: null,
  turn: 0,
  noise: 0,
  seed: 1,
  speed: SPEED,
  chosen: [choose(rules[0], 0)],
})

/** The state that pairs of an address describe, and a word for each that isn't understood: there the default stands. */
export function read(items: [string, string][], state = initial()): {state: DescentState; wrong: string[]} {
  const wrong: string[] = []
  const chosen: Chosen[] = []
  for (const [name, value] of items) {
    if (!readOne(name, value, state, chosen)) wrong.push(value ? `${name}=${value}` : name)
  }
  if (chosen.length) state.chosen = chosen
  return {state, wrong}
}

function readOne(name: string, value: string, state: DescentState, chosen: Chosen[]): boolean {
  if (name === 'with') {
    const one = chosen.length < MOST ? readChosen(value, chosen.length) : null
    if (one) chosen.push(one)
    return !!one
  }
  if (name === 'surface') {
    const surface = surfaces.find(s => s.name === value)
    if (surface) state.surface = surface
    return !!surface
  }
  if (name === 'start') {
    const at = value.split(',').map(v => numberIn(v, -1e6, 1e6))
    if (at.length !== 2 || at.includes(null)) return false
    state.start = at as Point
    return true
  }
  if (!(name in RANGE)) return false
  const key = name as keyof typeof RANGE
  const [low, high] = RANGE[key]
  const x = numberIn(value, low, high)
  if (x === null || (key === 'seed' && !Number.isInteger(x))) return false
  state[key] = x
  return true
}

/** The state as pairs for the address, without what stands at its default. */
export function write(state: DescentState): [string, string][] {
  const items: [string, string][] = [['surface', state.surface.name]]
  if (state.start) items.push(['start', state.start.map(x => Number(x.toPrecision(6))).join(',')])
  if (state.turn) items.push(['turn', String(state.turn)])
  if (state.noise) items.push(['noise', String(state.noise)], ['seed', String(state.seed)])
  if (state.speed !== SPEED) items.push(['speed', String(state.speed)])
  return [...items, ...state.chosen.map((c): [string, string] => ['with', writeChosen(c)])]
}
