import type {Surface} from './generated/surfaces.js'

export type Point = [number, number]
export interface Ground {
  name: string
  title: string
  value(x: number, y: number): number
  grad(x: number, y: number): Point
  start: Point
  minima: Point[]
  /** The least height that is known of: heights are drawn above it. */
  lowest: number
  /** What it is turned around. */
  around: Point
  /** What a picture must show. */
  x: Point
  y: Point
}

export function turn([x, y]: Point, degrees: number, [cx, cy]: Point): Point {
  const a = (degrees * Math.PI) / 180
  const [c, s] = [Math.cos(a), Math.sin(a)]
  return [cx + c * (x - cx) - s * (y - cy), cy + s * (x - cx) + c * (y - cy)]
}

/** A surface turned by an angle around its minimum, or around the middle of its picture where it has none or several. */
export function turned(surface: Surface, degrees: number): Ground {
  const minima = surface.minima.slice()
  const middle: Point = [(surface.x[0] + surface.x[1]) / 2, (surface.y[0] + surface.y[1]) / 2]
  const around = minima.length === 1 ? minima[0] : middle
  const lowest = minima.length ? surface.value(...minima[0]) : lowestOf(surface)
  if (!degrees) return {...surface, minima, lowest, around}
  const back = (p: Point) => turn(p, -degrees, around)
  const corners = surface.x.flatMap(x => surface.y.map((y): Point => turn([x, y], degrees, around)))
  const range = (i: 0 | 1): Point => [
    Math.min(...corners.map(c => c[i])),
    Math.max(...corners.map(c => c[i])),
  ]
  return {
    ...surface,
    value: (x, y) => surface.value(...back([x, y])),
    grad: (x, y) => turn(surface.grad(...back([x, y])), degrees, [0, 0]),
    start: turn(surface.start, degrees, around),
    minima: minima.map(m => turn(m, degrees, around)),
    lowest,
    around,
    x: range(0),
    y: range(1),
  }
}

function lowestOf({x, y, value}: Surface) {
  let least = Infinity
  for (let i = 0; i <= 100; i++)
    for (let j = 0; j <= 100; j++)
      least = Math.min(least, value(x[0] + ((x[1] - x[0]) * i) / 100, y[0] + ((y[1] - y[0]) * j) / 100))
  return least
}

/** The part of the plane that a picture of w × h shows: all that it must, one unit as long across as upwards. */
export function view(x: Point, y: Point, w: number, h: number) {
  const scale = Math.min(w / (x[1] - x[0]), h / (y[1] - y[0]))
  const left = (x[0] + x[1]) / 2 - w / 2 / scale
  const top = (y[0] + y[1]) / 2 + h / 2 / scale
  return {
    scale,
    across: (px: number) => (px - left) * scale,
    down: (py: number) => (top - py) * scale,
    point: (sx: number, sy: number): Point => [left + sx / scale, top - sy / scale],
  }
}
export type View = ReturnType<typeof view>
