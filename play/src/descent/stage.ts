import {color, faint, ink, mark, paper} from '../colors'
import {el, fit, isDark} from '../dom'
import {type Ground, type Point, type View, view} from '../ground'
import type {Walker} from '../walk'

const BANDS = 8
const NEAR = 1e5 // pixels: what is farther out is left out

export interface Shown {
  walker: Walker
  slot: number
}

/** The map: shades for the height, a star on each minimum, a path for each optimizer, a cross for the keyboard. */
export class Stage {
  root: HTMLElement
  cross: Point | null = null
  private shades = el('canvas', {class: 'play-layer'})
  private trails = el('canvas', {class: 'play-layer'})
  private top = el('canvas', {class: 'play-layer'})
  private drawn = new Map<Walker, number>()
  private v!: View
  private ctx!: CanvasRenderingContext2D

  constructor(
    private ground: Ground,
    label: string,
    help: string,
  ) {
    this.root = el(
      'div',
      {class: 'play-map', tabindex: 0, role: 'application', 'aria-label': label, 'aria-describedby': help},
      this.shades,
      this.trails,
      this.top,
    )
  }

  show(ground: Ground, shown: Shown[]) {
    this.ground = ground
    this.all(shown)
  }

  /** Everything anew: another size, theme or surface. */
  all(shown: Shown[]) {
    const {clientWidth: w, clientHeight: h} = this.root
    if (!w || !h) return
    this.v = view(this.ground.x, this.ground.y, w, h)
    this.shade()
    this.again(shown)
  }

  /** The paths anew, from their first step. */
  again(shown: Shown[]) {
    if (!this.v) return
    this.ctx = fit(this.trails).ctx
    this.drawn.clear()
    fit(this.top)
    this.more(shown)
  }

  /** What was added to the paths, and where they are now. */
  more(shown: Shown[]) {
    if (!this.v) return
    for (const s of shown) this.trail(s)
    this.marks(shown)
  }

  pointAt(e: {clientX: number; clientY: number}): Point {
    const box = this.root.getBoundingClientRect()
    return this.v.point(
      e.clientX - box.left - this.root.clientLeft,
      e.clientY - box.top - this.root.clientTop,
    )
  }

  /** A point that many pixels right of and above another, kept inside of the picture. */
  moved([x, y]: Point, right: number, up: number): Point {
    const {clientWidth: w, clientHeight: h} = this.root
    const inside = (p: number, most: number) => Math.min(Math.max(p, 0), most)
    return this.v.point(inside(this.v.across(x) + right, w), inside(this.v.down(y) - up, h))
  }

  private trail({walker, slot}: Shown) {
    const {ctx, v} = this
    const from = this.drawn.get(walker) ?? 0
    const {path} = walker
    if (from && from === walker.steps) return
    ctx.strokeStyle = ctx.fillStyle = color(slot)
    ctx.lineWidth = 1.4
    ctx.beginPath()
    let pen = false
    for (let i = Math.max(0, from); i <= walker.steps; i++) {
      const [x, y] = [v.across(path[2 * i]), v.down(path[2 * i + 1])]
      const near = Math.abs(x) < NEAR && Math.abs(y) < NEAR
      if (near && pen) ctx.lineTo(x, y)
      else if (near) ctx.moveTo(x, y)
      pen = near
    }
    ctx.stroke()
    ctx.beginPath()
    for (let i = Math.max(0, from); i <= walker.steps; i++) {
      const [x, y] = [v.across(path[2 * i]), v.down(path[2 * i + 1])]
      if (!(Math.abs(x) < NEAR && Math.abs(y) < NEAR)) continue
      ctx.moveTo(x, y)
      ctx.arc(x, y, 1.9, 0, 2 * Math.PI)
    }
    ctx.fill()
    this.drawn.set(walker, walker.steps)
  }

  private marks(shown: Shown[]) {
    const {v} = this
    const {clientWidth: w, clientHeight: h} = this.root
    const ctx = this.top.getContext('2d')!
    ctx.clearRect(0, 0, w, h)
    for (const m of this.ground.minima) star(ctx, v.across(m[0]), v.down(m[1]), 9)
    for (const {walker, slot} of shown) {
      const n = walker.steps
      const [x, y] = [v.across(walker.path[2 * n]), v.down(walker.path[2 * n + 1])]
      if (Math.abs(x) < NEAR && Math.abs(y) < NEAR) mark(ctx, slot, x, y, 6)
    }
    if (this.cross) this.crosshair(ctx, v.across(this.cross[0]), v.down(this.cross[1]))
  }

