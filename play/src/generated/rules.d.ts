// Written by tools/play_rules.py from the notebooks: change those, not this.
export interface Hyper {
  name: string
  label: string
  value: number | boolean
  min: number
  max: number
  log: boolean
  kind: 'number' | 'switch'
}

export interface Rule {
  name: string
  title: string
  python: string
  hypers: Hyper[]
  state: string[]
  step(p: Float64Array, g: Float64Array, s: Record<string, Float64Array>, t: number, h: Record<string, number | boolean>): void
}

export const rules: Rule[]
