// The embedded digits, from the letters of generated/pixels.js
import {parts, pixels} from './generated/pixels.js'

// The greys of a row of 8 upsampled to 28 as torch's `interpolate(mode='bilinear')` does it
const places = Array.from({length: 28}, (_, k) => {
  const at = Math.max(Math.fround(Math.fround(8 / 28) * (k + 0.5) - 0.5), 0),
    left = Math.floor(at)
  return {left, right: Math.min(left + 1, 7), share: Math.fround(at - left)}
})

function enlarge(first, n) {
  const x = new Float32Array(n * 784),
    grey = k => (pixels.charCodeAt(k) - 97) / 16,
    mix = (a, b, share) => Math.fround(a * (1 - share) + b * share)
  for (let row = 0; row < n; row++) {
    const from = (first + row) * 64
    for (let r = 0; r < 28; r++) {
      for (let c = 0; c < 28; c++) {
        const {left, right, share} = places[c],
          line = k => mix(grey(from + 8 * k + left), grey(from + 8 * k + right), share)
        x[row * 784 + r * 28 + c] = mix(line(places[r].left), line(places[r].right), places[r].share)
      }
    }
  }
  return x
}

function part([first, threes, sevens]) {
  const y = new Uint8Array(threes + sevens).fill(1, 0, threes)
  return {n: y.length, x: enlarge(first, y.length), y}
}

// The digits of `load_embedded()`: pictures `x`, 784 numbers in [0,1] each; labels `y`, 1 = three; the threes first, as on disk
export function loadDigits() {
  return {train: part(parts.train), valid: part(parts.valid)}
}