  private crosshair(ctx: CanvasRenderingContext2D, x: number, y: number) {
    for (const [style, width] of [
      [paper(), 5],
      [ink(), 2],
    ] as const) {
      ctx.beginPath()
      for (const [dx, dy] of [
        [14, 0],
        [-14, 0],
        [0, 14],
        [0, -14],
      ]) {
        ctx.moveTo(x + dx / 3, y + dy / 3)
        ctx.lineTo(x + dx, y + dy)
      }
      ctx.lineWidth = width
      ctx.strokeStyle = style
      ctx.stroke()
    }
  }

  /** Height as bands of grey, on a scale that is logarithmic away from the lowest point. */
  private shade() {
    const {ground, v} = this
    const {ctx, w, h} = fit(this.shades)
    const cell = 3
    const [nx, ny] = [Math.ceil(w / cell) + 2, Math.ceil(h / cell) + 2]
    const z = new Float64Array(nx * ny)
    let low = ground.lowest
    let high = -Infinity
    for (let j = 0; j < ny; j++)
      for (let i = 0; i < nx; i++) {
        const value = ground.value(...v.point(i * cell, j * cell))
        z[j * nx + i] = value
        low = Math.min(low, value)
        high = Math.max(high, value)
      }
    const top = Math.log1p(high - low) || 1
    for (let k = 0; k < z.length; k++) z[k] = (Math.log1p(z[k] - low) / top) * BANDS
    const {width, height} = this.shades
    const image = ctx.createImageData(width, height)
    const pixels = new Uint32Array(image.data.buffer)
    const shades = Uint32Array.from({length: BANDS + 1}, (_, b) => grey(b / BANDS))
    const scale = w / width / cell
    for (let y = 0; y < height; y++) {
      const [j, fy] = split(y * scale)
      for (let x = 0; x < width; x++) {
        const [i, fx] = split(x * scale)
        const k = j * nx + i
        const upper = z[k] + (z[k + 1] - z[k]) * fx
        const lower = z[k + nx] + (z[k + nx + 1] - z[k + nx]) * fx
        pixels[y * width + x] = shades[Math.min(BANDS, Math.max(0, Math.floor(upper + (lower - upper) * fy)))]
      }
    }
    ctx.putImageData(image, 0, 0)
    axes(ctx, w, h, v)
  }
}

const split = (x: number): [number, number] => [Math.floor(x), x - Math.floor(x)]

function grey(share: number): number {
  const c = Math.round(isDark() ? 20 + 72 * share : 255 - 100 * share)
  return (255 << 24) | (c << 16) | (c << 8) | c
}

function star(ctx: CanvasRenderingContext2D, x: number, y: number, r: number) {
  ctx.beginPath()
  for (let i = 0; i < 10; i++) {
    const a = -Math.PI / 2 + (i * Math.PI) / 5
    const d = i % 2 ? r * 0.42 : r
    ctx.lineTo(x + d * Math.cos(a), y + d * Math.sin(a))
  }
  ctx.closePath()
  ctx.fillStyle = '#ffffff'
  ctx.fill()
  ctx.lineWidth = 1.2
  ctx.strokeStyle = '#000000'
  ctx.stroke()
}

/** Numbers at the lower and the left edge. */
function axes(ctx: CanvasRenderingContext2D, w: number, h: number, v: View) {
  ctx.font = '11px system-ui, sans-serif'
  ctx.fillStyle = ink()
  ctx.strokeStyle = faint()
  const unit = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20].find(u => u * v.scale > 60) ?? 50
  const [left, top] = v.point(0, 0)
  const [right, bottom] = v.point(w, h)
  ctx.textAlign = 'center'
  ctx.textBaseline = 'bottom'
  for (let x = Math.ceil(left / unit) * unit; x < right; x += unit) {
    if (v.across(x) > 24 && v.across(x) < w - 8)
      ctx.fillText(String(Number(x.toFixed(1))), v.across(x), h - 3)
  }
  ctx.textAlign = 'left'
  ctx.textBaseline = 'middle'
  for (let y = Math.ceil(bottom / unit) * unit; y < top; y += unit) {
    if (v.down(y) > 8 && v.down(y) < h - 20) ctx.fillText(String(Number(y.toFixed(1))), 4, v.down(y))
  }
}
