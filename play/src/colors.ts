import {isDark} from './dom'

// Okabe and Ito (2008), in the order of the plots (COLORS in lesson 05); in the dark as the page shows the plots there: lightness
// turned around, hues kept.
const LIGHT = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000']
const DARK = ['#42b4f4', '#f37c1e', '#0caa7f', '#af5c8a', '#a05900', '#0d6ba0', '#ffffff']

export const MOST = LIGHT.length
export const color = (slot: number) => (isDark() ? DARK : LIGHT)[slot % MOST]
export const ink = () => (isDark() ? '#e6e6e6' : '#222222')
export const faint = () => (isDark() ? '#666666' : '#bbbbbb')
export const paper = () => (isDark() ? '#14181e' : '#ffffff')

/** A shape for each slot, for eyes that tell colours badly: drawn around (x, y). */
export function mark(ctx: CanvasRenderingContext2D, slot: number, x: number, y: number, r: number) {
  const corners = [0, 4, 3, 4, 3, 5, 6][slot % MOST]
  const turn = [0, Math.PI / 4, -Math.PI / 2, 0, Math.PI / 2, -Math.PI / 2, 0][slot % MOST]
  ctx.beginPath()
  if (!corners) ctx.arc(x, y, r, 0, 2 * Math.PI)
  for (let i = 0; i < corners; i++) {
    const a = turn + (2 * Math.PI * i) / corners
    ctx.lineTo(x + 1.25 * r * Math.cos(a), y + 1.25 * r * Math.sin(a))
  }
  ctx.closePath()
  ctx.fillStyle = color(slot)
  ctx.fill()
  ctx.lineWidth = 1.5
  ctx.strokeStyle = paper()
  ctx.stroke()
}
