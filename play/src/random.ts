/** Normally distributed numbers, the same ones for the same seed. */
export function gaussians(seed: number): () => number {
  let s = seed >>> 0
  const uniform = () => {
    s = (s + 0x6d2b79f5) >>> 0
    let t = Math.imul(s ^ (s >>> 15), 1 | s)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
}

/** The numbers from 0 to n - 1 in an order drawn by `seed`. */
export function shuffled(n: number, seed: number): number[] {
  const draw = gaussians(seed)
  const keys = Array.from({length: n}, draw)
  return keys.map((_, i) => i).sort((a, b) => keys[a] - keys[b])
}
