export interface Digits {
  n: number
  x: Float32Array
  y: Uint8Array
}

export function loadDigits(): {train: Digits; valid: Digits}
