export interface Net {
  name: string
  title: string
  hidden: number
  size: number
}

type Pictures = Float32Array | Float64Array

export const nets: Net[]
export function random(seed: number): () => number
export function start(net: Net, seed: number): Float64Array
export function shuffled(n: number, next: () => number): Int32Array
export function score(net: Net, w: Float64Array, x: Pictures, row: number, units?: Float64Array): number
export function lossAndGrad(
  net: Net,
  w: Float64Array,
  x: Pictures,
  y: Uint8Array,
  rows: ArrayLike<number> & Iterable<number>,
  grad: Float64Array,
  flat?: boolean,
): number
export function measure(
  net: Net,
  w: Float64Array,
  x: Pictures,
  y: Uint8Array,
): {loss: number; accuracy: number}
