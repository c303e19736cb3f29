import {color, faint, ink, mark} from './colors'
import {fit} from './dom'

export interface Line {
  slot: number
  ys: number[]
  dashed?: boolean
}

export interface ChartOptions {
  xLabel: string
  yLabel: string
  log?: boolean
  least?: number // what is smaller is drawn there
  range?: [number, number]
}

const LEFT = 52
const RIGHT = 12
const TOP = 18
const BOTTOM = 32

/** Numbers against their place in a list, several lines in one picture. */
export function drawChart(canvas: HTMLCanvasElement, lines: Line[], o: ChartOptions, least = 10) {
  const {ctx, w, h} = fit(canvas)
  ctx.clearRect(0, 0, w, h)
  const far = nice(Math.max(least, ...lines.map(l => l.ys.length - 1)))
  const to = (y: number) => (o.log ? Math.log10(Math.max(y, o.least ?? 1e-16)) : y)
  const [low, high] = o.range ?? rangeOf(lines, to, !!o.log)
  const sx = (x: number) => LEFT + ((w - LEFT - RIGHT) * x) / far
  const sy = (y: number) => h - BOTTOM - ((h - TOP - BOTTOM) * (y - low)) / (high - low)
  frame(ctx, w, h, {low, high, far, sx, sy, o})
  ctx.save()
  ctx.beginPath()
  ctx.rect(LEFT, TOP - 4, w - LEFT - RIGHT + 6, h - TOP - BOTTOM + 8)
  ctx.clip()
  for (const {slot, ys, dashed} of lines) {
    const stride = Math.max(1, Math.floor(ys.length / (w - LEFT)))
    ctx.beginPath()
    let last = -1
    for (let i = 0; i < ys.length; i += stride) {
      if (!Number.isFinite(ys[i])) break
      ctx.lineTo(sx(i), sy(to(ys[i])))
      last = i
    }
    ctx.setLineDash(dashed ? [5, 4] : [])
    ctx.lineWidth = 1.8
    ctx.strokeStyle = color(slot)
    ctx.stroke()
    ctx.setLineDash([])
    if (last >= 0) mark(ctx, slot, sx(last), sy(to(ys[last])), 4)
  }
  ctx.restore()
}

function nice(x: number, steps = [1, 1.5, 2, 3, 5, 7, 10]) {
  const unit = 10 ** Math.floor(Math.log10(x))
  return unit * (steps.find(m => m * unit >= x) ?? 10)
}

function rangeOf(lines: Line[], to: (y: number) => number, log: boolean): [number, number] {
  let low = Infinity
  let high = -Infinity
  for (const {ys} of lines) {
    const stride = Math.max(1, Math.floor(ys.length / 2000))
    for (let i = 0; i < ys.length; i += stride) {
      if (!Number.isFinite(ys[i])) continue
      low = Math.min(low, to(ys[i]))
      high = Math.max(high, to(ys[i]))
    }
  }
  if (low > high) return log ? [-1, 1] : [0, 1]
  if (log)
    return [Math.floor(low - 0.01), Math.min(Math.max(Math.ceil(high + 0.01), Math.floor(low) + 1), 12)]
  return [low, high === low ? low + 1 : high]
}

interface Frame {
  low: number
  high: number
  far: number
  sx: (x: number) => number
  sy: (y: number) => number
  o: ChartOptions
}

function frame(ctx: CanvasRenderingContext2D, w: number, h: number, {low, high, far, sx, sy, o}: Frame) {
  ctx.font = '12px system-ui, sans-serif'
  ctx.fillStyle = ink()
  ctx.strokeStyle = faint()
  ctx.lineWidth = 0.5
  ctx.textAlign = 'right'
  ctx.textBaseline = 'middle'
  const step = o.log ? Math.max(1, Math.ceil((high - low) / 5)) : nice((high - low) / 4, [1, 2, 2.5, 5, 10])
  for (let y = Math.ceil(low / step) * step; y <= high + 1e-9; y += step) {
    ctx.beginPath()
    ctx.moveTo(LEFT, sy(y))
    ctx.lineTo(w - RIGHT, sy(y))
    ctx.stroke()
    ctx.fillText(o.log ? power(y) : String(Number(y.toPrecision(3))), LEFT - 6, sy(y))
  }
  ctx.textAlign = 'center'
  ctx.textBaseline = 'top'
  const ticks = w < 420 ? 2 : 4
  for (let i = 0; i <= ticks; i++) {
    const x = (far * i) / ticks
    if (Number.isInteger(x)) ctx.fillText(String(x), sx(x), h - BOTTOM + 4)
  }
  ctx.fillText(o.xLabel, LEFT + (w - LEFT - RIGHT) / 2, h - 14)
  ctx.textAlign = 'left'
  ctx.fillText(o.yLabel, 2, 0)
}

const SMALL = '⁰¹²³⁴⁵⁶⁷⁸⁹'
function power(e: number) {
  if (e === 0) return '1'
  if (e === 1) return '10'
  const digits = [...String(Math.abs(e))].map(d => SMALL[Number(d)]).join('')
  return `10${e < 0 ? '⁻' : ''}${digits}`
}
