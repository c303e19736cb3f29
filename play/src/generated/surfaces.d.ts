// Written by tools/play_rules.py from the notebooks: change those, not this.
export interface Surface {
  name: string
  title: string
  formula: string
  start: [number, number]
  minimum?: [number, number]
  minima: [number, number][]
  x: [number, number]
  y: [number, number]
  value(x: number, y: number): number
  grad(x: number, y: number): [number, number]
}

export const surfaces: Surface[]
