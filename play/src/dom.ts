// Elements in a line, and what every playground asks of its page.

type Attrs = Record<string, string | number | boolean | EventListener | undefined>

/** An element with attributes, `on…` listeners and children. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attrs: Attrs = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attrs)) {
    if (typeof value === 'function') made.addEventListener(name.slice(2), value)
    else if (value === true) made.setAttribute(name, '')
    else if (value !== false && value !== undefined) made.setAttribute(name, String(value))
  }
  made.append(...children)
  return made
}

export const button = (text: string, click: () => void, attrs: Attrs = {}) =>
  el('button', {type: 'button', class: 'play-button', onclick: click, ...attrs}, text)

/** An id that no other element has, of this script or of another on the page. */
export function newId(kind: string) {
  const page = document.documentElement.dataset
  page.playIds = String(Number(page.playIds ?? 0) + 1)
  return `play-${kind}-${page.playIds}`
}

/** Words that only a screen reader reads. */
export const unseen = (text: string) => el('span', {class: 'play-unseen'}, text)

export const wantsStillness = () => matchMedia('(prefers-reduced-motion: reduce)').matches
export const isDark = () => document.documentElement.dataset.theme === 'dark'

/** Call `changed` when the page turns dark or light. Returns what ends that. */
export function onTheme(changed: () => void): () => void {
  const watch = new MutationObserver(changed)
  watch.observe(document.documentElement, {attributes: true, attributeFilter: ['data-theme']})
  return () => watch.disconnect()
}

/** Make the pixels of a canvas those of the screen. Returns its context, in units of the page, and its size. */
export function fit(canvas: HTMLCanvasElement): {ctx: CanvasRenderingContext2D; w: number; h: number} {
  const w = canvas.clientWidth
  const h = canvas.clientHeight
  const dpr = Math.min(devicePixelRatio || 1, 2)
  canvas.width = Math.max(1, Math.round(w * dpr))
  canvas.height = Math.max(1, Math.round(h * dpr))
  const ctx = canvas.getContext('2d')!
  ctx.setTransform(dpr, 0, 0, dpr, 0, 0)
  return {ctx, w, h}
}

/** A number as one would say it. */
export function say(x: number, digits = 3): string {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? 'not a number' : x > 0 ? 'infinite' : 'minus infinity'
  const size = Math.abs(x)
  if (x !== 0 && (size < 1e-4 || size >= 1e6)) return x.toExponential(digits - 1).replace('e+', 'e')
  return String(Number(x.toPrecision(digits)))
}
